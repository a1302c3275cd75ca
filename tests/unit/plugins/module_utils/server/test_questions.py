"""Asking many sources at once."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server import questions
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import (
    ask_all,
    ask_servers,
)


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


def test_servers_are_asked_at_once_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3)
    closed = []

    class Fake:
        def __init__(self, login: Login) -> None:
            together.wait(5)
            self.address = login.address

        def close(self) -> None:
            closed.append(self.address)

    def ask(name: str, server: Any) -> str:
        if name == "w2":
            raise ServerError(server.address, "denied", 1142)
        return str(server.address)

    def cannot() -> Login:
        raise ServerError("w4", "no login from here")

    monkeypatch.setattr(questions, "connect", Fake)
    logins = {
        "w1": Login(host="h1"),
        "w2": Login(host="h2"),
        "w3": lambda: Login(host="h3"),
        "w4": cannot,
    }
    told = ask_servers(logins, ask, None)
    assert list(told) == ["w1", "w2", "w3", "w4"]
    assert (told["w1"], told["w3"]) == ("h1:3306", "h3:3306")
    assert isinstance(told["w2"], ServerError) and told["w2"].number == 1142
    assert "no login from here" in str(told["w4"])
    assert sorted(closed) == ["h1:3306", "h2:3306", "h3:3306"]
