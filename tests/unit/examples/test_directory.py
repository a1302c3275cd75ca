"""What is remembered of the directory: for how long, and what is never kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pymysql
import pytest

from examples import directory
from examples.dbrw import AVOID_SECONDS, READ, NoServer, Server, Topology
from examples.directory import VERSION, Directory

WHERE = "SELECT fabric.shard_for_tenant(%s)"
GONE = NoServer("nobody is there")
UNKNOWN = pymysql.OperationalError(1644, "there is no tenant x")
NO_FUNCTION = pymysql.OperationalError(1305, "FUNCTION fabric.shard_for_tenant does not exist")


def _raise(error: Exception | None) -> None:
    if isinstance(error, Exception):
        raise error


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Member:
    """What a member says. ``meanwhile`` happens between its version and its answer."""

    def __init__(self) -> None:
        self.version: tuple[int, int] | None = (3, 10)
        self.shard = "s1"
        self.error: Exception | None = None
        self.question_error: Exception | None = None
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def on(self, sql: str) -> list[tuple[Any, ...]]:
        _raise(self.error)
        if sql == VERSION:
            return [self.version] if self.version else []
        self.asked += 1
        _raise(self.question_error)
        shard = self.shard
        self.meanwhile()
        return [(shard,)]


class World:
    """Two members, f1 in the own data centre, and the directory that asks them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.members = {"f1": Member(), "f2": Member()}
        servers = [
            Server("f1", READ, "dc1", "host-f1", 3306),
            Server("f2", READ, "dc2", "host-f2", 3306),
        ]
        world = self

        class Client:
            def __init__(self, *_given: object) -> None:
                pass

            def on(
                self, server: Server, sql: str, _args: Sequence[Any] = ()
            ) -> tuple[list[tuple[Any, ...]], int]:
                return world.members[server.name].on(sql), 1

            def close(self) -> None:
                pass

        monkeypatch.setattr(directory, "Client", Client)
        self.directory = Directory(Topology(servers, 1, clock=self.clock), "dc1")

    @property
    def asked(self) -> int:
        return sum(member.asked for member in self.members.values())

    def change(self, version: tuple[int, int], shard: str = "s2") -> None:
        for member in self.members.values():
            member.version, member.shard = version, shard

    def fail(self, error: Exception | None) -> None:
        for member in self.members.values():
            member.error = error

    def where(self) -> Any:
        return self.directory.look_up(WHERE, ("Customer 1",)).value


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_was_asked_is_not_asked_again(world: World) -> None:
    assert [world.where() for _one in range(5)] == ["s1"] * 5
    assert world.asked == 1
    assert world.directory.look_up(WHERE, ("another",)).value == "s1"
    assert world.asked == 2


def test_it_lives_longer_each_time_up_to_thirty_seconds(world: World) -> None:
    world.where()
    for seconds in (1, 2, 4, 8, 16, 30, 30, 30):
        asked = world.asked
        world.clock.now += seconds - 0.001
        world.where()
        assert world.asked == asked
        world.clock.now += 0.001
        world.where()
        assert world.asked == asked + 1
    # Under another version it begins again.
    world.change((3, 11))
    world.directory.poll()
    assert world.where() == "s2"
    world.clock.now += 1
    asked = world.asked
    world.where()
    assert world.asked == asked + 1


def test_a_change_ends_what_is_kept(world: World) -> None:
    world.where()
    world.change((3, 11))
    assert world.where() == "s1"
    assert world.directory.poll()
    assert world.where() == "s2"
    # After a failover the counter may come again.
    world.change((4, 11), "s3")
    world.directory.poll()
    assert world.where() == "s3"


def test_an_answer_from_before_a_change_is_not_kept_after_it(world: World) -> None:
    def changed() -> None:
        world.change((3, 11))
        world.directory.poll()

    world.members["f1"].meanwhile = changed
    assert world.where() == "s1"
    world.members["f1"].meanwhile = lambda: None
    assert world.where() == "s2"


def test_nor_does_it_take_the_place_of_a_newer_one(world: World) -> None:
    def changed() -> None:
        world.members["f1"].meanwhile = lambda: None
        world.change((3, 11))
        assert world.where() == "s2"

    world.members["f1"].meanwhile = changed
    assert world.where() == "s1"
    world.fail(GONE)
    world.clock.now += 60
    assert world.where() == "s2"


def test_an_answer_is_kept_under_the_version_before_it(world: World) -> None:
    # The change happens in between, and nobody has seen it.
    world.members["f1"].meanwhile = lambda: world.change((3, 11))
    assert world.where() == "s1"
    world.members["f1"].meanwhile = lambda: None
    world.directory.poll()
    assert world.where() == "s2"


def test_a_member_that_is_behind_is_passed_over(world: World) -> None:
    world.members["f2"].version, world.members["f2"].shard = (4, 1), "s2"
    world.members["f1"].error = GONE
    assert world.where() == "s2"
    world.members["f1"].error = None
    world.clock.now += 1
    assert world.where() == "s2" and world.members["f1"].asked == 0
    world.members["f2"].error = GONE
    world.clock.now += 60
    # An old answer that is known is better than one that is older still.
    assert world.where() == "s2"
    with pytest.raises(NoServer, match=r"f1 is at \(3, 10\), behind \(4, 1\)"):
        world.directory.look_up(WHERE, ("another",))


def test_what_is_known_goes_on_while_the_directory_is_away(world: World) -> None:
    world.where()
    world.fail(GONE)
    world.clock.now += 100
    answer = world.directory.look_up(WHERE, ("Customer 1",))
    assert (answer.value, answer.age_seconds) == ("s1", 100)
    assert not world.directory.poll() and world.directory.age_seconds == 100
    with pytest.raises(NoServer, match="nobody is there"):
        world.directory.look_up(WHERE, ("another",))
    world.fail(None)
    world.change((3, 11))
    # Not asked at each lookup, which would wait for a timeout each time.
    assert world.where() == "s1"
    world.clock.now += AVOID_SECONDS
    answer = world.directory.look_up(WHERE, ("Customer 1",))
    assert (answer.value, answer.age_seconds) == ("s2", 0)


def test_a_poll_sees_that_it_is_back(world: World) -> None:
    world.where()
    world.fail(GONE)
    world.clock.now += 2
    assert world.where() == "s1"
    world.fail(None)
    world.change((3, 11))
    assert world.directory.poll() and world.where() == "s2"


def test_the_age_is_since_it_was_last_right(world: World) -> None:
    world.where()
    world.clock.now += 0.75
    world.directory.poll()
    world.clock.now += 0.125
    assert world.directory.look_up(WHERE, ("Customer 1",)).age_seconds == 0.125
    # It has changed, and then nobody says how.
    world.change((3, 11))
    world.directory.poll()
    world.fail(GONE)
    world.clock.now += 2
    answer = world.directory.look_up(WHERE, ("Customer 1",))
    assert (answer.value, answer.age_seconds) == ("s1", 2.125)


def test_an_unknown_name_is_an_error_and_is_forgotten(world: World) -> None:
    world.where()
    for member in world.members.values():
        member.question_error = UNKNOWN
    world.change((3, 11))
    world.directory.poll()
    with pytest.raises(pymysql.MySQLError, match="there is no tenant"):
        world.where()
    world.fail(GONE)
    with pytest.raises(NoServer):
        world.where()


def test_functions_that_are_made_anew_are_waited_for(world: World) -> None:
    for member in world.members.values():
        member.question_error = NO_FUNCTION
    with pytest.raises(pymysql.MySQLError, match="does not exist"):
        world.where()
    for member in world.members.values():
        member.question_error = None
    world.where()
    for member in world.members.values():
        member.question_error = NO_FUNCTION
    world.clock.now += 5
    answer = world.directory.look_up(WHERE, ("Customer 1",))
    assert (answer.value, answer.age_seconds) == ("s1", 5)


def test_a_directory_without_a_version_is_asked(world: World) -> None:
    for member in world.members.values():
        member.version = None
    assert world.directory.poll() and world.directory.version == (0, 0)
    assert world.where() == "s1"


def test_it_does_not_grow_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MOST", 3)
    for number in (1, 2, 3, 4, 2):
        world.directory.look_up(WHERE, (number,))
    assert world.asked == 4
    world.directory.look_up(WHERE, (1,))
    assert world.asked == 5


def test_it_is_polled_in_a_thread(world: World) -> None:
    world.where()
    world.change((3, 11))
    with world.directory.polled(0.01):
        deadline = time.monotonic() + 10
        while world.directory.version == (3, 10) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert world.where() == "s2"
