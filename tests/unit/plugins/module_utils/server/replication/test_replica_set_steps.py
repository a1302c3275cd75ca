"""What a failover and a switch do on servers that are lost in the middle; and what they leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import ServerError
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS, MARIADB
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    replica_set,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    replica_set_steps as steps,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    Note,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Epoch,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

LOST = Epoch(1, "f1")
NAMES: Mapping[tuple[Any, int], str] = {(f"10.0.0.{n}", 3306): f"f{n}" for n in (1, 2, 3, 4)}
GONE = Fault(2003, "error connecting to master 'x@10.0.0.1:3306'")


class Member:
    """A server with one channel. ``reaches``: its receiving thread connects when it is started."""

    flavour = MARIADB
    dialect = DIALECTS[MARIADB]

    def __init__(self, name: str, source: str = "f1", executed: str = "1-1-10", **channel: Any):
        self.name, self.address, self.executed = name, name, executed
        settings = Settings(source_host=f"10.0.0.{source[1]}", source_port=3306)
        given = {"io_running": True, "sql_running": True, "gtid_received": executed, **channel}
        self.channel: ChannelStatus = ChannelStatus("fabric", settings, **given)
        self.note, self.reaches = Note(), False
        self.told: list[str] = []
        self.breaks_at = ""

    def run(self, statement: Statement) -> None:
        self.told.append(statement.sql)

    def control(self, template: str) -> None:
        if self.breaks_at and template == getattr(self.dialect, self.breaks_at):
            raise ServerError(self.name, "gone")
        words = self.dialect
        change: dict[str, Any] = {}
        if template == words.stop_receiving:
            change = {"io_running": False, "connected": False}
        elif template == words.start_receiving:
            fault = Fault() if self.reaches else GONE
            change = {"io_running": True, "connected": self.reaches, "io_fault": fault}
        self.told.append(template)
        self.channel = replace(self.channel, **change)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Fleet]:
    """Make members a fleet whose channels and positions are theirs."""

    def forget(server: Member) -> None:
        server.note = Note()

    def note(server: Member, _channel: ChannelStatus, note: Note) -> None:
        server.note = note

    for name, answer in {
        "channel_of": lambda server, _names: server.channel,
        "executed": lambda server: server.executed,
        "failover_note": lambda server, _channel: server.note,
        "note_failover": note,
        "forget": forget,
        "lifted": nullcontext,
        "_control": lambda server, template, _channel: server.control(template),
    }.items():
        monkeypatch.setattr(steps, name, answer)
    monkeypatch.setattr(steps, "WITNESS_SECONDS", 0.05)

    def make(*members: Member) -> Fleet:
        return cast(Fleet, {member.name: member for member in members})

    return make


def who_reaches(made: Fleet, *names: str) -> tuple[list[str], list[str]]:
    return steps._who_reaches(made, LOST, names, NAMES)


def test_who_tries_is_left_as_it_was_found(fleet: Callable[..., Fleet]) -> None:
    for reaches in (False, True):
        stopped, runs = Member("f2", io_running=False), Member("f3")
        stopped.reaches = reaches
        assert who_reaches(fleet(stopped, runs), "f2", "f3") == (["f2"] if reaches else [], [])
        assert (stopped.channel.io_running, runs.channel.io_running) == (False, True)
        assert stopped.told == [stopped.dialect.start_receiving, stopped.dialect.stop_receiving]
    # Where another one breaks, too.
    stopped, breaks = Member("f2", io_running=False), Member("f3")
    breaks.breaks_at = "stop_receiving"
    with pytest.raises(ServerError, match="gone"):
        who_reaches(fleet(stopped, breaks), "f2", "f3")
    assert not stopped.channel.io_running


def test_members_that_an_interrupted_failover_has_moved_are_no_witnesses(
    fleet: Callable[..., Fleet],
) -> None:
    moved, own, stranger = Member("f3", source="f2"), Member("f2"), Member("f4", source="f2")
    moved.note = Note(LOST.number, True)
    # One that nobody has moved has not tried.
    assert who_reaches(fleet(moved, own, stranger), "f2", "f3", "f4") == ([], ["f4"])
    assert moved.told == [] and stranger.told == []
    # What was noted for another failover is none of this one's.
    moved.note = Note(7, True)
    assert who_reaches(fleet(moved, own), "f2", "f3") == ([], ["f3"])
    # Nor does one try whose applier would be started with it, with something unapplied.
    behind = Member("f2", sql_running=False, gtid_received="1-1-12")
    assert who_reaches(fleet(behind), "f2") == ([], ["f2"])


def fail_over(made: Fleet, *names: str, **more: Any) -> None:
    given = {"complete": names, "prove_lost": True, "allow_loss": False, **more}
    steps.fail_over(
        made,
        LOST,
        Epoch(1001, "f2", forced=True),
        names,
        names,
        names=NAMES,
        rest=lambda: None,
        source_settings={},
        **given,
    )


def test_a_failover_notes_how_members_were_before_it_touches_them(
    fleet: Callable[..., Fleet],
) -> None:
    had_all, stopped = Member("f2"), Member("f3", io_running=False)
    had_all.breaks_at = "stop_receiving"
    for _again in range(2):
        with pytest.raises(ServerError, match="gone"):
            fail_over(fleet(had_all, stopped), "f2", "f3", complete=["f2"])
        assert had_all.note == Note(1, True)
        assert stopped.note == Note(1, False)
        # It runs now, as a run that is killed leaves it: that is no proof.
        stopped.channel = replace(stopped.channel, io_running=True)


def test_what_was_noted_is_forgotten_where_somebody_reaches_the_lost_writer(
    fleet: Callable[..., Fleet],
) -> None:
    sees, other = Member("f2"), Member("f3")
    sees.reaches = True
    with pytest.raises(ServerError, match="f2 still reaches it"):
        fail_over(fleet(sees, other), "f2", "f3")
    assert (sees.note, other.note) == (Note(), Note())


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places to which channels were pointed; who is pointed gets all that is there."""
    found: list[str] = []

    def change(_dialect: object, _channel: str, place: Mapping[str, Any]) -> Statement:
        found.append(str(place["source_host"]))
        return Statement("CHANGE")

    def applies(server: Member, position: str, *_names: object, **_more: object) -> None:
        server.executed = position

    monkeypatch.setattr(steps.channels, "change", change)
    monkeypatch.setattr(steps, "_wait_while_it_applies", applies)
    return found


def test_the_new_writer_fetches_what_another_has(
    fleet: Callable[..., Fleet], moved: list[str]
) -> None:
    target, other = Member("f2"), Member("f3", executed="1-1-12")
    steps._fetch_rest(fleet(target, other), "f2", ["f2", "f3"], NAMES)
    assert moved == ["10.0.0.3"] and target.executed == "1-1-12"


def test_one_that_cannot_apply_all_it_has_received_keeps_its_relay_log(
    fleet: Callable[..., Fleet], moved: list[str]
) -> None:
    stuck = Member("f2", gtid_received="1-1-11", sql_fault=Fault(1062, "twice"), sql_running=False)
    steps._fetch_rest(fleet(stuck, Member("f3", executed="1-1-12")), "f2", ["f2", "f3"], NAMES)
    assert moved == [] and stuck.told == []


@pytest.mark.parametrize(
    ("said", "connected"),
    [
        ("error connecting to master 'r@127.2.0.1:3306' - retry-time: 1", False),
        ("Error connecting to source 'r@127.2.0.1:3306'. This was attempt 3/86400", False),
        ("error reconnecting to master 'r@127.2.0.1:3306' - retry-time: 1", True),
        ("Error reconnecting to source 'r@127.2.0.1:3306'. This was attempt 3/86400", True),
        ("", True),
    ],
)
def test_a_channel_that_never_connected_is_told_by_its_error(said: str, connected: bool) -> None:
    channel = ChannelStatus("fabric", io_fault=Fault(2003, said), received_log_position=400)
    server = cast(Any, SimpleNamespace(flavour=MARIADB))
    assert replica_set._was_connected(server, channel) is connected
    # A channel stands at the first event until it is connected.
    before = replace(channel, received_log_position=4)
    assert replica_set._was_connected(server, before) is False


class Switched:
    """Two members of a switch; the candidate may be lost at a word of what is done on it."""

    def __init__(self, lost_at: str) -> None:
        self.lost_at, self.done = lost_at, list[str]()

    def fake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def note(word: str, answer: Any = None, on_candidate: bool = False) -> Callable[..., Any]:
            def run(server: Any = None, *_more: Any, **_given: Any) -> Any:
                at_f2 = on_candidate or server == "f2"
                if at_f2 and self.lost_at in self.done:
                    raise ServerError("f2", "gone")
                shown = word if on_candidate or not isinstance(server, str) else f"{word} {server}"
                self.done.append(shown)
                if at_f2 and shown == self.lost_at:
                    raise ServerError("f2", "gone")
                return answer

            return run

        events = SimpleNamespace(wanted=frozenset(), on=frozenset(), to_turn_on=frozenset())
        for name in ("read", "note", "turn_off", "turn_on"):
            monkeypatch.setattr(steps.events, name, lambda *_given: events)
        monkeypatch.setattr(steps, "_source_waits", lambda _server: True)
        monkeypatch.setattr(steps, "_fence", note("fence", "1-1-10"))
        monkeypatch.setattr(steps, "_semi_sync_source", note("semi-sync"))
        monkeypatch.setattr(steps, "wait_until_applied", note("apply", True))
        monkeypatch.setattr(steps, "executed", note("ask", "1-1-10"))
        monkeypatch.setattr(steps, "stop", note("stop"))
        monkeypatch.setattr(steps, "open_member", note("open f2", on_candidate=True))
        monkeypatch.setattr(steps, "newest_epoch", note("epoch", Epoch(1, "f1")))
        monkeypatch.setattr(steps, "closed_and_lifted", note("closed", (True, False)))
        monkeypatch.setattr(steps.fence, "open_again", note("open"))
        monkeypatch.setattr(steps, "channel_of", note("channel"))

    def switch(self) -> None:
        class Two(dict[str, str]):
            def another(self, name: str) -> Any:
                return SimpleNamespace(close=lambda: None)

        made = cast(Any, Two(f1="f1", f2="f2"))
        steps.switch(made, "f1", Epoch(2, "f2"), 1.0, {}, NAMES)


@pytest.mark.parametrize("lost_at", ["apply f2", "ask f2", "stop f2"])
def test_a_candidate_that_is_lost_before_it_is_opened_leaves_the_writer_as_it_was(
    monkeypatch: pytest.MonkeyPatch, lost_at: str
) -> None:
    world = Switched(lost_at)
    world.fake(monkeypatch)
    with pytest.raises(ServerError, match="gone"):
        world.switch()
    assert "open f2" not in world.done
    # Its commits wait for a replica before it is open.
    assert world.done[-3:] == ["semi-sync f1", "closed f1", "open f1"]


def test_where_the_candidate_is_lost_while_it_is_opened_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = Switched("open f2")
    world.fake(monkeypatch)
    with pytest.raises(ServerError, match="gone"):
        world.switch()
    assert "open f1" not in world.done


class Falling(Member):
    """A writer whose commits have fallen back; ``clients`` replicas acknowledge."""

    def __init__(self, clients: int = 1, working: str = "OFF") -> None:
        super().__init__("f1", source="f2")
        self.clients, self.working, self.waits = clients, working, "ON"

    def variables(self, *names: str) -> dict[str, str]:
        return dict.fromkeys(names, self.waits)

    def rows(self, _sql: str, word: str) -> list[dict[str, str]]:
        value = str(self.clients) if word.endswith("clients") else self.working
        return [{"Value": value}]

    def run(self, statement: Statement) -> None:
        self.told.append(str(statement.args[0]))
        self.waits = "ON" if statement.args[0] else "OFF"


def test_commits_wait_again_for_a_replica_that_has_come_back(
    fleet: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet()
    monkeypatch.setattr(steps, "FOLLOWED_WITHIN_SECONDS", 0.05)

    def told(server: Falling, follower: Member) -> list[str]:
        steps.wait_for_it_again(cast(Any, server), cast(Any, follower), NAMES)
        return server.told

    assert told(Falling(), Member("f2")) == ["0", "1"]
    # It has received what it has not applied, and acknowledges that.
    assert told(Falling(), Member("f2", executed="1-1-7", gtid_received="1-1-10")) == ["0", "1"]
    # They would fall back once more.
    assert told(Falling(), Member("f2", executed="1-1-7")) == []
    assert told(Falling(clients=0), Member("f2")) == []
    # They wait, in a strict set for as long as it takes: nothing is turned off.
    assert told(Falling(working="ON"), Member("f2")) == []
