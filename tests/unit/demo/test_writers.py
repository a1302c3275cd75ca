"""Clients of permanent data: what becomes of each row, and how long they waited."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pymysql
import pytest

from demo import writers
from demo.writers import Acknowledgement, Book, Member, Writers

F1, F2 = Member("f1", "host1", 3306), Member("f2", "host2", 3306)


def book_of(*times: Sequence[float]) -> Book:
    """Return a book of clients that were acknowledged rows at these times, each after 0.1 s."""
    book = Book(len(times), 0.0)
    for client, own in enumerate(times):
        for number, at in enumerate(own):
            book.acknowledged(client, Acknowledgement(f"1-{client}-{number}", "f1", at - 0.1, at))
    return book


def test_the_pause_is_the_longest_wait_of_any_row() -> None:
    book = book_of([1.0, 1.1, 1.9], [1.0, 1.5])
    book.acknowledged(1, Acknowledgement("1-1-9", "f2", 1.1, 1.9))
    assert book.pause(1.0, 2.0) == pytest.approx(0.8)
    assert book.pause(1.0, 1.8) == pytest.approx(0.1)
    assert book.pause(3.0, 4.0) == 0


def test_what_was_before_a_time_does_not_count_into_it() -> None:
    book = book_of([0.0, 5.0, 5.1, 5.2])
    assert [line.at for line in book.between(5.0, 5.2)] == [5.0, 5.1]


def test_the_first_answer_after_a_moment() -> None:
    book = book_of([1.0, 3.0], [1.5, 2.5])
    first = book.first_after(1.5)
    assert first is not None
    assert first.at == 2.5
    assert book.first_after(3.0) is None


class World:
    """Members of which one takes writes; what they are asked happens in order."""

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.rows: dict[str, str] = {}
        self.asked: list[str] = []
        self.done = threading.Event()

    def connect(self, member: Member) -> Any:
        return _Connection(self, member)

    def execute(self, member: Member, request: str) -> None:
        self.asked.append(member.name)
        step = self.steps.pop(0) if self.steps else None
        if not self.steps:
            self.done.set()
        if step == "lost after":
            self.rows[request] = member.name
            raise pymysql.OperationalError(2013, "lost")
        if step == "lost before":
            raise pymysql.OperationalError(2013, "lost")
        if step == "read only":
            raise pymysql.OperationalError(1290, "read only")
        if request in self.rows:
            raise pymysql.IntegrityError(1062, "duplicate")
        self.rows[request] = member.name


class _Connection:
    def __init__(self, world: World, member: Member) -> None:
        self.world, self.member = world, member

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def cursor(self) -> _Connection:
        return self

    def execute(self, _sql: str, args: tuple[str]) -> None:
        self.world.execute(self.member, args[0])

    def close(self) -> None:
        pass


def written(monkeypatch: pytest.MonkeyPatch, *steps: Any) -> tuple[World, Writers]:
    """Let one client write until the steps are over."""
    monkeypatch.setattr(writers, "AGAIN_SECONDS", 0)
    world = World(*steps)
    client = Writers([F1, F2], "application", "", "t", clients=1, think_seconds=0)
    monkeypatch.setattr(client, "connect", world.connect)
    with client:
        assert world.done.wait(10)
        assert client.wait_for_all(0.0, 10)
    assert not client.failures
    return world, client


def test_a_member_that_is_read_only_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    world, client = written(monkeypatch, "read only", None)
    assert world.asked[:2] == ["f1", "f2"]
    assert set(world.rows.values()) == {"f2"}
    assert client.book.requests == set(world.rows)


def test_a_row_whose_answer_was_lost_is_not_written_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    world, client = written(monkeypatch, "lost after", None)
    (first, *others) = client.book.lines[0]
    assert (first.request, first.found) == ("1-0-1", True)
    assert not any(line.found for line in others)
    assert world.rows["1-0-1"] == "f1"


def test_a_row_that_was_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world, client = written(monkeypatch, "lost before", None)
    first = client.book.lines[0][0]
    assert (first.request, first.member, first.found) == ("1-0-1", "f2", False)
    assert world.rows["1-0-1"] == "f2"


def test_a_key_that_somebody_else_has_is_no_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.rows["1-0-1"] = "f1"
    client = Writers([F1, F2], "application", "", "t", clients=1)
    monkeypatch.setattr(client, "connect", world.connect)
    with client, pytest.raises(pymysql.IntegrityError):
        client.wait_for_all(0.0, 10)
    assert client.book.rows == 0


def test_what_is_acknowledged_and_not_there_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Writers([F1, F2], "application", "", "t", clients=1)
    client.book.acknowledged(0, Acknowledgement("1-0-1", "f1", 0.9, 1.0))
    client.book.acknowledged(0, Acknowledgement("1-0-2", "f1", 1.0, 1.1))
    monkeypatch.setattr(client, "requests_on", lambda _member: {"1-0-1", "1-0-3"})
    assert client.lost(F2) == {"1-0-2"}


def test_a_member_that_applies_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Writers([F1, F2], "application", "", "t", clients=1)
    client.book.acknowledged(0, Acknowledgement("1-0-1", "f1", 0.9, 1.0))
    client.book.acknowledged(0, Acknowledgement("1-0-2", "f1", 1.0, 1.1))
    answers = [set[str](), {"1-0-1"}, {"1-0-1", "1-0-2"}]
    monkeypatch.setattr(client, "requests_on", lambda _member: answers.pop(0))
    assert client.lost(F2, 5.0) == set()


@pytest.mark.parametrize(("takes", "found"), [({"f2"}, F2), (set(), None), ({"f1", "f2"}, None)])
def test_the_active_writer_is_the_only_one_that_takes_writes(
    monkeypatch: pytest.MonkeyPatch, takes: set[str], found: Member | None
) -> None:
    client = Writers([F1, F2], "application", "", "t", clients=1)
    monkeypatch.setattr(client, "takes_writes", lambda member: member.name in takes)
    assert client.active(seconds=0) == found
