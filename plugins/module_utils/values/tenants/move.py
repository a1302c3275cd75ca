# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move of a tenant has to know of the two shards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import Account
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import Place

# Why a tenant is fenced: at the place that it is to leave, and at the one that it is to get to.
LEAVING, ARRIVING = "move", "arriving"
START, COMPLETE, CANCEL = "start", "complete", "cancel"
VERBS = (START, COMPLETE, CANCEL)


@dataclass(frozen=True)
class SchemaFacts:
    """What a schema is made of, as far as another server must be able to take it.

    ``definers`` are accounts by which its views, routines, triggers and events run; ``crossing`` names
    what reaches into another schema, or from another into it.
    """

    character_set: str
    collation: str
    definers: frozenset[Account] = frozenset()
    crossing: tuple[str, ...] = ()
    collations: frozenset[str] = frozenset()


@dataclass(frozen=True)
class End:
    """A shard that the tenant is on, was on or gets to: what its active writer has.

    ``facts`` are of the tenant's schema, None where it is not there. ``accounts`` and ``collations``
    are all that the server has, ``prepared`` are XA transactions that anybody could still commit, and
    ``stamped_at`` is when the tenant's stamp was written.
    """

    place: Place
    flavour: str = ""
    version: tuple[int, ...] = ()
    facts: SchemaFacts | None = None
    accounts: frozenset[Account] = frozenset()
    collations: frozenset[str] = frozenset()
    prepared: tuple[str, ...] = ()
    stamped_at: datetime | None = None


@dataclass(frozen=True)
class WantedMove:
    """What is asked for. ``to`` is a shard, for START; ``keep_days`` is for COMPLETE."""

    tenant: str
    verb: str
    to: str = ""
    keep_days: int = 7
