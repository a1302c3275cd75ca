"""Whether a server may be taken out for applications, or given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.directory.server_state import (
    SET_STATE,
    Wanted,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    Contents,
    DirectoryServer,
    Everything,
    Found,
    ServerState,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

SERVERS = {
    "w1": DirectoryServer("w1", "write", "dc1", "w1", id_increment=20, id_offset=1),
    "w2": DirectoryServer("w2", "write", "dc1", "w2", id_increment=20, id_offset=2),
    "r1": DirectoryServer("r1", "read", "dc1", "r1"),
    "f1": DirectoryServer("f1", "member", "dc1", "f1", replica_set="fabric"),
    "f2": DirectoryServer("f2", "member", "dc2", "f2", replica_set="fabric"),
}
ACTIVE = {"fabric": "f1"}


def directory(states: Mapping[str, ServerState] | None = None, **changed: object) -> Everything:
    found = Found(1, False, (3, 7), ["main"], Contents(SERVERS))
    given = {name: ServerState("online") for name in SERVERS} | dict(states or {})
    return Everything(replace(found, **changed), given)


def refused(wanted: Wanted, found: Everything) -> list[str]:
    with pytest.raises(Refused) as refusal:
        plan(wanted, found, ACTIVE, 1)
    return list(map(str, refusal.value.reasons))


def test_a_server_is_taken_out_once() -> None:
    wanted = Wanted("w2", "maintenance", "new disks", "2026-12-01 06:00:00")
    (step,) = plan(wanted, directory(), ACTIVE, 1).steps
    assert (step.action, step.value) == (SET_STATE, wanted)
    there = ServerState("maintenance", "new disks", until="2026-12-01 06:00:00")
    assert not plan(wanted, directory({"w2": there}), ACTIVE, 1).steps
    # Another reason is a change, too.
    (step,) = plan(replace(wanted, reason="old disks"), directory({"w2": there}), ACTIVE, 1).steps
    assert step.before["reason"] == "new disks"
    (step,) = plan(Wanted("w2", "online"), directory({"w2": there}), ACTIVE, 1).steps
    assert step.after == {"state": "online", "reason": "", "until": None}
    assert plan(Wanted("f2", "maintenance"), directory(), ACTIVE, 1).steps


@pytest.mark.parametrize(
    ("wanted", "states", "said"),
    [
        (Wanted("w11", "online"), {}, "The directory has no server w11; did you mean w1?"),
        (Wanted("xyz", "online"), {}, "has no server xyz; it has f1, f2, r1, w1, w2."),
        (Wanted("w1", "online"), {"w1": ServerState("retired")}, "w1 is retired, for good"),
        (Wanted("w1", "online"), {"w1": ServerState("joining")}, "site.yml makes it online"),
        (Wanted("w1", "online", until="2027-01-01 00:00:00"), {}, "leave it out for online"),
        (Wanted("r1", "draining"), {}, "r1 is the last read server"),
        (Wanted("w1", "retired"), {"w2": ServerState("draining")}, "w1 is the last write server"),
        (Wanted("w1", "draining"), {"w2": ServerState("online", is_down=True)}, "w1 is the last"),
        (Wanted("f1", "maintenance"), {}, "f1 is the active writer of fabric; let another"),
    ],
)
def test_each_reason_against_it(wanted: Wanted, states: dict[str, ServerState], said: str) -> None:
    (text,) = refused(wanted, directory(states))
    assert said in text


def test_a_server_without_weight_is_nobody_to_fall_back_on() -> None:
    found = directory()
    contents = Contents({**SERVERS, "w2": replace(SERVERS["w2"], weight=0.0)})
    weightless = replace(found, found=replace(found.found, contents=contents))
    assert "w1 is the last write server" in refused(Wanted("w1", "draining"), weightless)[0]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema_version": 0}, "There is no directory here"),
        ({"schema_version": 2}, "has version 2, and this collection makes 1; use the newer"),
        ({"closed": True}, "This member takes no writes"),
    ],
)
def test_a_directory_that_cannot_be_written(changed: dict[str, object], said: str) -> None:
    (text,) = refused(Wanted("w1", "draining"), directory(**changed))
    assert said in text


def test_an_older_directory_is_upgraded_first() -> None:
    with pytest.raises(Refused) as refusal:
        plan(Wanted("w1", "draining"), directory(), ACTIVE, 2)
    assert "run fabric_directory.yml" in str(refusal.value.reasons[0])
