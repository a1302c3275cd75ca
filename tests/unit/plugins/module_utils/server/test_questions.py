"""Asking many sources at once."""

from __future__ import annotations

import threading
import time

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import ServerError
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import ask_all


def fail() -> str:
    raise ServerError("w2", "denied", 1045)


def lack() -> str:
    raise RuntimeError("'cryptography' package is required")


def test_every_answer_and_every_error_has_its_name() -> None:
    told = ask_all({"w1": lambda: "1-1-5", "w2": fail, "w3": lack}, 5)
    assert told["w1"] == "1-1-5" and list(told) == ["w1", "w2", "w3"]
    assert isinstance(told["w2"], ServerError) and told["w2"].number == 1045
    assert isinstance(told["w3"], ServerError) and "cryptography" in str(told["w3"])
    assert ask_all({}, 5) == {}


def test_who_does_not_answer_costs_the_time_once() -> None:
    never = threading.Event()

    def hangs() -> str:
        return str(never.wait(5))

    began = time.monotonic()
    told = ask_all({"w1": hangs, "w2": hangs, "w3": lambda: "here"}, 0.2)
    assert time.monotonic() - began < 2
    never.set()
    assert told["w3"] == "here"
    for name in ("w1", "w2"):
        assert "no answer within 0.2 s" in str(told[name])
