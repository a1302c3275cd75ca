"""What is wrong with a replica set: one golden text for each finding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import (
    replica_set_diagnosis as diagnosis,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    Promise,
    diagnose,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.codes import CODES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    SemiSync,
    SetState,
)
from tests.support.set_states import EPOCH, closed, follower, pair, writer

FABRIC = Promise("fabric", "available")
STRICT = Promise("fabric", "strict")
SWITCH = "ansible-playbook playbooks/replica_set_switch.yml -e replica_set=fabric -e to="


def state(*members: Any) -> SetState:
    return SetState({member.name: member for member in members})


def texts(of: SetState, promise: Promise = FABRIC) -> list[str]:
    found = diagnose(of, promise)
    assert all(finding.code in CODES for finding in found), found
    return [f"{finding.severity}: {finding}" for finding in found]


def test_all_is_well() -> None:
    assert texts(pair()) == []
    assert diagnosis.status(pair()) == "well"


@pytest.mark.parametrize(
    ("broken", "promise", "status", "said"),
    [
        (
            state(writer("f1"), replace(follower("f2"), closed=False)),
            FABRIC,
            "two_writers",
            [
                "critical: fabric: f1, f2 all take writes, so their rows become different. Close the older one "
                f"now: {SWITCH}f1"
            ],
        ),
        (
            state(replace(writer("f1"), unreachable="no answer"), follower("f2")),
            FABRIC,
            "without_writer",
            [
                "critical: f1: The active writer cannot be reached (no answer). If it is down: "
                "ansible-playbook playbooks/replica_set_failover.yml -e replica_set=fabric"
            ],
        ),
        (
            state(replace(closed(writer("f1")), uptime_seconds=60), follower("f2")),
            FABRIC,
            "without_writer",
            [
                "critical: fabric: No member takes writes; the active writer of epoch 1, f1, is "
                f"closed. Open it: {SWITCH}f1"
            ],
        ),
        (
            state(
                replace(closed(writer("f1")), uptime_seconds=60),
                replace(follower("f2"), unreachable="no answer"),
            ),
            FABRIC,
            "without_writer",
            [
                "critical: fabric: No member takes writes; the active writer of epoch 1, f1, is "
                f"closed. Open it: {SWITCH}f1",
                "warning: f1: Its agent would not open it: f2 does not answer (no answer). Put that "
                "right; after a restart of the server the agent opens it then by itself.",
                "warning: f2: It cannot be reached (no answer). Start it; if it is lost: "
                "ansible-playbook playbooks/replica_set_rejoin.yml -e replica_set=fabric "
                "-e server=f2",
            ],
        ),
        (
            state(closed(writer("f1")), replace(follower("f2"), closed=False)),
            FABRIC,
            "without_writer",
            [
                "critical: fabric: f2 takes writes, and epoch 1 says that f1 is the active writer. "
                f"Close it and open the right one: {SWITCH}f1"
            ],
        ),
        (
            state(
                closed(writer("f1", epoch=replace(EPOCH, active="f9"))),
                follower("f2", epoch=replace(EPOCH, active="f9")),
            ),
            FABRIC,
            "without_writer",
            [
                "critical: fabric: Epoch 1 names f9 as the active writer, which is no member of the "
                "inventory. Put it back into the inventory, or fail over: "
                "ansible-playbook playbooks/replica_set_failover.yml -e replica_set=fabric"
            ],
        ),
        (
            state(writer("f1"), replace(follower("f2"), unreachable="no answer")),
            FABRIC,
            "degraded",
            [
                "warning: f2: It cannot be reached (no answer). Start it; if it is lost: "
                "ansible-playbook playbooks/replica_set_rejoin.yml -e replica_set=fabric -e "
                "server=f2",
                "warning: f1: No member follows the active writer: what it acknowledges is on it "
                "alone. Start the others, or bring one back: ansible-playbook "
                "playbooks/replica_set_rejoin.yml -e replica_set=fabric -e server=MEMBER",
            ],
        ),
        (
            state(writer("f1"), follower("f2", executed="1-1-10,2-2-3")),
            FABRIC,
            "well",
            [
                "critical: f2: It has 3 transactions that the active writer f1 has not: 2-2-3. See "
                "them as rows, and decide: ansible-playbook playbooks/replica_set_rejoin.yml -e "
                "replica_set=fabric -e server=f2"
            ],
        ),
        (
            state(writer("f1"), follower("f2", lag=60, executed="1-1-4")),
            FABRIC,
            "well",
            [
                "warning: f2: It is 60 s and 6 transactions behind f1. A switch to it is refused "
                "until it has caught up."
            ],
        ),
        (
            state(writer("f1", working=False, unacknowledged=7), follower("f2")),
            FABRIC,
            "well",
            [
                "warning: f1: What the active writer acknowledges is on it alone: semi-synchronous "
                "replication is waiting for a member (7 transactions without an acknowledgement "
                "since it started). site.yml turns it on as soon as a member follows; since when is in "
                "the log of its agent."
            ],
        ),
        (
            state(writer("f1"), follower("f2")),
            STRICT,
            "well",
            [
                "critical: f1: The set is to be strict, and epoch 1 runs as available. site.yml "
                "makes it strict once a second member follows."
            ],
        ),
        (
            state(closed(writer("f1", epoch=None)), follower("f2", epoch=None)),
            FABRIC,
            "not_born",
            [
                "warning: fabric: No member has an epoch, nor rows of a user. site.yml makes its "
                "first member the active writer."
            ],
        ),
        (
            state(writer("f1", epoch=None), replace(follower("f2", epoch=None), rows_in="shop.t")),
            FABRIC,
            "not_adopted",
            [
                "critical: fabric: No member knows an epoch, and f1 takes writes. If one of them is "
                "the active writer, and the others are closed and follow it, adopt the set: "
                "ansible-playbook site.yml -e adopt=f1"
            ],
        ),
        (
            state(writer("f1")),
            FABRIC,
            "well",
            [
                "warning: fabric: It has one member: nothing takes over when that is lost. Put "
                "another server into the inventory."
            ],
        ),
        (
            state(writer("f1"), replace(follower("f2"), lifted=True)),
            FABRIC,
            "well",
            [
                "warning: f2: It is closed to applications, and administrators can write there "
                "(read_only without super_read_only). site.yml closes it wholly."
            ],
        ),
        (
            state(replace(writer("f1"), prepared_xa=("x",)), follower("f2")),
            FABRIC,
            "well",
            [
                "warning: f1: It has prepared XA transactions: x. Commit them or roll them back; "
                "until then nothing switches."
            ],
        ),
        (
            state(writer("f1"), replace(follower("f2"), channel=None, source="")),
            FABRIC,
            "well",
            [
                "warning: f2: It follows nobody and not the active writer f1. site.yml makes it follow.",
                "warning: f1: No member follows the active writer: what it acknowledges is on it alone. "
                "Start the others, or bring one back: ansible-playbook "
                "playbooks/replica_set_rejoin.yml -e replica_set=fabric -e server=MEMBER",
            ],
        ),
        (
            state(writer("f1"), replace(follower("f2"), epoch=replace(EPOCH, number=2))),
            FABRIC,
            "well",
            [
                "warning: f1: The active writer knows epoch 1, and another member 2. Look which of "
                "them was switched by hand."
            ],
        ),
        (
            state(writer("f1"), replace(follower("f2"), semi_sync=SemiSync())),
            FABRIC,
            "well",
            [
                "warning: f2: It has no semi-synchronous replication. Load its plugins "
                "(semisync_source.so, semisync_replica.so) in its configuration."
            ],
        ),
        (
            state(writer("f1"), follower("f2"), follower("f3", source="", epoch=None)),
            FABRIC,
            "well",
            [
                "warning: f3: It is new, and has nothing of the set yet. Give it a copy: "
                "ansible-playbook playbooks/replica_set_rejoin.yml -e replica_set=fabric -e server=f3"
            ],
        ),
        (
            state(
                replace(closed(writer("f1", epoch=None)), rows_in="shop.t"),
                follower("f2", epoch=None),
            ),
            FABRIC,
            "not_adopted",
            [
                "critical: fabric: No member knows an epoch, and there are rows in shop.t of f1. If "
                "one of them is the active writer, and the others are closed and follow it, adopt "
                "the set: ansible-playbook site.yml -e adopt=MEMBER"
            ],
        ),
    ],
)
def test_each_finding(broken: SetState, promise: Promise, status: str, said: list[str]) -> None:
    assert diagnosis.status(broken) == status
    assert texts(broken, promise) == said


def test_a_stopped_member_is_told_with_the_error_of_its_channel() -> None:
    channel = ChannelStatus("fabric", sql_fault=Fault(1062, "Duplicate entry"), connected=True)
    (said, _lonely) = texts(state(writer("f1"), replace(follower("f2"), channel=channel)))
    assert "Duplicate entry" in said


def test_the_worst_comes_first() -> None:
    found = texts(
        state(replace(writer("f1"), prepared_xa=("x",)), follower("f2", executed="1-1-10,2-2-3"))
    )
    assert [one.split(":")[0] for one in found] == ["critical", "warning"]


def test_a_strict_writer_that_acknowledges_nothing_says_how_it_goes_on() -> None:
    strict = replace(EPOCH, durability="strict")
    own = writer("f1", epoch=strict)
    waits = replace(own, semi_sync=replace(own.semi_sync, clients=0))
    alone = (
        f"; or let it go on as available until a second member follows: {SWITCH}f1 -e alone=true"
    )
    # f2 answers here, and not there.
    cut = follower("f2", epoch=strict, connected=False, io_fault=Fault(2003, "no route"))
    (lonely, _stopped) = texts(state(waits, cut), STRICT)
    assert lonely == (
        "critical: f1: No member follows the active writer: it acknowledges nothing. Start the others, "
        "or bring one back: ansible-playbook playbooks/replica_set_rejoin.yml -e replica_set=fabric "
        f"-e server=MEMBER{alone}"
    )
    (unheard,) = texts(state(waits, follower("f2", epoch=strict)), STRICT)
    assert unheard == (
        "critical: f1: It acknowledges nothing: it is strict, and no member acknowledges, although it "
        "is connected with f2. site.yml puts the settings right; look at the network between "
        f"them{alone}"
    )
    # It has fallen back, or does not wait at all: that is another finding.
    (other,) = texts(state(replace(waits, epoch=EPOCH), follower("f2")), FABRIC)
    assert "semi-synchronous replication is waiting for a member" in other
    # One that has fallen back goes on, and its agent has seen when.
    alone_now = replace(
        own, epoch=EPOCH, semi_sync=replace(own.semi_sync, clients=0, working=False)
    )
    (_away, goes_on) = texts(
        state(alone_now, replace(follower("f2"), unreachable="no answer")), FABRIC
    )
    assert goes_on.endswith("-e server=MEMBER; since when is in the log of its agent.")
