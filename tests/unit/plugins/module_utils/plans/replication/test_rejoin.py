"""What becomes of a member that returns, from every state in which it can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication import rejoin
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.rejoin import (
    COPY,
    FOLLOW,
    PLACE,
    UNDECIDED,
    UNKNOWN_JUMP,
    Wanted,
    decide,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import (
    Notes,
    OnHost,
    State,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Epoch,
    MemberState,
    SetState,
)

EPOCH = Epoch(1001, "f2")
WRITER = MemberState(
    "f2",
    flavour="mariadb",
    version="10.11.18-MariaDB",
    own="202",
    closed=False,
    epoch=EPOCH,
    executed="201-201-5,202-202-9",
)
RETURNED = MemberState(
    "f1",
    flavour="mariadb",
    version="10.11.18-MariaDB",
    own="201",
    epoch=Epoch(1, "f1"),
    executed="201-201-7",
)
LOST = MemberState("f1", unreachable="refused")
ASK, DISCARD = Wanted("fabric", "f1", "ask"), Wanted("fabric", "f1", "discard", domain=201)
ON_DISK = OnHost(has_data=True, free=2**40)
NOTES = Notes("f1", 201, 7)
GONE = replace(ON_DISK, has_data=False)
UUID = "ebd4a87a-ea0b-11f1-839c-0242ac11000"


def state(own: MemberState = RETURNED, host: OnHost = ON_DISK, **more: Any) -> State:
    return State(SetState({"f1": own, "f2": WRITER}), host, size=2**30, **more)


def steps(wanted: Wanted, given: State) -> list[str]:
    return [step.action for step in plan(wanted, given).steps]


CLEAN = replace(RETURNED, executed="201-201-5")
FOREIGN = replace(CLEAN, epoch=None, rows_in="shop.t")
NEW = replace(CLEAN, epoch=None, executed="")


def stopped(number: int, applier: bool = False) -> MemberState:
    fault = {"sql_fault" if applier else "io_fault": Fault(number, "said")}
    channel = ChannelStatus("fabric", **fault)
    return replace(CLEAN, channel=channel, source="f2")


@pytest.mark.parametrize(
    ("own", "host", "asked", "discarded"),
    [
        (CLEAN, ON_DISK, FOLLOW, FOLLOW),
        (RETURNED, ON_DISK, UNDECIDED, COPY),
        (FOREIGN, ON_DISK, UNDECIDED, COPY),
        (NEW, ON_DISK, COPY, COPY),
        (LOST, ON_DISK, UNDECIDED, COPY),
        (LOST, GONE, COPY, COPY),
        # The source has no longer what it needs; a wrong password is mended elsewhere.
        (stopped(1236), ON_DISK, UNDECIDED, COPY),
        (stopped(1062, applier=True), ON_DISK, UNDECIDED, COPY),
        (stopped(1045), ON_DISK, FOLLOW, FOLLOW),
        (stopped(2003), ON_DISK, FOLLOW, FOLLOW),
        # Runs that were interrupted: while copying, before and after the copy was put in its place.
        (RETURNED, replace(ON_DISK, notes=NOTES), UNDECIDED, COPY),
        (LOST, replace(ON_DISK, notes=NOTES), UNDECIDED, COPY),
        (LOST, replace(GONE, notes=NOTES, copied=True), PLACE, PLACE),
        (LOST, replace(ON_DISK, notes=NOTES, placed=True), FOLLOW, FOLLOW),
        (CLEAN, replace(ON_DISK, notes=NOTES, placed=True), FOLLOW, FOLLOW),
    ],
)
def test_what_comes_next(own: MemberState, host: OnHost, asked: str, discarded: str) -> None:
    assert decide(ASK, state(own, host)).next == asked
    assert decide(DISCARD, state(own, host)).next == discarded


def test_what_only_it_has_is_saved_before_anything_is_noted() -> None:
    assert steps(ASK, state()) == []
    assert steps(DISCARD, state()) == [rejoin.SAVE, rejoin.NOTE]
    assert steps(DISCARD, state(saved=True)) == [rejoin.NOTE]
    noted = replace(ON_DISK, notes=NOTES)
    assert steps(DISCARD, state(saved=True, host=noted)) == []
    assert plan(DISCARD, state()).steps[1].value == NOTES


def test_its_numbers_go_on_above_the_ones_that_it_has_issued() -> None:
    aside = replace(GONE, notes=NOTES, copied=True)
    assert steps(DISCARD, state(LOST, aside)) == [rejoin.NUMBER]
    # The active writer knows it already.
    known = replace(aside, notes=replace(NOTES, issued=5))
    assert steps(DISCARD, state(LOST, known)) == []


def test_where_it_cannot_be_asked_its_numbers_leave_room() -> None:
    (step,) = plan(DISCARD, state(LOST, GONE)).steps
    assert step.value == Notes("f1", 201, 5 + UNKNOWN_JUMP)
    # Another run does not leave room again.
    noted = replace(GONE, notes=step.value)
    assert steps(DISCARD, state(LOST, noted)) == []


def test_mysql_copies_by_itself() -> None:
    members = SetState(
        {
            "f1": replace(RETURNED, own=f"{UUID}1", executed=f"{UUID}1:1-7", version="9.7.4"),
            "f2": replace(WRITER, own=f"{UUID}2", executed=f"{UUID}1:1-5", version="9.7.4"),
        }
    )
    given = State(members, ON_DISK, size=2**30, clones=True)
    assert steps(DISCARD, given) == [rejoin.SAVE, rejoin.NOTE, rejoin.CLONE]
    copied = replace(ON_DISK, notes=Notes("f1"), copied=True)
    assert steps(DISCARD, replace(given, host=copied, saved=True)) == []


def follower(lag: int | None) -> MemberState:
    channel = ChannelStatus(
        "fabric", io_running=True, sql_running=True, connected=True, seconds_behind_source=lag
    )
    return replace(CLEAN, name="f3", own="203", channel=channel, source="f2")


@pytest.mark.parametrize(("lag", "asked", "name"), [(0, "", "f3"), (9, "", "f2"), (0, "f2", "f2")])
def test_who_is_copied(lag: int, asked: str, name: str) -> None:
    members = SetState({"f1": RETURNED, "f2": WRITER, "f3": follower(lag)})
    given = State(members, ON_DISK)
    assert rejoin.donor(replace(DISCARD, donor=asked), given).name == name


@pytest.mark.parametrize(
    ("wanted", "given", "said"),
    [
        (
            ASK,
            state(replace(RETURNED, closed=False, epoch=EPOCH)),
            "f1 is open: applications write there",
        ),
        (Wanted("fabric", "f2", "ask"), state(), "f2 is the active writer"),
        (
            ASK,
            State(SetState({"f1": RETURNED, "f2": replace(WRITER, closed=True)}), ON_DISK),
            "fabric has no active writer that answers",
        ),
        (
            ASK,
            State(SetState({"f1": NEW, "f2": replace(WRITER, epoch=None)}), ON_DISK),
            "fabric has no epoch",
        ),
        (
            DISCARD,
            state(host=replace(ON_DISK, free=2**30)),
            "f1: a copy takes 1,126 MiB, and the disk of its data directory has 1,024 MiB left.",
        ),
        (DISCARD, state(host=replace(ON_DISK, is_mounted=True)), "is a disk of its own"),
        (DISCARD, state(log_outside="/var/log/mysql"), "f1: its binary log is in /var/log/mysql"),
        (
            DISCARD,
            state(replace(RETURNED, version="10.11.7-MariaDB")),
            "f1: its server is 10.11.7-MariaDB, older than f2's 10.11.18-MariaDB",
        ),
        (replace(DISCARD, domain=0), state(LOST, GONE), "give its gtid_domain_id"),
        (DISCARD, state(LOST, GONE, clones=True), "f1: its server must run to copy another."),
        (
            DISCARD,
            state(replace(RETURNED, version="10.11.19"), clones=True),
            "one clones only from its own version",
        ),
        (replace(DISCARD, donor="f3"), state(), "f3 cannot be copied from"),
    ],
)
def test_what_is_refused(wanted: Wanted, given: State, said: str) -> None:
    with pytest.raises(Refused, match=said.replace("(", r"\(").replace("'", ".")):
        plan(wanted, given)
