"""The article's rule for choosing a server, and what is remembered of failures."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pymysql
import pytest

from examples.dbrw import AVOID_SECONDS, READ, WRITE, Client, InDoubt, NoServer, Server, Topology

LOST = pymysql.OperationalError(2013, "Lost connection to MySQL server during query")
REFUSED = pymysql.OperationalError(2003, "Can't connect to MySQL server")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def write_server(name: str, datacenter: str, offset: int, weight: float = 1) -> Server:
    return Server(name, WRITE, datacenter, f"host-{name}", 3306, offset, weight)


def topology(*servers: Server, increment: int = 20) -> Topology:
    return Topology(
        servers
        or (
            write_server("w1", "dc1", 1),
            write_server("w2", "dc1", 2),
            write_server("w3", "dc2", 3),
            write_server("w4", "dc2", 4),
            Server("r1", READ, "dc1", "host-r1", 3306),
            Server("r2", READ, "dc2", "host-r2", 3306),
        ),
        increment,
        "application",
        "secret",
        chance=random.Random(7),
        clock=Clock(),
    )


def names(servers: list[Server]) -> list[str]:
    return [server.name for server in servers]


# --- Order -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("datacenter", "own", "others"), [("dc1", "w1 w2", "w3 w4"), ("dc2", "w3 w4", "w1 w2")]
)
def test_own_datacenter_first(datacenter: str, own: str, others: str) -> None:
    known = topology()
    for _try in range(50):
        order = names(known.order(WRITE, datacenter))
        assert sorted(order[:2]) == own.split()
        assert sorted(order[2:]) == others.split()


def test_only_the_wanted_kind() -> None:
    assert names(topology().order(READ, "dc2")) == ["r2", "r1"]


def test_weights_decide_how_often_a_server_is_first() -> None:
    known = topology(
        write_server("w1", "dc1", 1, weight=3),
        write_server("w2", "dc1", 2, weight=1),
        write_server("w3", "dc1", 3, weight=0),
    )
    first = Counter(known.order(WRITE, "dc1")[0].name for _try in range(4000))
    assert first["w1"] == pytest.approx(3000, abs=150)
    assert first["w1"] + first["w2"] == 4000
    assert "w3" not in names(known.order(WRITE, "dc1"))


def test_a_failed_server_goes_last_for_some_seconds() -> None:
    known = topology()
    clock = known.clock
    assert isinstance(clock, Clock)
    known.failed(known.servers[0])
    for _try in range(50):
        assert names(known.order(WRITE, "dc1"))[0] == "w2"
        assert names(known.order(WRITE, "dc1"))[-1] == "w1"
    clock.now += AVOID_SECONDS - 0.1
    assert names(known.order(WRITE, "dc1"))[-1] == "w1"
    clock.now += 0.2
    assert {names(known.order(WRITE, "dc1"))[0] for _try in range(50)} == {"w1", "w2"}


def test_a_server_that_answers_is_used_at_once() -> None:
    known = topology()
    known.failed(known.servers[0])
    known.answered(known.servers[0])
    assert {names(known.order(WRITE, "dc1"))[0] for _try in range(50)} == {"w1", "w2"}


# --- Ids ---------------------------------------------------------------------


@pytest.mark.parametrize(("row_id", "name"), [(1, "w1"), (41, "w1"), (62, "w2"), (2_000_004, "w4")])
def test_the_id_names_the_server(row_id: int, name: str) -> None:
    assert topology().server_of(row_id).name == name


def test_an_offset_that_equals_the_increment_has_residue_zero() -> None:
    known = topology(write_server("w3", "dc1", 3), increment=3)
    assert known.server_of(6).name == "w3"


def test_an_id_of_no_server_is_an_error_that_says_which() -> None:
    with pytest.raises(LookupError, match="45 mod 20 is 5"):
        topology().server_of(45)


# --- Failing over ------------------------------------------------------------


class Network:
    """Servers that do not exist: what each does when it is connected to, and asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.connecting: dict[str, Exception] = {}
        self.executing: dict[str, Exception] = {}
        self.attempts: list[str] = []
        self.options: dict[str, Any] = {}
        self.executed: list[tuple[str, str]] = []
        self.dead: set[str] = set()
        monkeypatch.setattr(pymysql, "connect", self.connect)

    def connect(self, host: str, **options: Any) -> FakeConnection:
        name = host.removeprefix("host-")
        self.options = options
        self.attempts.append(name)
        if name in self.connecting:
            raise self.connecting[name]
        return FakeConnection(self, name)


class FakeConnection:
    rowcount = 1

    def __init__(self, network: Network, name: str) -> None:
        self.network = network
        self.name = name

    def cursor(self) -> FakeConnection:
        return self

    def __enter__(self) -> FakeConnection:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def execute(self, sql: str, _args: Any) -> None:
        if "GET_LOCK" in sql:
            return
        self.network.executed.append((self.name, sql))
        if self.name in self.network.executing:
            raise self.network.executing[self.name]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [(self.name,)]

    def ping(self, reconnect: bool) -> None:
        assert not reconnect
        if self.name in self.network.dead:
            raise pymysql.OperationalError(2006, "MySQL server has gone away")

    def close(self) -> None:
        pass


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


def test_another_server_when_one_cannot_be_reached(network: Network) -> None:
    network.connecting = dict.fromkeys(["w1", "w2"], REFUSED)
    assert Client(topology(), "dc1").insert("INSERT").datacenter == "dc2"
    assert sorted(network.attempts[:2]) == ["w1", "w2"]


def test_a_server_that_cannot_be_reached_costs_its_timeout_once(network: Network) -> None:
    network.connecting = {"w1": REFUSED}
    client = Client(topology(), "dc1")
    for _try in range(50):
        assert client.insert("INSERT").name == "w2"
    assert network.attempts.count("w1") <= 1


def test_what_one_client_learns_all_of_the_process_know(network: Network) -> None:
    network.connecting = {"w1": REFUSED}
    known = topology()
    for _try in range(50):
        Client(known, "dc1").insert("INSERT")
    assert network.attempts.count("w1") == 1


def test_no_server_at_all_names_each_and_why(network: Network) -> None:
    network.connecting = dict.fromkeys(["w1", "w2", "w3", "w4"], REFUSED)
    with pytest.raises(NoServer, match="no write server answers") as caught:
        Client(topology(), "dc1").insert("INSERT")
    for name in ("w1", "w2", "w3", "w4"):
        assert f"{name} (host-{name}:3306)" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert network.executed == []


def test_a_lost_answer_is_a_doubt_and_is_not_sent_elsewhere(network: Network) -> None:
    network.executing = {"w1": LOST, "w2": LOST}
    with pytest.raises(InDoubt) as caught:
        Client(topology(), "dc1").insert("INSERT")
    assert network.executed == [(caught.value.server.name, "INSERT")]
    assert caught.value.session


@pytest.mark.parametrize("number", [0, 2006, 2013, 1053, 1180, 1317, 1927])
def test_errors_that_leave_a_doubt(network: Network, number: int) -> None:
    network.executing = dict.fromkeys(
        ["w1", "w2"], pymysql.OperationalError(number, "something broke")
    )
    with pytest.raises(InDoubt):
        Client(topology(), "dc1").insert("INSERT")


@pytest.mark.parametrize("number", [1290, 1836, 1203])
def test_a_server_that_refuses_has_done_nothing(network: Network, number: int) -> None:
    network.executing = dict.fromkeys(["w1", "w2"], pymysql.OperationalError(number, "read only"))
    assert Client(topology(), "dc1").insert("INSERT").datacenter == "dc2"


def test_an_error_of_the_statement_is_the_callers(network: Network) -> None:
    network.executing = dict.fromkeys(["w1", "w2"], pymysql.DataError(1406, "Data too long"))
    with pytest.raises(pymysql.DataError):
        Client(topology(), "dc1").insert("INSERT")
    assert len(network.executed) == 1


def test_a_connection_that_died_idle_is_no_doubt(network: Network) -> None:
    client = Client(topology(), "dc1")
    first = client.insert("INSERT")
    network.dead = {first.name}
    network.connecting = {first.name: REFUSED}
    for _try in range(20):
        assert client.insert("INSERT").name != first.name


def test_a_read_that_is_not_answered_is_read_elsewhere(network: Network) -> None:
    network.executing = {"r1": LOST}
    assert Client(topology(), "dc1").select("SELECT") == [("r2",)]


def test_an_update_goes_to_the_server_of_the_id_and_nowhere_else(network: Network) -> None:
    assert Client(topology(), "dc1").update(64, "UPDATE").name == "w4"
    assert network.executed == [("w4", "UPDATE")]
    network.connecting = {"w3": REFUSED}
    with pytest.raises(NoServer):
        Client(topology(), "dc1").update(63, "UPDATE")
    assert network.executed == [("w4", "UPDATE")]


def test_an_update_that_changes_nothing_says_so(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeConnection, "rowcount", 0)
    with pytest.raises(LookupError, match="w4 changed no row for id 64"):
        Client(topology(), "dc1").update(64, "UPDATE")


# --- Configuration -----------------------------------------------------------


def file_of_the_playbook(folder: Path, **more: Any) -> Path:
    path = folder / "application.json"
    server = {
        **{"name": "w1", "kind": "write", "datacenter": "dc1", "host": "127.1.0.1"},
        **{"port": 13306, "offset": 1, "weight": 2},
    }
    read = {"name": "r1", "kind": "read", "datacenter": "dc1", "host": "127.1.0.101", "port": 1}
    told = {"increment": 20, "user": "u", "password": "geheim", "servers": [server, read]}
    path.write_text(json.dumps({**told, **more}))
    return path


def test_the_file_of_the_playbook_is_read_and_its_password_not_shown(tmp_path: Path) -> None:
    known = Topology.from_file(file_of_the_playbook(tmp_path))
    assert known.server_of(21) == Server("w1", WRITE, "dc1", "127.1.0.1", 13306, 1, 2)
    assert names(known.of_kind(READ)) == ["r1"]
    assert known.password == "geheim"
    assert "geheim" not in repr(known)


# --- TLS ---------------------------------------------------------------------


def test_a_server_is_verified_where_the_file_names_an_authority(
    network: Network, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    known = Topology.from_file(file_of_the_playbook(tmp_path, tls_ca=str(authority)))
    Client(known, "dc1").insert("INSERT")
    said = {name: value for name, value in network.options.items() if name.startswith("ssl")}
    verified = {"ssl_verify_cert": True, "ssl_verify_identity": True}
    assert said == {"ssl_ca": str(authority), **verified}


def test_without_an_authority_the_library_decides(network: Network, tmp_path: Path) -> None:
    Client(Topology.from_file(file_of_the_playbook(tmp_path)), "dc1").insert("INSERT")
    assert not [name for name in network.options if name.startswith("ssl")]


def test_an_authority_that_is_not_here_is_told_before_any_server_is_tried(tmp_path: Path) -> None:
    path = file_of_the_playbook(tmp_path, tls_ca="/no/such/ca.pem")
    with pytest.raises(FileNotFoundError, match="/no/such/ca.pem is not a file on this host"):
        Topology.from_file(path)
