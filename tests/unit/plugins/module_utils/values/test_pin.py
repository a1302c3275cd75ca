"""When a server is no longer the one that it was."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin

UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
OTHER = "4e11fa47-71ca-11e1-9e33-c80aa9429562"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("", ""),
        ("", f"{UUID}:1-5"),
        (f"{UUID}:1-5", f"{UUID}:1-5,{OTHER}:1"),
        (f"{UUID}:1-5", f"{UUID}:1-9"),
        ("", "1-1-5"),
        ("1-1-5,1-2-9", "1-1-5,1-2-10"),
        ("1-1-5", "1-2-9,1-1-5,2-2-1"),
    ],
)
def test_a_server_that_only_writes_is_the_same(before: str, now: str) -> None:
    assert Pin({"server_id": "1"}, before).differs_from(Pin({"server_id": "1"}, now)) == ""


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (f"{UUID}:1-5", f"{UUID}:1-4"),
        (f"{UUID}:1-5", ""),
        (f"{UUID}:1-5", f"{OTHER}:1-5"),
        ("1-1-5", "1-1-4"),
        ("1-1-5", ""),
        ("1-1-5", "1-2-9"),
        ("1-1-5,2-1-3", "1-1-5"),
        (f"{UUID}:1-5", "1-1-5"),
        ("1-1-5", f"{UUID}:1-5"),
    ],
)
def test_a_server_that_has_lost_transactions_is_another(before: str, now: str) -> None:
    said = Pin({"server_id": "1"}, before).differs_from(Pin({"server_id": "1"}, now))
    assert said.startswith("it has lost transactions")


def test_another_server_is_named_by_what_differs() -> None:
    before = Pin({"server_id": "1", "hostname": "a"})
    assert before.differs_from(Pin({"server_id": "1", "hostname": "b"})) == (
        "another server answers: hostname was a and is b"
    )
    assert "server_id was 1 and is None" in before.differs_from(Pin({"server_uuid": UUID}))


def test_it_comes_back_from_the_journal_as_it_was() -> None:
    pin = Pin({"server_uuid": UUID}, f"{UUID}:1-5")
    assert Pin.parse(pin.text) == pin
