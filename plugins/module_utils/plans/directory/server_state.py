# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server may get another state in the directory, and the step that gives it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    JOINING,
    MEMBER,
    ONLINE,
    RETIRED,
    Everything,
    Found,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any

SET_STATE = "set state"
# What an operator may set; ``joining`` is for site.yml.
SETTABLE = ("online", "draining", "maintenance", "retired")


@dataclass(frozen=True)
class Wanted:
    """A server's state, why, and until when it is meant to last (UTC, as text; None: open)."""

    server: str
    state: str
    reason: str = ""
    until: str | None = None


def plan(wanted: Wanted, found: Everything, active: Mapping[str, str], newest: int) -> Plan:
    """Return the step to a server's state, none if it has it.

    ``active`` has the active writer of each replica set, ``newest`` is the version of the schema
    that this collection makes. Raises ``Refused`` with all that keeps it from being done.
    """
    refuse_if_any([*directory_problems(found.found, newest)])
    refuse_if_any([*_problems(wanted, found, active)])
    before = found.servers[wanted.server]
    had = {"state": before.state, "reason": before.reason, "until": before.until}
    gets = {"state": wanted.state, "reason": wanted.reason, "until": wanted.until}
    if had == gets:
        return Plan()
    return Plan((Step(SET_STATE, f"state of {wanted.server}", had, gets, wanted),))


def directory_problems(found: Found, newest: int) -> Iterator[str]:
    """Say why nothing can be written into a directory here."""
    version = found.schema_version
    if version == 0:
        yield "There is no directory here; run fabric_directory.yml."
    elif version != newest:
        yield (
            f"The directory's schema has version {version}, and this collection makes {newest}; "
            + ("run fabric_directory.yml." if version < newest else "use the newer collection.")
        )
    if found.closed:
        yield "This member takes no writes; ask the active writer of the set."


def _problems(wanted: Wanted, found: Everything, active: Mapping[str, str]) -> Iterator[str]:
    servers, states = found.found.contents.servers, found.servers
    server = servers.get(wanted.server)
    if server is None:
        close = difflib.get_close_matches(wanted.server, servers, 1)
        known = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(servers))}."
        yield f"The directory has no server {wanted.server}; {known}"
        return
    state = states[wanted.server].state
    if state == RETIRED and wanted.state != RETIRED:
        yield f"{server.name} is retired, for good; add it as a new server, with ids of its own."
    if state == JOINING and wanted.state == ONLINE:
        yield (
            f"{server.name} is joining; site.yml makes it online once every read server follows it."
        )
    if wanted.state == ONLINE and wanted.until:
        yield "until is for states that end; leave it out for online."
    if wanted.state == ONLINE:
        return
    if server.kind == MEMBER:
        names = [name for name, writer in active.items() if writer == server.name]
        if names:
            yield (
                f"{server.name} is the active writer of {names[0]}; let another member take over "
                f"first: replica_set_switch.yml -e replica_set={names[0]}."
            )
        return
    others = [
        one.name
        for one in servers.values()
        if one.kind == server.kind
        and one.name != server.name
        and one.weight > 0
        and states[one.name].state == ONLINE
        and not states[one.name].is_down
    ]
    if not others:
        yield (
            f"{server.name} is the last {server.kind} server that applications can use; bring "
            "another one online first."
        )
