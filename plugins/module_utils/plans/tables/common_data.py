# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common data: whom a read server follows for it, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    applied_part,
    joined,
    missing,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import COMMON
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    SchemaObjects,
    differences,
)

ACTIVE = "active"


@dataclass(frozen=True)
class Judgement:
    """Whom to follow (a member's name; empty: nobody is known), and what stands against it.

    With problems the channel must not run. ``differences`` are to be looked at once more when all
    has been applied, because a channel that runs may be about to apply them.
    """

    source: str = ""
    problems: Sequence[str] = ()
    differences: Sequence[str] = ()


def judge(
    members: Mapping[str, Mapping[str, Any]],
    channels: Sequence[Mapping[str, Any]],
    here: Sequence[Mapping[str, Any]],
) -> Judgement:
    """Judge the channel of a read server.

    ``members`` are the set's members that could be asked, by name: what each says of itself (a
    result of mysql_replica_set_info) and, as ``schemas``, how the common ones are made there.
    ``channels`` are the read server's, asked for before the members, and ``here`` its schemas.
    """
    source = active(members)
    if not source:
        return Judgement(problems=tuple(nobody(members)))
    said = members[source]
    channel = next((one for one in channels if str(one["channel"]).lower() == COMMON), None)
    found = []
    ahead = _ahead(said, channel)
    if ahead:
        found.append(
            f"it has transactions of the set that its active writer {source} has not ({ahead}): they "
            "were lost in a failover. Nothing is skipped. Compare the common schemas of both, and make "
            "a new copy here."
        )
    later = _added_later(said.get("schemas", ()), channel)
    if later:
        found.append(
            f"the channel {COMMON} leaves out {', '.join(later)}, and has passed rows of it; with "
            "another filter they would be missing here. Copy it as docs/common-data.md says."
        )
    differing = differences(
        [SchemaObjects.read(one) for one in said.get("schemas", ())],
        [SchemaObjects.read(one) for one in here],
        source,
    )
    is_empty = all(one["objects"] is None for one in here)
    runs = bool(channel and channel["sql_running"])
    # A new channel of an empty server begins with the first transaction, and makes all of them.
    if differing and not (channel is None and is_empty) and not runs:
        found.append(_sentence(differing))
    return Judgement(source, tuple(found), tuple(differing))


def active(members: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the member that takes writes and is the active writer in the newest epoch, or nothing."""
    asked = {name: one for name, one in members.items() if one.get("epoch")}
    newest = max((one["epoch"]["epoch"] for one in asked.values()), default=None)
    names = [
        name
        for name, one in asked.items()
        if one["epoch"]["epoch"] == newest
        and one["epoch"]["active"] == name
        and any(own["name"] == name and own["state"] == ACTIVE for own in one["members"])
    ]
    return names[0] if len(names) == 1 else ""


def nobody(members: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say where there is no active writer to follow, or to take rows from."""
    if active(members):
        return []
    return [
        "no active writer of the set could be asked, so nobody knows whom to follow; run "
        "replica_sets.yml, which tells what is wrong with the set."
    ]


def difference_problems(
    source: str, there: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Say how the common schemas differ once everything has been applied."""
    differing = differences(
        [SchemaObjects.read(one) for one in there],
        [SchemaObjects.read(one) for one in here],
        source,
    )
    return [_sentence(differing)] if differing else []


def _sentence(differing: Sequence[str]) -> str:
    return (
        f"{'; '.join(differing)}. Rows for one could not be applied to the other, so the channel "
        f"{COMMON} is stopped. Make them alike, outside the binary log, read servers first, and run "
        "common_data.yml."
    )


def _added_later(
    there: Sequence[Mapping[str, Any]], channel: Mapping[str, Any] | None
) -> list[str]:
    """Return the schemas of the active writer that a filtered channel has left out so far."""
    passed = channel["filters"]["do_databases"] if channel else []
    names = [str(one["schema"]) for one in there if one["objects"] is not None]
    return [name for name in names if passed and name not in passed]


def _ahead(said: Mapping[str, Any], channel: Mapping[str, Any] | None) -> str:
    """Return what a read server has of the set, and the active writer has not."""
    if channel is None:
        return ""
    (own,) = [one for one in said["members"] if one["state"] == ACTIVE]
    position = str(own["position"] or "")
    has = joined(str(channel["gtid_applied"] or ""), str(channel["gtid_received"] or ""))
    return missing(applied_part(position, has), position)
