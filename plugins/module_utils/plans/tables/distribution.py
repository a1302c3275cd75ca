# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the tables of common schemas to what the source has: what is refused, and the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.copied_table import (
    KINDS,
    CopiedSchema,
    CopiedTable,
    RowCounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    comparable,
)

# Both are one step each: the rows of all tables are compared anew before every step.
CREATE, COPY = "create", "copy"
_ENGINE, _TABLE = "InnoDB", "BASE TABLE"

Schemas = Mapping[str, CopiedSchema]


@dataclass(frozen=True)
class Side:
    """What one server is and has. ``epoch_active`` is None where it is in no replica set."""

    flavour: str = ""
    server_id: int = 0
    closed: bool = False
    epoch_active: str | None = None
    channels: Sequence[str] = ()
    schemas: Schemas = field(default_factory=dict)

    @property
    def tables(self) -> dict[tuple[str, str], CopiedTable]:
        """All tables, by schema and name."""
        return {
            (schema.name, name): table
            for schema in self.schemas.values()
            for name, table in schema.tables.items()
        }


@dataclass(frozen=True)
class Distribution:
    """Both sides, and how the rows of each table differ, of those that both have or the source."""

    there: Side
    here: Side
    counts: Mapping[tuple[str, str], RowCounts] = field(default_factory=dict)


def problems(there: Side, here: Side, source: str, logged: bool) -> list[str]:
    """Say everything that keeps the rows from being brought here, before anything is touched."""
    found = [*_server_problems(there, here, source, logged)]
    for key, table in there.tables.items():
        found += _table_problems(table, there.schemas)
        own = here.tables.get(key)
        if own is not None:
            found += _own_problems(table, own, here.schemas, source)
    found += [
        f"table {table} is not on {source}. Nothing is dropped by itself; drop it here, outside the "
        f"binary log, or make it on {source}."
        for key, table in here.tables.items()
        if key not in there.tables
    ]
    return found


def plan(state: Distribution) -> Plan:
    """Return the steps from what is here to what the source has."""
    there, here = state.there, state.here
    schemas = [one for name, one in there.schemas.items() if name not in here.schemas]
    tables = [table for key, table in there.tables.items() if key not in here.tables]
    steps = []
    if schemas or tables:
        names = [f"schema {one.name}" for one in schemas] + [f"table {one}" for one in tables]
        steps.append(
            Step(
                CREATE,
                "what is missing",
                dict.fromkeys(names, "absent"),
                dict.fromkeys(names, "present"),
                (schemas, tables),
            )
        )
    counts = {there.tables[key]: one for key, one in state.counts.items() if one.differ}
    if counts:
        steps.append(
            Step(
                COPY,
                "rows",
                {str(table): {"rows": one.here} for table, one in counts.items()},
                {str(table): {"rows": one.there, **one.told()} for table, one in counts.items()},
                list(counts),
            )
        )
    return Plan(tuple(steps))


def _server_problems(there: Side, here: Side, source: str, logged: bool) -> Iterator[str]:
    if there.flavour != here.flavour:
        yield (
            f"{source} is {there.flavour} and this server {here.flavour}, which keep values in other "
            "ways. Bring common data to servers of one kind."
        )
    if there.server_id == here.server_id:
        yield (
            f"{source} has the server id {here.server_id} of this server. Give each its own, or name "
            "another source."
        )
    if there.closed:
        yield f"{source} takes no writes, so it may lack some. Name the active writer as source_name."
    elif there.epoch_active not in (None, source):
        yield (
            f"{source} is not the active writer; by its newest epoch that is {there.epoch_active}. "
            "Name that as source_name."
        )
    if here.closed:
        yield "this server takes no writes, so its rows come from another. Run it for that one."
    elif here.epoch_active is not None and not logged:
        yield (
            "this server is a member of a replica set, and the others would lack what is not in its "
            "binary log. Set logged."
        )
    if "common" in (name.lower() for name in here.channels):
        yield (
            "this server has a channel common, by which the rows come already. Remove the channel "
            "first if they shall not."
        )


def _table_problems(table: CopiedTable, schemas: Schemas) -> Iterator[str]:
    """Judge a table of the source."""
    if table.type != _TABLE:
        yield f"{table} is a {table.type.lower()} on the source, and only tables are brought here."
        return
    if table.engine != _ENGINE:
        yield (
            f"table {table} is of the engine {table.engine} on the source, which has no consistent "
            f"snapshot. Give it {_ENGINE}."
        )
    if not table.key:
        yield (
            f"table {table} has no primary key on the source, so its rows cannot be told apart. Give "
            "it one."
        )
    unknown = [f"{one.name} ({one.type})" for one in table.columns if one.type not in KINDS]
    if unknown:
        yield (
            f"table {table}: nobody knows how to bring the values of {', '.join(unknown)} here "
            "exactly. Change the type, or keep the table in another schema."
        )
    outside = sorted({f"{one[0]}.{one[1]}" for one in table.referenced if one[0] not in schemas})
    if outside:
        yield (
            f"table {table}: its foreign keys name {', '.join(outside)}, outside the common schemas. "
            "Drop them, or make that schema a common one."
        )


def _own_problems(
    table: CopiedTable, own: CopiedTable, schemas: Schemas, source: str
) -> Iterator[str]:
    """Judge a table that both have."""
    theirs, mine = comparable(table.definition), comparable(own.definition)
    if theirs != mine:
        only_there = _only(theirs, mine)
        only_here = _only(mine, theirs)
        yield (
            f"table {table} is made otherwise than on {source}: there {only_there}, here {only_here}. "
            "Make them alike, outside the binary log."
        )
    if own.triggers:
        yield (
            f"table {table} has triggers here ({', '.join(own.triggers)}), which would change what "
            "is brought. Drop them here."
        )
    outside = sorted({f"{one[0]}.{one[1]}" for one in own.referencing if one[0] not in schemas})
    if outside:
        yield (
            f"table {table}: foreign keys of {', '.join(outside)} name it, outside the common "
            "schemas, and rows are deleted here as on the source. Drop them."
        )


def _only(one: str, other: str) -> str:
    """Return the lines of a definition that another does not have."""
    others = [line.strip().rstrip(",") for line in other.splitlines()]
    lines = [line.strip().rstrip(",") for line in one.splitlines()]
    return "; ".join(line for line in lines if line not in others) or "nothing more"
