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
    START,
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
UNSEEN = replace(DISCARD, errant="discard_unseen")
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
    ("own", "host", "asked", "discarded", "unseen"),
    [
        (CLEAN, ON_DISK, FOLLOW, FOLLOW, FOLLOW),
        (RETURNED, ON_DISK, UNDECIDED, COPY, COPY),
        # Nobody can show or save its rows.
        (FOREIGN, ON_DISK, UNDECIDED, UNDECIDED, COPY),
        (NEW, ON_DISK, COPY, COPY, COPY),
        (LOST, ON_DISK, UNDECIDED, UNDECIDED, COPY),
        (LOST, GONE, COPY, COPY, COPY),
        # The source has no longer what it needs; a wrong password is mended elsewhere.
        (stopped(1236), ON_DISK, UNDECIDED, COPY, COPY),
        (stopped(1062, applier=True), ON_DISK, UNDECIDED, COPY, COPY),
        (stopped(1045), ON_DISK, FOLLOW, FOLLOW, FOLLOW),
        (stopped(2003), ON_DISK, FOLLOW, FOLLOW, FOLLOW),
        # Runs that were interrupted: while copying, once the server was stopped, before and after the
        # copy was put in its place.
        (RETURNED, replace(ON_DISK, notes=NOTES), UNDECIDED, COPY, COPY),
        (LOST, replace(ON_DISK, notes=NOTES), UNDECIDED, UNDECIDED, COPY),
        (LOST, replace(ON_DISK, notes=NOTES, copied=True), UNDECIDED, START, COPY),
        (LOST, replace(GONE, notes=NOTES, copied=True), PLACE, PLACE, PLACE),
        (LOST, replace(ON_DISK, notes=NOTES, placed=True), FOLLOW, FOLLOW, FOLLOW),
        (CLEAN, replace(ON_DISK, notes=NOTES, placed=True), FOLLOW, FOLLOW, FOLLOW),
    ],
)
def test_what_comes_next(
    own: MemberState, host: OnHost, asked: str, discarded: str, unseen: str
) -> None:
    assert decide(ASK, state(own, host)).next == asked
    assert decide(DISCARD, state(own, host)).next == discarded
    assert decide(UNSEEN, state(own, host)).next == unseen


@pytest.mark.parametrize(
    ("own", "unseen", "word", "why"),
    [
        (RETURNED, False, "discard", "f1 has transactions that f2 has not: 201-201-7"),
        (RETURNED, True, "discard_unseen", "its binary log has not all of them any more"),
        (LOST, False, "discard_unseen", "what only it has cannot be shown or saved. Start it"),
        (FOREIGN, False, "discard_unseen", "rows in shop.t, which are in no binary log"),
        (stopped(1236), False, "discard", "f1 cannot go on following: error 1236"),
    ],
)
def test_what_nobody_can_see_needs_a_word_of_its_own(
    own: MemberState, unseen: bool, word: str, why: str
) -> None:
    given = state(own, unseen=unseen)
    cut_off = state(LOST, replace(ON_DISK, notes=NOTES, copied=True))
    assert decide(ASK, cut_off).word == "discard"
    asked = decide(ASK, given)
    assert (asked.next, asked.word) == (UNDECIDED, word) and why in asked.why
    if word == "discard_unseen":
        assert decide(DISCARD, given) == asked and steps(DISCARD, given) == []
    decided = decide(replace(DISCARD, errant=word), given)
    assert (decided.next, decided.word) == (COPY, "")


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


@pytest.mark.parametrize("number", [0, 4])
def test_a_new_server_under_an_old_name_leaves_room(number: int) -> None:
    executed = f"201-201-{number}" if number else ""
    (step,) = plan(ASK, state(replace(NEW, executed=executed))).steps
    assert step.value == Notes("f1", 201, 5 + UNKNOWN_JUMP)
    # One that was set back, too: it has less of its own than others know.
    back = replace(stopped(1236), executed="201-201-4")
    (step,) = plan(DISCARD, state(back)).steps
    assert step.value == Notes("f1", 201, 5 + UNKNOWN_JUMP)


@pytest.mark.parametrize(
    ("own", "noted", "issued"),
    [
        # It was lost, noted with room, and is there again.
        (RETURNED, 1_000_005, 1_000_005),
        (RETURNED, 6, 7),
        # It was asked, is lost now, and may have issued more meanwhile.
        (LOST, 7, 5 + UNKNOWN_JUMP),
        (LOST, 3_000_000, 3_000_000),
    ],
)
def test_a_number_that_was_noted_is_never_lowered(
    own: MemberState, noted: int, issued: int
) -> None:
    host = replace(ON_DISK if own.reachable else GONE, notes=Notes("f1", 201, noted))
    given = state(own, host, saved=True)
    assert rejoin.notes_of(DISCARD, given).issued == issued
    # What another domain's numbers were says nothing of this one's.
    other = replace(host, notes=Notes("f1", 9, 9_000_000))
    assert rejoin.notes_of(DISCARD, replace(given, host=other)).issued < 9_000_000


def test_mysql_copies_by_itself() -> None:
    members = SetState(
        {
            "f1": replace(RETURNED, own=f"{UUID}1", executed=f"{UUID}1:1-7", version="9.7.4"),
            "f2": replace(WRITER, own=f"{UUID}2", executed=f"{UUID}1:1-5", version="9.7.4"),
        }
    )
    given = State(members, ON_DISK, size=2**30, clones=True)
    assert steps(DISCARD, given) == [rejoin.SAVE, rejoin.NOTE, rejoin.CLONE]
    # The copy is there: it takes no more room.
    copied = replace(ON_DISK, notes=Notes("f1"), copied=True, free=0)
    assert steps(DISCARD, replace(given, host=copied, saved=True)) == []
    # Nor does it take a server that runs.
    stopped_one = replace(given, host=copied, members=SetState({**members.members, "f1": LOST}))
    assert decide(DISCARD, stopped_one).next == START and steps(DISCARD, stopped_one) == []
    assert decide(UNSEEN, stopped_one).next == COPY and steps(UNSEEN, stopped_one) == []


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
        (DISCARD, state(outside=("its binary log is there.",)), "f1: its binary log is there."),
        (
            DISCARD,
            state(replace(RETURNED, version="10.11.7-MariaDB")),
            "f1: its server is 10.11.7-MariaDB, older than f2's 10.11.18-MariaDB",
        ),
        (replace(DISCARD, domain=0), state(LOST, GONE), "give its gtid_domain_id"),
        (
            DISCARD,
            state(LOST, GONE, clones=True),
            "f1: its server must run to copy another. Make an empty one",
        ),
        (
            UNSEEN,
            state(LOST, clones=True),
            "to copy another. Start it, or move its data away and make an empty one",
        ),
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


def test_only_mariadb_has_numbers_that_go_on() -> None:
    mysql = replace(WRITER, flavour="mysql", executed="9b0e4a1c-0000-0000-0000-000000000000:1-5")
    assert rejoin._number_of(mysql, 201) == 0
    assert rejoin._number_of(WRITER, 201) == 5
