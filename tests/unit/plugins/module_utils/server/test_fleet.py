"""Several servers at once, some of which do not answer."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server import fleet as fleet_module
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import lock_name


class Fake:
    """A server that answers the questions of a fleet."""

    flavour = "mariadb"
    has_changed = False

    def __init__(self, address: str) -> None:
        self.address = address
        self.server_id = 1
        self.position = "1-1-5"
        self.holder: int | None = None
        self.closed = False
        self.left = False
        self.session: dict[str, Any] = {}

    def row(self, sql: str, *args: Any) -> dict[str, Any]:
        if "GET_LOCK" in sql:
            taken = self.holder is None
            self.holder = 7 if taken else self.holder
            return {"taken": int(taken)}
        if "CONNECTION_ID" in sql:
            return {"own": int(self.holder == 7)}
        if "IS_USED_LOCK" in sql:
            return {"id": self.holder}
        same = {"hostname": "h", "port": 3306, "datadir": "/d"}
        return {**same, "server_id": self.server_id, "position": self.position}

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        return [{"user": "root", "host": "localhost", "doing": ""}] if self.holder == 8 else []

    def set_session(self, name: str, value: Any) -> None:
        self.session[name] = value

    def leave_binary_log(self) -> None:
        self.left = True

    def close(self) -> None:
        self.closed = True


def servers(*names: str) -> dict[str, Any]:
    return {name: Fake(name) for name in names}


def fleet_of(fakes: dict[str, Any]) -> Fleet:
    return Fleet(cast("dict[str, Server]", fakes))


def opened(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> dict[str, Login]:
    """Let each name's login do what is given: return a server, raise, or be called first."""

    def connect(login: Login) -> Any:
        answer = answers[str(login.host)]
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(fleet_module, "connect", connect)
    return {name: Login(host=name, connect_timeout=0.1) for name in answers}


def test_every_connection_leaves_the_binary_log_but_the_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = servers("a", "b")
    fleet = Fleet.open(opened(monkeypatch, **fakes), logged=("b",))
    assert fakes["a"].left and not fakes["b"].left
    assert list(fleet.servers) == ["a", "b"] and fleet["a"] is fakes["a"] and "c" not in fleet
    assert fakes["b"].session["wait_timeout"] > 24 * 3600
    fleet.close()
    assert fakes["a"].closed and fakes["b"].closed


def test_who_cannot_be_reached_is_a_fact_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = servers("a")
    denied = ServerError("b", "denied", 1045)
    fleet = Fleet.open(opened(monkeypatch, a=fakes["a"], b=denied), ("b",))
    assert list(fleet.servers) == ["a"]
    assert str(fleet.unreachable["b"]) == "server b:3306: error 1045: b cannot be reached: denied"
    with pytest.raises(ServerError, match="b cannot be reached"):
        fleet["b"]
    with pytest.raises(KeyError):
        fleet["c"]


def test_all_who_must_be_reached_are_named_and_the_others_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = servers("a")
    logins = opened(
        monkeypatch, a=fakes["a"], b=ServerError("b", "denied"), c=ServerError("c", "gone")
    )
    with pytest.raises(ServerError) as error:
        Fleet.open(logins)
    assert "b cannot be reached: denied" in str(error.value)
    assert "c cannot be reached: gone" in str(error.value)
    assert fakes["a"].closed


def test_a_connection_that_may_not_leave_the_log_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class MayNot(Fake):
        def leave_binary_log(self) -> None:
            raise ServerError(self.address, "grant it", 1227)

    fake = MayNot("a")
    with pytest.raises(ServerError, match="grant it"):
        Fleet.open(opened(monkeypatch, a=fake))
    assert fake.closed


def test_a_login_that_comes_too_late_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "_GRACE_SECONDS", 0.0)
    late, go, fakes = Fake("b"), threading.Event(), servers("a")

    def hangs() -> Fake:
        go.wait(5)
        return late

    began = time.monotonic()
    fleet = Fleet.open(opened(monkeypatch, a=fakes["a"], b=hangs), ("b",))
    assert time.monotonic() - began < 2
    assert "no answer within 0.1 s" in str(fleet.unreachable["b"])
    go.set()
    end = time.monotonic() + 5
    while not late.closed and time.monotonic() < end:
        time.sleep(0.01)
    assert late.closed


def test_a_question_to_all() -> None:
    fakes = servers("a", "b")
    fleet = Fleet(cast("dict[str, Server]", fakes), {"c": ServerError("c", "gone")})

    def question(server: Server) -> str:
        if server.address == "b":
            raise ServerError("b", "denied", 1142)
        return server.address

    said = fleet.ask(question)
    assert list(said) == ["a", "b", "c"] and said["a"] == "a"
    assert isinstance(said["b"], ServerError) and isinstance(said["c"], ServerError)
    # One that refuses a statement is still there.
    assert fleet["b"] is fakes["b"]
    assert fleet.ask(question, ["a"]) == {"a": "a"}


def test_who_does_not_answer_in_time_is_given_up() -> None:
    fakes = servers("a", "b")
    fleet, never = fleet_of(fakes), threading.Event()
    said = fleet.ask(lambda server: str(server.address == "b" and never.wait(5)), seconds=0.1)
    never.set()
    assert said["a"] == "False" and isinstance(said["b"], ServerError)
    assert fakes["b"].closed and "b" not in fleet and "b" in fleet.unreachable


def test_a_defect_in_a_question_is_seen() -> None:
    def question(server: Server) -> str:
        raise KeyError("typing error")

    with pytest.raises(KeyError, match="typing error"):
        fleet_of(servers("a")).ask(question)


def test_another_server_or_a_lost_lock_is_told_of_each() -> None:
    fakes = servers("a", "b", "c")
    fleet = fleet_of(fakes)
    assert fleet.take_locks(dict.fromkeys(("c", "a", "gone"), "lock")) is None
    fleet.pin()
    fleet.verify()
    fakes["a"].server_id = 2
    fakes["b"].position = "1-1-4"
    fakes["c"].holder = None
    with pytest.raises(ServerError) as error:
        fleet.verify()
    assert "a: another server answers: server_id was 1 and is 2" in str(error.value)
    assert "b: it has lost transactions" in str(error.value)
    assert "c: this call's lock lock is no longer held" in str(error.value)


def test_what_a_server_has_written_since_may_not_be_lost_either() -> None:
    fakes = servers("a")
    fleet = fleet_of(fakes)
    fleet.pin()
    fakes["a"].position = "1-1-9"
    fleet.verify()
    fakes["a"].position = "1-1-7"
    with pytest.raises(ServerError, match="lost transactions"):
        fleet.verify()
    # A step that has set it back itself says so.
    fleet.pin("a")
    fleet.verify()


def test_who_has_a_lock_is_named() -> None:
    fakes = servers("a", "b")
    fakes["b"].holder = 8
    fleet = fleet_of(fakes)
    locks = {"b": "x", "a": "x"}
    assert fleet.take_locks(locks) == "connection 8 of server b, root from localhost"
    fakes["b"].holder = 9
    assert fleet.take_locks({"b": "x"}) == "connection 9 of server b"


@pytest.mark.parametrize("holders", [1, 2])
def test_a_lock_whose_holder_has_just_ended_is_tried_again(holders: int) -> None:
    class Ends(Fake):
        tries = 0

        def row(self, sql: str, *args: Any) -> dict[str, Any]:
            if "GET_LOCK" not in sql:
                return {"id": None}
            self.tries += 1
            return {"taken": int(self.tries > holders)}

    ended = "connections of server c that have just ended"
    said = fleet_of({"c": Ends("c")}).take_locks({"c": "x"})
    assert said == (None if holders == 1 else ended)


def test_one_that_may_be_away_may_also_go_away() -> None:
    for may_be_away in (True, False):
        fakes = servers("a", "b")
        optional = ("b",) if may_be_away else ()
        fleet = Fleet(cast("dict[str, Server]", fakes), may_be_unreachable=optional)
        fleet.pin()
        fakes["b"].has_changed = True
        never = threading.Event()

        def waits(server: Any, never: threading.Event = never) -> None:
            if server.address == "b":
                never.wait(5)

        fleet.ask(waits, seconds=0.2)
        never.set()
        # What was done there counts all the same.
        assert fleet.has_changed and "b" in fleet.unreachable
        if may_be_away:
            fleet.verify()
        else:
            with pytest.raises(ServerError, match="b: no answer"):
                fleet.verify()


def test_the_name_of_a_lock_is_readable_short_and_its_own() -> None:
    assert lock_name("dc", "tenant_7").startswith("dbrw dc/tenant_7 ")
    long = [lock_name("", "x" * 200 + end) for end in "ab"]
    assert len({*long}) == 2 and all(len(name) <= 64 for name in long)
    assert lock_name("a", "b") != lock_name("a/b", "") != lock_name("", "a/b")
