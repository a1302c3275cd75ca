# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, what their privileges apply to, and the words for privileges."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

ALL = "ALL PRIVILEGES"
GRANT_OPTION = "GRANT OPTION"
# Words of SHOW PRIVILEGES that no GRANT ... ON an object gives.
NOT_GRANTABLE = frozenset({"USAGE", "PROXY"})

# Every other privilege is global. Source: MySQL Reference Manual, "Privileges
# Provided by MySQL"; MariaDB Knowledge Base, "GRANT".
TABLE_PRIVILEGES = frozenset(
    {
        "ALTER",
        "CREATE",
        "CREATE VIEW",
        "DELETE",
        "DELETE HISTORY",
        "DROP",
        GRANT_OPTION,
        "INDEX",
        "INSERT",
        "REFERENCES",
        "SELECT",
        "SHOW VIEW",
        "TRIGGER",
        "UPDATE",
    }
)
COLUMN_PRIVILEGES = frozenset({"INSERT", "REFERENCES", "SELECT", "UPDATE"})
SCHEMA_PRIVILEGES = TABLE_PRIVILEGES | {
    "ALTER ROUTINE",
    "CREATE ROUTINE",
    "CREATE TEMPORARY TABLES",
    "EVENT",
    "EXECUTE",
    "LOCK TABLES",
    "SHOW CREATE ROUTINE",
}

# What becomes of the password before, when an account gets another.
KEEP = "keep"
DISCARD = "discard"

# The servers' own accounts: their views and checks stop working without them.
SERVER_ACCOUNTS = frozenset({"mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys"})


@dataclass(frozen=True)
class Account:
    """A user's name with the hosts that it may come from, a LIKE pattern.

    A role is one too; on a server whose roles have no hosts its host is empty.
    """

    name: str
    host: str

    def __str__(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name

    @property
    def problems(self) -> list[str]:
        """Say what is wrong with the account by itself."""
        found = []
        if not self.name:
            found.append(
                "An account has no name; an anonymous account would catch logins that are meant "
                "for others. Give it a name."
            )
        elif self.name in SERVER_ACCOUNTS:
            found.append(
                f"{self} is an internal account of the server and must not be changed; leave it "
                f"out."
            )
        if not self.host:
            found.append(f"{self.name}@: an empty host; write '%' for any.")
        return found


@dataclass(frozen=True)
class Scope:
    r"""What privileges apply to: everything, a schema or schemas, one table, or one routine.

    ``schema`` is spelled as the servers store it: None for everything; for a
    schema's privileges a pattern, in which ``%`` and ``_`` are wildcards and
    ``\_`` is the character itself; for a table's a plain name. ``routine`` is the
    server's word for what ``table`` then names: PROCEDURE, FUNCTION.
    """

    schema: str | None = None
    table: str | None = None
    routine: str = ""

    @classmethod
    def parse(cls, text: str) -> Scope:
        r"""Return the scope that a user means by ``*.*``, ``schema.*`` or ``schema.table``.

        An underscore is the character itself: as a wildcard it would open a
        schema that nobody meant (``usage_data`` matches ``usageXdata``). ``%`` in
        a schema stays a wildcard, so that one grant can cover a family of
        schemas. Raises ``ValueError`` for any other text.
        """
        if text == "*.*":
            return cls()
        found = re.fullmatch(
            r"(?:`((?:[^`]|``)+)`|([^`.\s]+))\.(?:(\*)|`((?:[^`]|``)+)`|([^`.*\s]+))", text
        )
        if not found or found[2] == "*":
            raise ValueError(
                f"{text!r} is not an object of a grant; write '*.*', 'schema.*' or 'schema.table'"
            )
        schema = found[2] or found[1].replace("``", "`")
        if found[3]:
            return cls(re.sub(r"\\?_", r"\\_", schema))
        table = found[5] or found[4].replace("``", "`")
        return cls(_unescaped(schema), table)

    def named(self, names: Names) -> Scope:
        """Return the scope under the names that a server has for schemas and tables."""
        if self.schema is None:
            return self
        table = self.table and names.stored(self.table)
        return replace(self, schema=names.stored(self.schema), table=table)

    @property
    def allowed(self) -> frozenset[str] | None:
        """The privileges that can be granted here; None: all there are."""
        if self.schema is None:
            return None
        return SCHEMA_PRIVILEGES if self.table is None else TABLE_PRIVILEGES

    @property
    def is_schema(self) -> bool:
        """Whether it is a schema, or a pattern for schemas."""
        return self.schema is not None and self.table is None

    @property
    def has_wildcard(self) -> bool:
        """Whether it is a pattern that other schemas than the one named can match."""
        return self.is_schema and bool(re.search(r"[%_]", re.sub(r"\\.", "", self.schema or "")))

    def literal(self) -> Scope:
        """Return the same scope for a server that takes patterns as plain names."""
        return Scope(_unescaped(self.schema)) if self.is_schema else self

    def same_as(self, other: Scope) -> bool:
        """Tell whether both name one thing, but for the underscores' spelling.

        Most grants made by hand say ``usage_data`` and mean no wildcard.
        """
        return self.is_schema == other.is_schema and str(self) == str(other)

    def covers(self, other: Scope) -> bool:
        """Tell whether this schema pattern matches the one schema that ``other`` names."""
        if not (self.is_schema and other.is_schema) or other.has_wildcard:
            return False
        tokens = re.findall(r"\\.|.", self.schema or "", re.DOTALL)
        wildcards = {"%": ".*", "_": "."}
        pattern = "".join(wildcards.get(token) or re.escape(token[-1]) for token in tokens)
        return bool(re.fullmatch(pattern, _unescaped(other.schema), re.DOTALL))

    def __str__(self) -> str:
        if self.schema is None:
            return "*.*"
        if self.table is None:
            return self.schema.replace("\\_", "_") + ".*"
        return f"{self.routine} {self.schema}.{self.table}".lstrip()


@dataclass(frozen=True)
class Vocabulary:
    """A server's words for privileges, and what users may write for them.

    ``spelling`` maps a word as this collection compares it (``canonical``) to
    the word of the server's GRANT; ``synonyms`` maps a word to those that give
    the same abilities on this server, ``objects`` a table to the one in which this
    server keeps the same.
    """

    flavour: str
    spelling: Mapping[str, str]
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    objects: Mapping[Scope, Scope] = field(default_factory=dict)

    def placed(
        self, privileges: Mapping[Scope, tuple[str, ...]]
    ) -> Mapping[Scope, tuple[str, ...]]:
        """Return privileges on the objects that this server has for those that are named."""
        found: dict[Scope, tuple[str, ...]] = {}
        for scope, words in privileges.items():
            own = self.objects.get(scope, scope)
            found[own] = found.get(own, ()) + words
        return found

    def resolve(self, words: Iterable[str], scope: Scope) -> tuple[frozenset[str], list[str]]:
        """Return the privileges that ``words`` mean at ``scope``, and what is wrong with them.

        ``SELECT (id, name)`` means ``SELECT (id)`` and ``SELECT (name)``.
        """
        meant: set[str] = set()
        problems = []
        for word in words:
            plain, columns = split_columns(word)
            name = canonical(plain)
            parts = self.synonyms.get(name, (name,))
            if columns is not None:
                wrong = _wrong_columns(word, name, columns, scope)
                problems += wrong
                meant.update(f"{name} ({column})" for column in columns if not wrong)
            elif name in ("ALL", ALL):
                meant |= self.all_of(scope)
            elif name == "USAGE":
                continue
            elif not all(part in self.grantable for part in parts):
                problems.append(self._unknown(word, name))
            elif scope.allowed is not None and not scope.allowed.issuperset(parts):
                level = "*.* or a whole schema" if name in SCHEMA_PRIVILEGES else "*.*"
                problems.append(f"{name} cannot be granted on {scope}, only on {level}.")
            else:
                meant.update(parts)
        if scope.table is not None and meant == {GRANT_OPTION}:
            problems.append(
                f"{GRANT_OPTION} alone on {scope}: there is nothing to pass on. Name the "
                "privileges as well."
            )
        return frozenset(meant), problems

    def all_of(self, scope: Scope) -> frozenset[str]:
        """Return what ALL PRIVILEGES means at ``scope``; GRANT OPTION is never part of it."""
        everything = self.grantable - {GRANT_OPTION}
        return everything if scope.allowed is None else everything & scope.allowed

    @property
    def grantable(self) -> frozenset[str]:
        """Every privilege of the server that an account can be granted on something."""
        return frozenset(self.spelling) - NOT_GRANTABLE

    def _unknown(self, word: str, name: str) -> str:
        known = [*self.grantable, *self.synonyms, ALL]
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]}?" if close else "SHOW PRIVILEGES lists them."
        return f"{word!r} is not a privilege of this {self.flavour} server; {hint}"


def split_columns(word: str) -> tuple[str, list[str] | None]:
    """Return a word without its columns, and the columns; None: it has none.

    A column is one character or more: what stands in the parentheses and is none
    makes an empty list.
    """
    found = re.fullmatch(r"([^(]+)\((.*)\)\s*", word, re.DOTALL)
    if not found:
        return word, None
    name = r"\s*(?:`((?:[^`]|``)+)`|([^`,()\s]+))\s*"
    if not re.fullmatch(rf"{name}(?:,{name})*", found[2]):
        return found[1], []
    parts = re.findall(name, found[2])
    return found[1], [quoted.replace("``", "`") or bare for quoted, bare in parts]


def _wrong_columns(word: str, name: str, columns: list[str], scope: Scope) -> list[str]:
    if scope.table is None:
        return [f"{word} cannot be granted on {scope}, only on a table; write schema.table."]
    if name not in COLUMN_PRIVILEGES:
        return [f"{word}: only {', '.join(sorted(COLUMN_PRIVILEGES))} can be granted on columns."]
    if not columns:
        return [
            f"{word!r} names no columns; separate them with commas, as in SELECT (id, name), and "
            "put names with other characters in backquotes."
        ]
    return []


def canonical(word: str) -> str:
    """Return a word as it is compared: MySQL's BINLOG_ADMIN is MariaDB's BINLOG ADMIN."""
    return " ".join(word.replace("_", " ").upper().split())


@dataclass(frozen=True)
class DesiredAccount:
    """What a user asks of one account.

    ``password``, ``require_tls``, ``privileges``, ``roles``, ``default_roles`` and
    ``locked`` are None where the user says nothing, and ``limits`` has only those
    that are named. ``update_password`` tells whether an existing account's
    password is compared and set; ``old_password`` what becomes of the one before:
    KEEP, DISCARD, or None: it ends with the change. ``revoke_unlisted`` tells
    whether privileges and roles are exactly those listed, or at least those.
    """

    account: Account
    present: bool = True
    password: Secret | None = None
    update_password: bool = True
    require_tls: bool | None = None
    privileges: Mapping[Scope, tuple[str, ...]] | None = None
    is_role: bool = False
    revoke_unlisted: bool = False
    roles: tuple[Account, ...] | None = None
    default_roles: tuple[Account, ...] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    locked: bool | None = None
    old_password: str | None = None

    def named(self, names: Names) -> DesiredAccount:
        """Return what is asked for, its privileges on schemas and tables as a server names them."""
        if self.privileges is None:
            return self
        privileges: dict[Scope, tuple[str, ...]] = {}
        for scope, words in self.privileges.items():
            stored = scope.named(names)
            privileges[stored] = privileges.get(stored, ()) + words
        return replace(self, privileges=privileges)


@dataclass(frozen=True)
class CurrentAccount:
    """What a server has of one account.

    ``password_matches`` is None where nobody asked. ``tls`` is the server's word:
    empty, or ANY, X509, SPECIFIED. ``other_methods`` are plugins that let the
    account in besides ``plugin``; ``keepable`` tells whether all of them can be
    named again in an ALTER USER, because none has a secret of its own.
    ``stored`` is the present password's hash where it can be named again,
    ``has_password`` whether there is one, and ``has_old_password`` whether the
    one before still lets in. ``limits`` has only those that are set.
    ``admin_roles`` are those of the roles that it may give to others,
    ``proxied`` the accounts that it may act as, ``restrictions`` the privileges
    that partial revokes take away, by schema.
    """

    plugin: str
    password_matches: bool | None = None
    tls: str = ""
    grants: Mapping[Scope, frozenset[str]] = field(default_factory=dict)
    other_methods: tuple[str, ...] = ()
    keepable: bool = True
    is_role: bool = False
    stored: Secret | None = None
    has_password: bool = True
    has_old_password: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    locked: bool = False
    roles: frozenset[Account] = frozenset()
    default_roles: frozenset[Account] = frozenset()
    admin_roles: frozenset[Account] = frozenset()
    proxied: tuple[str, ...] = ()
    restrictions: Mapping[str, frozenset[str]] = field(default_factory=dict)


def _unescaped(schema: str | None) -> str:
    return re.sub(r"\\([_%\\])", r"\1", schema or "")
