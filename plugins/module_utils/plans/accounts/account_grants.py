# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Privileges: those that are missing, and those that nobody listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    GRANT,
    REVOKE,
    CurrentAccounts,
    Draft,
    Grant,
    by_object,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
)


def wanted_grants(
    wanted: DesiredAccount, current: CurrentAccounts
) -> tuple[dict[Scope, frozenset[str]], list[str]]:
    """Return the privileges asked for, by scope as this server spells it, and what is wrong.

    A scope that the account has already keeps its spelling: of several schema
    patterns that match, servers apply one alone, so a second spelling of the
    same schema would take away what the first one gave. Where what is not listed
    is revoked, the other spelling goes, and its wildcard with it. A column keeps
    its spelling, too: servers do not tell upper case from lower in it.
    """
    found = current.accounts.get(wanted.account)
    present = found.grants if found else {}
    grants: dict[Scope, frozenset[str]] = {}
    problems = []
    for asked, words in (wanted.privileges or {}).items():
        scope = asked
        if not current.schema_patterns:
            if asked.has_wildcard:
                problems.append(
                    f"{wanted.account}: {asked} is not a pattern on this server, which "
                    "has partial_revokes ON; list the schemas."
                )
            scope = asked.literal()
        elif asked not in present and not wanted.revoke_unlisted:
            scope = next((other for other in present if other.same_as(asked)), asked)
        privileges, wrong = current.vocabulary.resolve(words, scope)
        problems += [f"{wanted.account}: {problem}" for problem in wrong]
        spelled = {word.lower(): word for word in present.get(scope, ())}
        named = {word.lower(): spelled.get(word.lower(), word) for word in privileges}
        grants[scope] = grants.get(scope, frozenset()) | frozenset(named.values())
    return grants, problems


def unlisted(wanted: DesiredAccount, current: CurrentAccounts) -> dict[Scope, frozenset[str]]:
    """Return the privileges that the account has and nobody listed.

    Nothing where no privileges were asked for at all.
    """
    found = current.accounts.get(wanted.account)
    if not found or not wanted.present or wanted.privileges is None:
        return {}
    asked, _rest = wanted_grants(wanted, current)
    extra = {
        scope: privileges - asked.get(scope, frozenset())
        for scope, privileges in found.grants.items()
    }
    return {scope: words for scope, words in extra.items() if words}


def add_grants(
    draft: Draft, wanted: DesiredAccount, base: CurrentAccount, current: CurrentAccounts
) -> CurrentAccount:
    """Add the steps for the privileges that are missing; return the account as it then is."""
    account = wanted.account
    grants, problems = wanted_grants(wanted, current)
    draft.problems += problems
    _respect_restrictions(draft, wanted, base, grants)
    for scope, privileges in grants.items():
        present = base.grants.get(scope, frozenset())
        missing = privileges - present
        if wanted.revoke_unlisted:
            missing -= _of_columns(missing, present - privileges)
        if not missing:
            continue
        if scope not in base.grants and not wanted.revoke_unlisted:
            draft.warnings += _shadowed(account, scope, privileges, base)
        after = replace(base, grants={**base.grants, scope: present | missing})
        value = Grant(account, scope, _spelled(missing, current.vocabulary))
        draft.step(GRANT, value, base, after)
        base = after
    return base


def add_revokes(
    draft: Draft, wanted: DesiredAccount, base: CurrentAccount, current: CurrentAccounts
) -> CurrentAccount:
    """Add the steps that take away what nobody listed, if asked, or tell it; return the rest.

    They come after the grants, so that nobody ever has less than is listed, but for
    one case: what is revoked on a table a server takes from its columns, too, so that
    privileges on columns are granted after that.
    """
    extra = unlisted(wanted, current)
    if wanted.revoke_unlisted and wanted.privileges is not None and base.proxied:
        draft.warnings.append(
            f"{wanted.account} may act as {', '.join(base.proxied)} (PROXY), which is left as it "
            "is; REVOKE PROXY removes it."
        )
    if not extra:
        return base
    said = "; ".join(f"{', '.join(words)} on {scope}" for scope, words in by_object(extra).items())
    if not draft.may_revoke(wanted, current.login, "privileges", said):
        return base
    asked, _rest = wanted_grants(wanted, current)
    for scope, words in extra.items():
        left = {other: held for other, held in base.grants.items() if other != scope}
        again = _of_columns(asked.get(scope, frozenset()), words)
        kept = base.grants[scope] - words - again
        after = replace(base, grants={**left, scope: kept} if kept else left)
        value = Grant(wanted.account, scope, _spelled(words, current.vocabulary))
        draft.step(REVOKE, value, base, after)
        base = after
        if again:
            after = replace(base, grants={**left, scope: kept | again})
            value = Grant(wanted.account, scope, _spelled(again, current.vocabulary))
            draft.step(GRANT, value, base, after)
            base = after
    return base


def _of_columns(words: frozenset[str], of: frozenset[str]) -> frozenset[str]:
    """Return those of ``words`` that are on columns what one of ``of`` is on the whole table."""
    return frozenset(word for word in words if word.partition(" (")[0] in of - {word})


def _spelled(words: frozenset[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    # A word with a column after it is no word of the vocabulary, and needs none.
    return tuple(sorted(vocabulary.spelling.get(word, word) for word in words))


def _respect_restrictions(
    draft: Draft,
    wanted: DesiredAccount,
    base: CurrentAccount,
    grants: Mapping[Scope, frozenset[str]],
) -> None:
    """Tell of partial revokes; refuse a grant that would lift one and give nothing else.

    Source: MySQL Reference Manual, "Privilege Restriction Using Partial Revokes".
    """
    if wanted.privileges is None:
        return
    for schema, words in base.restrictions.items():
        asked = grants.get(Scope(schema), frozenset()) & words
        if asked:
            said = ", ".join(sorted(asked))
            draft.problems.append(
                f"{wanted.account}: a partial revoke removes {said} on {schema}.*; undo it by hand "
                f"(GRANT {said} ON {schema}.*), or leave the privilege out."
            )
        else:
            draft.warnings.append(
                f"{wanted.account}: a partial revoke excludes {', '.join(sorted(words))} "
                f"on {schema}.* from what it has on *.*, and is left as it is."
            )


def _shadowed(
    account: Account, scope: Scope, privileges: frozenset[str], base: CurrentAccount
) -> list[str]:
    """Say what the account loses at ``scope`` because a wider pattern stops counting there."""
    wider = [other for other in base.grants if other.has_wildcard and other.covers(scope)]
    lost = frozenset[str]().union(*(base.grants[other] for other in wider)) - privileges
    if not lost:
        return []
    return [
        f"{account}: on {scope} the new grant takes the place of that on "
        f"{', '.join(str(other) for other in wider)}, because a server uses only the most specific "
        f"pattern; the account no longer has {', '.join(sorted(lost))} there. List them for "
        f"{scope} as well if they are needed."
    ]
