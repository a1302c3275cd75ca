# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What accounts hold, compared with what they are to hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names

Held = Mapping[Scope, frozenset[str]]


@dataclass(frozen=True)
class HeldAccounts:
    """The accounts of some names that a server has, from whatever hosts.

    ``privileges`` are canonical words by object, ``roles`` names. ``login`` is the account that has
    asked; ``schema_patterns`` tells whether the server takes a schema in a grant as a pattern.
    """

    vocabulary: Vocabulary
    login: Account
    privileges: Mapping[Account, Held] = field(default_factory=dict)
    roles: Mapping[Account, tuple[str, ...]] = field(default_factory=dict)
    schema_patterns: bool = True
    names: Names = Names()

    def meant(self, privileges: Mapping[Scope, tuple[str, ...]]) -> Held:
        """Return what is asked for in this server's words; what it does not know is left out."""
        named: dict[Scope, tuple[str, ...]] = {}
        for scope, words in privileges.items():
            stored = scope.named(self.names)
            named[stored] = named.get(stored, ()) + words
        found = {}
        for scope, words in self.vocabulary.placed(named).items():
            own = scope if self.schema_patterns else scope.literal()
            found[own] = self.vocabulary.resolve(words, own)[0]
        return found


def beyond(held: Held, given: Held) -> dict[Scope, frozenset[str]]:
    """Return what of ``held`` is not in ``given``, neither there nor on something wider.

    What is given on a table is given on its columns.
    """
    found = {}
    for scope, words in held.items():
        there = frozenset[str]().union(
            *(others for other, others in given.items() if _gives(other, scope))
        )
        rest = frozenset(
            word for word in words if word not in there and word.partition(" (")[0] not in there
        )
        if rest:
            found[scope] = rest
    return found


def _gives(given: Scope, asked: Scope) -> bool:
    """Tell whether what is given on one is given on the other."""
    if given.schema is None or given.same_as(asked):
        return True
    if asked.table is not None:
        asked = Scope(re.sub(r"([\\%_])", r"\\\1", asked.schema or ""))
    return given.covers(asked)
