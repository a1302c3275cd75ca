# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that hold placements, as SQL for MariaDB and MySQL.

Every table begins with ``topology`` and ``placement``, and all but the first go on with
``version``, so that each row says by itself what it is part of, and foreign keys keep the parts of
a version together. None has an action: a cascade would fire no trigger.

``placement``
    the placements there are.
``placement_version``
    what a version is: its ``kind``, and what that kind needs (``slots``, ``logical_shards``,
    the three ``bits``; nothing for another kind). ``role`` is ``current`` for the version that
    holds, ``next`` for the one that a change in progress leads to, and NULL for one that is being
    filled or is over; a placement has one of each at most.
``placement_shard``
    the shards of a version, each with its ``weight`` (1 outside a ring).
``placement_point``
    a ring's points. A key's shard is that of the first ``point`` at or after its hash, and after
    the last one that of the first.
``placement_slot``
    the shard of each slot of ``modulo``, 0 to ``slots`` - 1.
``placement_logical_shard``
    the shard on which each logical shard is, 0 to ``logical_shards`` - 1, and those that have keys
    by pins alone. A move of one is an UPDATE of its row in the current version.
``placement_key``
    the shard of each key of a ``directory``. A move of one is an UPDATE of its row in the
    current version.
``placement_pin``
    keys placed by hand over any kind: on a shard, or of a pre-sharded version in a logical shard.
``placement_moved``
    the keys for which the version with the role ``next`` holds already. For all others the
    current one does.

``key_text`` has the key's UTF-8 bytes: so 'a', 'A' and 'a ' are three keys on every server. The
column ``shard_number`` of ``placement_shard`` is where a directory of servers adds a foreign key
to its table of shards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import key_text
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    Directory,
    Modulo,
    Placement,
    PreSharded,
    Ring,
    ShardInId,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
)

# Of a statement that inserts many; far below the smallest max_allowed_packet.
_ROWS = 1000
_NAME = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
_COLUMNS = {
    "topology": _NAME,
    "placement": _NAME,
    "version": "INT UNSIGNED NOT NULL",
    "kind": "VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL",
    "role": "VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NULL",
    "slots": "INT UNSIGNED NULL",
    "logical_shards": "INT UNSIGNED NULL",
    "shard_bits": "TINYINT UNSIGNED NULL",
    "type_bits": "TINYINT UNSIGNED NULL",
    "local_bits": "TINYINT UNSIGNED NULL",
    "weight": "DOUBLE NOT NULL DEFAULT 1",
    "point": "BIGINT UNSIGNED NOT NULL",
    "slot": "INT UNSIGNED NOT NULL",
    "logical_shard": "INT UNSIGNED NOT NULL",
    "shard_number": "INT UNSIGNED NOT NULL",
    "key_text": "VARBINARY(1020) NOT NULL",
}
_VERSION = ("topology", "placement", "version")
_CHECKS = {
    "placement_version_is_counted": "version > 0",
    "placement_version_kind": "kind IN ('directory', 'modulo', 'ring', 'id_bits', 'pre_sharded')",
    "placement_version_role": "role IN ('current', 'next')",
    "placement_version_slots": "(kind = 'modulo') = (slots IS NOT NULL) AND COALESCE(slots, 1) > 0",
    "placement_version_logical_shards": (
        "(kind = 'pre_sharded') = (logical_shards IS NOT NULL) AND COALESCE(logical_shards, 1) > 0"
    ),
    "placement_version_bits": (
        "(kind = 'id_bits') = (shard_bits IS NOT NULL) "
        "AND (kind = 'id_bits') = (type_bits IS NOT NULL) "
        "AND (kind = 'id_bits') = (local_bits IS NOT NULL) "
        "AND COALESCE(shard_bits, 1) > 0 AND COALESCE(local_bits, 1) > 0 "
        "AND COALESCE(shard_bits + type_bits + local_bits, 1) <= 63"
    ),
}


@dataclass(frozen=True)
class Table:
    """A table: its columns with their types, its keys, and its checks by name.

    ``parents`` are the tables whose rows its rows belong to, by the columns that name them.
    """

    name: str
    columns: Mapping[str, str]
    primary_key: Sequence[str]
    unique: Mapping[str, Sequence[str]]
    parents: Mapping[str, Sequence[str]]
    checks: Mapping[str, str]

    def create(self, schema: str) -> Statement:
        """Return the statement that creates it, unless it is there."""
        parts = [f"{quote_identifier(name)} {type_}" for name, type_ in self.columns.items()]
        parts.append(f"PRIMARY KEY ({_listed(self.primary_key)})")
        parts += [
            f"UNIQUE KEY {quote_identifier(name)} ({_listed(columns)})"
            for name, columns in self.unique.items()
        ]
        parts += [
            f"CONSTRAINT {quote_identifier(f'{self.name}_of_{parent}')} "
            f"FOREIGN KEY ({_listed(columns)}) "
            f"REFERENCES {quote_identifier(schema)}.{quote_identifier(parent)} ({_listed(columns)})"
            for parent, columns in self.parents.items()
        ]
        parts += [
            f"CONSTRAINT {quote_identifier(name)} CHECK ({check})"
            for name, check in self.checks.items()
        ]
        inside = ",\n  ".join(parts)
        return Statement(
            f"CREATE TABLE IF NOT EXISTS {quote_identifier(schema)}.{quote_identifier(self.name)} (\n  {inside}\n"
            ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quote_identifier(column) for column in columns)


def _table(
    name: str,
    columns: Sequence[str],
    primary_key: Sequence[str],
    parents: Mapping[str, Sequence[str]],
    **more: Mapping[str, Any],
) -> Table:
    types = {column: _COLUMNS[column] for column in columns}
    types.update(more.get("types", {}))
    return Table(name, types, primary_key, more.get("unique", {}), parents, more.get("checks", {}))


_OF_SHARD = {"placement_shard": (*_VERSION, "shard_number")}
# In the order in which they are created.
TABLES = (
    _table("placement", ("topology", "placement"), ("topology", "placement"), {}),
    _table(
        "placement_version",
        (*_VERSION, "kind", "role", "slots", "logical_shards")
        + ("shard_bits", "type_bits", "local_bits"),
        _VERSION,
        {"placement": ("topology", "placement")},
        unique={"role": ("topology", "placement", "role")},
        checks=_CHECKS,
    ),
    _table(
        "placement_shard",
        (*_VERSION, "shard_number", "weight"),
        (*_VERSION, "shard_number"),
        {"placement_version": _VERSION},
        checks={"placement_shard_weight": "weight > 0"},
    ),
    _table(
        "placement_point", (*_VERSION, "point", "shard_number"), (*_VERSION, "point"), _OF_SHARD
    ),
    _table("placement_slot", (*_VERSION, "slot", "shard_number"), (*_VERSION, "slot"), _OF_SHARD),
    _table(
        "placement_logical_shard",
        (*_VERSION, "logical_shard", "shard_number"),
        (*_VERSION, "logical_shard"),
        _OF_SHARD,
    ),
    _table(
        "placement_key", (*_VERSION, "key_text", "shard_number"), (*_VERSION, "key_text"), _OF_SHARD
    ),
    _table(
        "placement_pin",
        (*_VERSION, "key_text", "shard_number", "logical_shard"),
        (*_VERSION, "key_text"),
        {**_OF_SHARD, "placement_logical_shard": (*_VERSION, "logical_shard")},
        types={"shard_number": "INT UNSIGNED NULL", "logical_shard": "INT UNSIGNED NULL"},
        checks={
            "placement_pin_leads_to_one": "(shard_number IS NULL) <> (logical_shard IS NULL)",
        },
    ),
    _table(
        "placement_moved",
        (*_VERSION, "key_text"),
        (*_VERSION, "key_text"),
        {"placement_version": _VERSION},
    ),
)


@dataclass(frozen=True)
class PlacementRows:
    """The statements that write one placement of a topology into a schema's tables."""

    schema: str
    topology: str
    placement: str

    def create(self) -> Statement:
        """Return the statement that makes the placement known, which has no version yet."""
        return self._statement(
            "INSERT INTO $schema.placement (topology, placement) VALUES (%s, %s)"
        )

    def add_version(self, version: int, placement: Placement) -> list[Statement]:
        """Return the statements that write a version whole. It holds for no key yet."""
        rule = placement.rule
        bits = rule.bits if isinstance(rule, ShardInId) else None
        weights = rule.weights if isinstance(rule, Ring) else {}
        of_kind = [
            len(rule.slots) if isinstance(rule, Modulo) else None,
            rule.count if isinstance(rule, PreSharded) else None,
            *((bits.shard, bits.type, bits.local) if bits else (None, None, None)),
        ]
        return [
            *self._insert(
                "placement_version",
                "kind, slots, logical_shards, shard_bits, type_bits, local_bits",
                version,
                [(rule.kind, *of_kind)],
            ),
            *self._insert(
                "placement_shard",
                "shard_number, weight",
                version,
                [(number, float(weights.get(number, 1))) for number in sorted(placement.names)],
            ),
            *self._rows_of_rule(version, rule),
            *self._insert(
                "placement_pin",
                "key_text, logical_shard"
                if isinstance(rule, PreSharded)
                else "key_text, shard_number",
                version,
                [(key.encode(), number) for key, number in placement.pins.items()],
            ),
        ]

    def _rows_of_rule(self, version: int, rule: Any) -> Iterator[Statement]:
        if isinstance(rule, Directory):
            rows: list[tuple[Any, ...]] = [(key.encode(), on) for key, on in rule.keys.items()]
            yield from self._insert("placement_key", "key_text, shard_number", version, rows)
        elif isinstance(rule, Modulo):
            rows = list(enumerate(rule.slots))
            yield from self._insert("placement_slot", "slot, shard_number", version, rows)
        elif isinstance(rule, Ring):
            rows = list(rule.points.owners.items())
            yield from self._insert("placement_point", "point, shard_number", version, rows)
        elif isinstance(rule, PreSharded):
            rows = sorted(rule.shards.items())
            yield from self._insert(
                "placement_logical_shard", "logical_shard, shard_number", version, rows
            )

    def _insert(
        self, table: str, columns: str, version: int, rows: Sequence[tuple[Any, ...]]
    ) -> Iterator[Statement]:
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            marks = f"(%s, %s, %s{', %s' * len(some[0])})"
            yield Statement(
                Template(
                    "INSERT INTO $schema.$table (topology, placement, version, $columns) VALUES "
                ).substitute(schema=quote_identifier(self.schema), table=table, columns=columns)
                + ", ".join([marks] * len(some)),
                tuple(
                    value
                    for row in some
                    for value in (self.topology, self.placement, version, *row)
                ),
            )

    def hold(self, version: int) -> Statement:
        """Return the statement by which a placement's first version holds for all keys."""
        return self._role("current", version)

    def begin_change(self, version: int) -> Statement:
        """Return the statement after which keys can be moved, one by one, to a version.

        The version with the role ``current`` still holds for each. With a change in progress it
        fails by the unique key (1062).
        """
        return self._role("next", version)

    def _role(self, role: str, version: int) -> Statement:
        return self._statement(
            "UPDATE $schema.placement_version SET role = %s "
            "WHERE topology = %s AND placement = %s AND version = %s AND role IS NULL",
            version,
            first=(role,),
        )

    def moved(self, key: Any) -> Statement:
        """Return the statement after which the next version holds for a key.

        It is given between the copy of the key's rows and their deletion in the old place. It
        changes one row; without a change in progress it changes none, which is an error of who
        gave it, and a second time it fails (1062).
        """
        return self._statement(
            "INSERT INTO $schema.placement_moved (topology, placement, version, key_text) "
            "SELECT topology, placement, version, %s FROM $schema.placement_version "
            "WHERE topology = %s AND placement = %s AND role = 'next'",
            first=(key_text(key).encode(),),
        )

    def finish_change(self, version: int) -> list[Statement]:
        """Return the statements, for one transaction, after which a version holds for all keys.

        The version is the one of the change in progress; who gives them has seen that the second
        one changes one row, or rolls all back.
        """
        return [
            self._statement(
                "UPDATE $schema.placement_version SET role = NULL "
                "WHERE topology = %s AND placement = %s AND role = 'current'"
            ),
            self._statement(
                "UPDATE $schema.placement_version SET role = 'current' "
                "WHERE topology = %s AND placement = %s AND version = %s AND role = 'next'",
                version,
            ),
            self._forget("placement_moved", version),
        ]

    def abandon_change(self, version: int) -> Statement:
        """Return the statement that takes back a change of which no key has moved.

        It changes one row; it changes none where keys have moved.
        """
        return self._statement(
            "UPDATE $schema.placement_version SET role = NULL "
            "WHERE topology = %s AND placement = %s AND version = %s AND role = 'next' "
            "AND NOT EXISTS (SELECT 1 FROM $schema.placement_moved AS m "
            "WHERE m.topology = %s AND m.placement = %s AND m.version = %s)",
            version,
            last=(self.topology, self.placement, version),
        )

    def forget_version(self, version: int) -> list[Statement]:
        """Return the statements, for one transaction, that delete a version that is over.

        The last one changes one row, or none where the version holds; all is rolled back then.
        """
        last = self._statement(
            "DELETE FROM $schema.placement_version "
            "WHERE topology = %s AND placement = %s AND version = %s AND role IS NULL",
            version,
        )
        return [*(self._forget(table.name, version) for table in reversed(TABLES[2:])), last]

    def _forget(self, table: str, version: int) -> Statement:
        return self._statement(
            "DELETE FROM $schema.$table WHERE topology = %s AND placement = %s AND version = %s",
            version,
            table=table,
        )

    def _statement(
        self,
        sql: str,
        *version: int,
        first: Sequence[Any] = (),
        last: Sequence[Any] = (),
        table: str = "",
    ) -> Statement:
        return Statement(
            Template(sql).substitute(schema=quote_identifier(self.schema), table=table),
            (*first, self.topology, self.placement, *version, *last),
        )
