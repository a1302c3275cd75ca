"""Every batch is acknowledged once, whatever fails on the way."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.ledger import Batch, Ledger
from examples.dbrw import WRITE, InDoubt, Server

W1 = Server("w1", WRITE, "dc1", "host", 3306, 1)
W2 = Server("w2", WRITE, "dc1", "host", 3306, 2)


def batches(count: int) -> Iterator[Batch]:
    for number in range(count):
        yield Batch(number, [(2 * number + 1, "x"), (2 * number + 2, "y")])


def lost(server: Server) -> InDoubt:
    return InDoubt(server, "session", Exception("lost"))


def taken(ledger: Ledger) -> Batch:
    batch = ledger.take()
    assert batch is not None
    return batch


def test_acknowledged_batches_are_done() -> None:
    ledger = Ledger(batches(2))
    ledger.acknowledged(taken(ledger), W1)
    ledger.acknowledged(taken(ledger), W2)
    assert ledger.take() is None
    assert ledger.rows_by_server == {"w1": 2, "w2": 2}
    assert ledger.rows == 4


def test_what_was_not_sent_is_handed_out_again() -> None:
    ledger = Ledger(batches(1))
    batch = taken(ledger)
    ledger.not_sent(batch)
    assert ledger.take() == batch


def test_a_batch_in_doubt_is_not_handed_out() -> None:
    ledger = Ledger(batches(2))
    doubtful = taken(ledger)
    ledger.in_doubt(doubtful, lost(W2))
    assert taken(ledger) != doubtful
    (doubt,) = ledger.doubts()
    assert (doubt.batch, doubt.server, doubt.session) == (doubtful, W2, "session")
    assert ledger.rows == 0


def test_a_doubt_settled_as_there_counts_for_its_server() -> None:
    ledger = Ledger(batches(1))
    ledger.in_doubt(taken(ledger), lost(W2))
    ledger.settle(ledger.doubts()[0], is_there=True)
    assert ledger.take() is None
    assert ledger.rows_by_server == {"w2": 2}
    assert (ledger.found, ledger.not_found) == (1, 0)


def test_a_doubt_settled_as_not_there_is_sent_again() -> None:
    ledger = Ledger(batches(1))
    batch = taken(ledger)
    ledger.in_doubt(batch, lost(W2))
    ledger.settle(ledger.doubts()[0], is_there=False)
    assert ledger.rows == 0
    assert ledger.take() == batch
    ledger.acknowledged(batch, W1)
    assert ledger.take() is None
    assert (ledger.found, ledger.not_found) == (0, 1)


def test_a_doubt_is_settled_once() -> None:
    ledger = Ledger(batches(1))
    ledger.in_doubt(taken(ledger), lost(W2))
    doubt = ledger.doubts()[0]
    ledger.settle(doubt, is_there=True)
    with pytest.raises(KeyError):
        ledger.settle(doubt, is_there=False)


def test_nobody_goes_home_while_a_batch_is_in_doubt() -> None:
    ledger = Ledger(batches(1))
    ledger.in_doubt(taken(ledger), lost(W2))
    got: list[Batch | None] = []
    waiting = threading.Thread(target=lambda: got.append(ledger.take()), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    ledger.settle(ledger.doubts()[0], is_there=False)
    waiting.join(5)
    assert got == [Batch(0, [(1, "x"), (2, "y")])]


def test_stop_wakes_those_who_wait() -> None:
    ledger = Ledger(batches(1))
    ledger.in_doubt(taken(ledger), lost(W2))
    waiting = threading.Thread(target=ledger.take, daemon=True)
    waiting.start()
    ledger.stop()
    waiting.join(5)
    assert not waiting.is_alive()


@given(count=st.integers(0, 30), seed=st.integers(0, 2**32))
def test_whatever_fails_every_batch_is_on_one_server_once(count: int, seed: int) -> None:
    chance = random.Random(seed)
    ledger = Ledger(batches(count))
    held: dict[str, list[int]] = {"w1": [], "w2": []}
    while (batch := ledger.take()) is not None:
        server = chance.choice([W1, W2])
        outcome = chance.choice(["acknowledged", "not sent", "lost before", "lost after"])
        if outcome in ("acknowledged", "lost after"):
            held[server.name].append(batch.number)
        if outcome == "acknowledged":
            ledger.acknowledged(batch, server)
        elif outcome == "not sent":
            ledger.not_sent(batch)
        else:
            ledger.in_doubt(batch, lost(server))
        # The servers answer again at some time, and settle all or some.
        last = len(ledger.doubts()) and chance.random() < 0.5
        for doubt in ledger.doubts() if last or chance.random() < 0.2 else []:
            ledger.settle(doubt, doubt.batch.number in held[doubt.server.name])
        # take() would wait here for others; this test is alone.
        if len(held["w1"]) + len(held["w2"]) + len(ledger.doubts()) >= count:
            for doubt in ledger.doubts():
                ledger.settle(doubt, doubt.batch.number in held[doubt.server.name])
    assert Counter(held["w1"] + held["w2"]) == Counter(range(count))
    assert ledger.rows == 2 * count
