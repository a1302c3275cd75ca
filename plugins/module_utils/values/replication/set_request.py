# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for of a replica set, judged before a server is touched, and how it is reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    ASK,
    DISCARD,
    DISCARD_UNSEEN,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import FABRIC

SWITCH, FAILOVER, REJOIN, SITE = "switch", "failover", "rejoin", "site"
# What becomes of an active writer that has to be restarted.
RESTARTS = ("switch", "active")
# How mysql_replica_set_info says it.
NOT_ADOPTED = "not_adopted"
_NUMBERS = ("max_pause_seconds", "max_lag_seconds", "catch_up_seconds")
_SWITCHES = ("allow_loss", "alone", "keep_old")
_WORDS = ("true", "false", "yes", "no", "1", "0")
_OPEN, _CLOSED = ("active", "open"), ("closed", "lifted")


def problems(
    verb: str,
    sets: Mapping[str, Mapping[str, Any]],
    request: Mapping[str, Any],
    hosts: Collection[str],
    readers: Sequence[str] = (),
) -> list[str]:
    """Return why a switch, a failover or a rejoin cannot be done, or what site.yml was given.

    ``sets`` are those of the inventory by name; ``hosts`` are those that the run may reach, which
    --limit has left. ``readers`` are the read servers that have common data of the set fabric.
    """
    if verb == SITE:
        return site_problems(sets, request)
    name = str(request.get("replica_set") or "")
    if not sets:
        return ["The inventory has no replica set; put servers into the group fabric_servers."]
    known = ", ".join(sets)
    if not name:
        return [
            f"No replica set is named; there is {known}. Give -e replica_set={next(iter(sets))}"
        ]
    if name not in sets:
        return [f"There is no replica set {name} in the inventory; there is {known}."]
    members = [str(member["name"]) for member in sets[name]["members"]]
    listed = ", ".join(members)
    found = [
        f"{option} is {request[option]}, which is no member of {name}; its members are {listed}."
        for option in ("to", "confirm_fenced", "server", "donor")
        if request.get(option) and request[option] not in members
    ]
    to = request.get("to") or ""
    if verb == REJOIN:
        found += _rejoin_problems(request, members)
    elif len(members) == 1:
        found.append(f"{name} has one member, {listed}; there is none that could take over.")
    elif verb == SWITCH and not to and len(members) > 2:
        found.append(
            f"{name} has more than two members, {listed}; name the one: -e to={members[1]}"
        )
    # The survivor alone does all the work of a failover.
    needed = [to] if verb == FAILOVER and to in members else members
    left_out = [member for member in needed if member not in hosts]
    if left_out:
        hint = f", or name a survivor: -e to={members[-1]}" if verb == FAILOVER and not to else ""
        found.append(
            f"--limit leaves out {', '.join(left_out)}, which this works on; run it without{hint}."
        )
    if name == FABRIC:
        found += _reader_problems(verb, request, [one for one in readers if one not in hosts])
    found += [
        f"{option} is {request[option]}; it must be a number above 0."
        for option in _NUMBERS
        if option in request and not _is_positive(request[option])
    ]
    found += [
        f"{option} is {request[option]}; it must be true or false."
        for option in _SWITCHES
        if option in request and str(request[option]).lower() not in _WORDS
    ]
    return found


def _reader_problems(verb: str, request: Mapping[str, Any], left_out: Sequence[str]) -> list[str]:
    """Judge read servers that --limit leaves out; each follows the active writer."""
    named = ", ".join(left_out)
    if not left_out or verb == REJOIN:
        return []
    if verb == SWITCH:
        return [
            f"--limit leaves out {named}, which would go on following the former active writer for "
            "common data; run it without."
        ]
    if request.get("confirm_fenced"):
        return []
    return [
        f"--limit leaves out {named}, which would have to be asked whether the active writer lives; "
        "run it without, or make sure that the writer is off, and say so: -e confirm_fenced=WRITER"
    ]


def witnesses(asked: Mapping[str, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Return what read servers say of the active writer, as mysql_replica_set takes it.

    ``asked`` has what mysql_replication_witness said on each of them, or None. One that could not
    be asked, and one that did not say it, count as one that may reach the writer.
    """
    found = []
    for name, result in asked.items():
        said = result or {}
        if said.get("source_host"):
            told = ("source_host", "source_port", "sees_source")
            found.append({"name": name, **{key: said.get(key) for key in told}})
        elif "sees_source" not in said:
            found.append({"name": name})
        # One that answers and has no such channel follows no member.
    return found


def site_problems(sets: Mapping[str, Mapping[str, Any]], request: Mapping[str, Any]) -> list[str]:
    """Return why ``adopt`` and ``replica_set_restart``, given to site.yml, mean nothing here."""
    found, adopt, restart = [], request.get("adopt"), request.get("replica_set_restart")
    members = [str(member["name"]) for one in sets.values() for member in one["members"]]
    if adopt and adopt not in members:
        found.append(
            f"adopt is {adopt}, which is no member of a replica set; members are "
            f"{', '.join(members) or 'none'}."
        )
    if restart and restart not in RESTARTS:
        found.append(f"replica_set_restart is {restart}; it must be {' or '.join(RESTARTS)}.")
    return found


def adoption_problems(
    name: str, members: Sequence[str], adopt: str, asked: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return why a set that others have made is not adopted, before an account is made in it.

    ``asked`` has what members say, each of itself alone (mysql_replica_set_info). What can only be
    seen through accounts, such as whether they follow, the module judges.
    """
    if any(one.get("epoch") for one in asked):
        return []
    states = {
        str(member["name"]): str(member["state"]) for one in asked for member in one["members"]
    }
    with_rows = [
        str(member["name"])
        for one in asked
        if one.get("status") == NOT_ADOPTED
        for member in one["members"]
    ]
    if not adopt:
        return [
            f"{member}: it has rows, or takes writes, and {name} has never had an active writer by "
            "the collection. Nothing has been touched in it. If one member is the active writer, and "
            "the others are closed (read_only) and follow it, name that one with -e adopt=MEMBER"
            for member in with_rows
        ]
    if adopt not in members:
        return [f"adopt names {adopt}, which is no member of {name} ({', '.join(members)})."]
    if not with_rows:
        # The set is born, as one without rows.
        return []
    found = []
    state = states.get(adopt, "")
    if state in _CLOSED:
        found.append(
            f"{adopt}: adopt names it as the active writer, and it is closed (read_only). Name the "
            "member that takes writes."
        )
    elif state == "unreachable":
        found.append(f"{adopt}: adopt names it as the active writer, and it does not answer.")
    return found + [
        f"{member}: it takes writes, too. Close it (SET GLOBAL read_only = 1, and in its "
        "configuration) before the set is adopted."
        for member, state in states.items()
        if member != adopt and state in _OPEN
    ]


@dataclass(frozen=True)
class Target:
    """The member that takes over, or why it is not known; the other one is empty."""

    name: str = ""
    problem: str = ""


def switch_target(asked: Mapping[str, Mapping[str, Any] | None]) -> Target:
    """Return which member of a pair takes over where nobody has named one.

    ``asked`` has what each member says of itself (mysql_replica_set_info), or None.
    """
    states, active = _states(asked), _newest_active(asked)
    closed = [name for name, state in states.items() if state in _CLOSED]
    opened = [name for name, state in states.items() if state in _OPEN]
    names = " and ".join(states)
    if len(closed) == 1:
        return Target(closed[0])
    if closed:
        return Target(problem=f"{names} are closed, and nobody knows which one is meant")
    if len(opened) == 1:
        away = ", ".join(name for name in states if name not in opened)
        return Target(
            problem=f"{away} does not answer, and {opened[0]} takes writes already: there is none "
            "that could take over. Start it, or if another one is meant"
        )
    if active in opened:
        # The module closes the other one first of all, and opens nobody by the way.
        return Target(active)
    what = "take writes at once, and no epoch says" if opened else "do not answer, and nobody knows"
    return Target(problem=f"{names} {what} which one is meant")


def _states(asked: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """Return the state of each member by what it says of itself."""
    return {
        name: next((str(one["state"]) for one in (said or {}).get("members") or ()), "unreachable")
        for name, said in asked.items()
    }


def _newest_active(asked: Mapping[str, Mapping[str, Any] | None]) -> str:
    """Return the active writer of the newest epoch that any member knows."""
    epochs = [epoch for said in asked.values() for epoch in [(said or {}).get("epoch")] if epoch]
    newest = max(epochs, key=lambda epoch: int(epoch["epoch"]), default=None)
    return str(newest["active"]) if newest else ""


@dataclass(frozen=True)
class FailoverTurns:
    """Whether a member works in a failover, and what has come of it.

    ``first``: by what it alone knows. ``second``: nobody has worked, and all have been asked.
    ``tried``: a member has worked. ``done``: one has succeeded.
    """

    first: bool
    second: bool
    tried: bool
    done: bool


def failover_turns(
    here: str,
    asked: Mapping[str, Mapping[str, Any] | None],
    results: Mapping[str, Mapping[str, Any] | None],
    to: str = "",
) -> FailoverTurns:
    """Return which member works in a failover: one alone, which is not the active writer.

    ``asked`` has what each member of the set says of itself, or None; ``results`` what
    mysql_replica_set returned on it. Which member is opened the module decides.
    """
    states = _states(asked)
    # Who is asked first cannot wait for others: their hosts may be as dead as the writer's.
    own = _newest_active({here: asked.get(here)})
    survivors = [name for name in asked if name != own]
    first = here == to if to else here in survivors[:1] and states[here] != "unreachable"
    worked = [
        result
        for result in results.values()
        if result and not result.get("skipped") and not result.get("unreachable")
    ]
    lost = _newest_active(asked)
    answered = [name for name in asked if name != lost and states[name] != "unreachable"]
    return FailoverTurns(
        first=first,
        second=not to and not worked and here in answered[:1],
        tried=bool(worked),
        done=any(not result.get("failed") for result in worked),
    )


# What waiting does not put right.
_STOPPED = "replica_set.member_stopped"
_BROKEN = ("replica_set.member_diverged", "replica_set.member_new", _STOPPED)


@dataclass(frozen=True)
class CatchingUp:
    """Whether a member has all that the active writer has, and what keeps it from that."""

    done: bool
    problems: list[str]


def catching_up(result: Mapping[str, Any], name: str) -> CatchingUp:
    """Judge a member by what mysql_replica_set_info has returned.

    A channel that is still connecting, and one that is behind, is waited for.
    """
    member = next(one for one in result["members"] if one["name"] == name)
    if member["state"] == "active":
        return CatchingUp(True, [])
    problems = [
        f"{name}: {one['text']} {one['todo']}"
        for one in result["diagnosis"]
        if one["where"] == name
        and one["code"] in _BROKEN
        and (one["code"] != _STOPPED or member["error"])
    ]
    follows = bool(member["running"]) and member["seconds_behind_source"] == 0
    return CatchingUp(follows and not problems, problems)


def _rejoin_problems(request: Mapping[str, Any], members: Sequence[str]) -> list[str]:
    found = []
    if len(members) == 1:
        found.append(f"It has one member, {members[0]}; there is none to compare with.")
    if not request.get("server"):
        found.append(
            f"No server is named; give one of {', '.join(members)}: -e server={members[0]}"
        )
    elif request.get("donor") == request["server"]:
        found.append(f"donor is {request['donor']}, the server itself; name another member.")
    if request.get("errant", ASK) not in (ASK, DISCARD, DISCARD_UNSEEN):
        found.append(
            f"errant is {request['errant']}; it must be {ASK}, {DISCARD} or {DISCARD_UNSEEN}."
        )
    return found


def _is_positive(value: Any) -> bool:
    try:
        return float(value) > 0
    except (TypeError, ValueError):
        return False


_TITLES = ("member", "state", "follows", "lag", "epoch", "version")


def report(result: Mapping[str, Any]) -> list[str]:
    """Return the result of mysql_replica_set or mysql_replica_set_info as lines to read."""
    epoch = result.get("epoch")
    if epoch is None:
        lines = ["No member has ever been the active writer."]
    elif result.get("active"):
        lines = [
            f"{result['active']} is the active writer, in epoch {epoch['epoch']} "
            f"({epoch['durability']}) since {epoch['at'] or 'now'}"
            + (f": {epoch['reason']}" if epoch["reason"] else "")
        ]
    else:
        lines = [f"There is no active writer; in epoch {epoch['epoch']} it was {epoch['active']}."]
    if result.get("pause_seconds") is not None:
        lines.append(f"No member took writes for {result['pause_seconds']:.3f} s.")
    lines += ["", *_aligned([_TITLES, *(_row(member) for member in result.get("members", ()))])]
    found = [
        f"{one['severity']}: {one['where']}: {one['text'].rstrip('.')}. {one['todo']}"
        for one in result.get("diagnosis", ())
    ]
    return [*lines, *([""] if found else []), *found]


def _row(member: Mapping[str, Any]) -> tuple[str, ...]:
    lag = member["seconds_behind_source"]
    is_active = member["state"] == "active"
    source = member["source"] or ""
    if is_active:
        # Its channel is there for the day on which it is demoted.
        source = ""
    elif source and not member["running"]:
        source = f"{source} (stopped)"
    version = str(member["version"] or "").partition("-")[0]
    seconds = "" if is_active or lag is None else f"{lag} s"
    return (
        member["name"],
        member["state"],
        source,
        seconds,
        str(member["epoch"] or ""),
        version,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
