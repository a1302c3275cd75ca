"""A replica set has one active writer: born, switched, failed over, on real servers under load."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pymysql
import pytest

from tests.integration.lines import Host, TestServer, Topology, wait_until
from tests.support.replica_sets import Clients, ReplicaSet, make_table, set_servers, start


@pytest.fixture(scope="module")
def topology(host: Host) -> Iterator[Topology]:
    with set_servers(host) as made:
        yield made


@pytest.fixture
def pair(topology: Topology) -> ReplicaSet:
    """f1 and f2 as new servers."""
    members = ReplicaSet(topology)
    members.reset()
    return members


@pytest.fixture
def born(pair: ReplicaSet) -> ReplicaSet:
    """f1 and f2 as a set whose active writer is f1."""
    pair.settle()
    make_table(pair["f1"])
    return pair


def steps(result: dict[str, Any]) -> list[str]:
    return [step["step"] for step in result["steps"]]


def same(members: ReplicaSet) -> None:
    """Wait until all members have the same rows."""
    counts = [server.value("SELECT COUNT(*) FROM shop.t") for server in members.servers]
    wait_until(
        lambda: len({one.value("SELECT COUNT(*) FROM shop.t") for one in members.servers}) == 1,
        20,
        f"members differ: {counts}",
    )


def test_a_new_set_opens_its_first_member(pair: ReplicaSet) -> None:
    assert pair.codes() == ["not_born"]
    predicted = pair.call("f1", check=True)
    assert steps(predicted) == ["follow", "open", "make ready"]
    assert pair.codes() == ["not_born"]
    made = pair.settle()
    assert steps(made) == ["follow", "open", "make ready"]
    told = pair.info("f2")
    assert (told["status"], told["active"], told["epoch"]["epoch"]) == ("well", "f1", 1)
    assert [one["state"] for one in told["members"]] == ["active", "closed"]
    assert told["diagnosis"] == []
    writer = told["members"][0]["semi_sync"]
    assert (writer["source"], writer["working"], writer["clients"]) == (True, True, 1)
    assert told["members"][1]["semi_sync"]["source"] is False
    make_table(pair["f1"])
    wait_until(lambda: "shop" in _schemas(pair, "f2"), 10, "f2 does not follow")


def _schemas(members: ReplicaSet, name: str) -> list[str]:
    return [row["Database"] for row in members[name].rows("SHOW DATABASES")]


def test_a_member_without_answer_keeps_a_set_from_being_born(pair: ReplicaSet) -> None:
    pair["f2"].kill()
    refused = pair.call("f1")
    assert "every member must answer before the set's first epoch" in refused["msg"]
    assert pair["f1"].value("SELECT @@GLOBAL.read_only") == 1


def test_switches_there_and_back_under_load(born: ReplicaSet) -> None:
    with Clients(born) as clients:
        for _round in range(5):
            for name in ("f2", "f1"):
                # A busy machine may need longer to apply the rest than applications like.
                done = born.settle(name, active=name, max_pause_seconds=60)
                assert steps(done)[-1] == "switch", done
                clients.go_on()
    same(born)
    clients.check(*born.servers)
    assert born.codes() == []
    epochs = born["f2"].rows("SELECT epoch, active FROM dbrw.epoch ORDER BY epoch")
    assert [row["active"] for row in epochs] == ["f1", *("f2", "f1") * 5]


@pytest.mark.parametrize("blocker", ["lock", "statement"])
def test_a_switch_ends_where_somebody_is_in_the_way(born: ReplicaSet, blocker: str) -> None:
    born["f1"].rows("INSERT INTO shop.t (tag) VALUES ('x')")
    session = born["f1"].login("app", "hushed operator")
    cursor = session.cursor()
    if blocker == "lock":
        cursor.execute("LOCK TABLES shop.t WRITE")
    else:
        running = threading.Thread(
            target=_quietly, args=(cursor, "UPDATE shop.t SET epoch = SLEEP(8)"), daemon=True
        )
        running.start()
        time.sleep(0.5)
    began = time.monotonic()
    refused = born.call("f2", active="f2")
    assert time.monotonic() - began < 6
    assert "f1 is not closed" in refused["msg"] or "statements that write" in refused["msg"]
    assert "(app from" in refused["msg"]
    if blocker == "lock":
        cursor.execute("INSERT INTO shop.t (tag) VALUES ('goes on')")
        cursor.execute("UNLOCK TABLES")
    else:
        running.join()
    told = born.info()
    assert (told["status"], told["active"], told["epoch"]["epoch"]) == ("well", "f1", 1)
    born.settle("f2", active="f2")


def _quietly(cursor: Any, sql: str) -> None:
    cursor.execute(sql)


def test_an_open_transaction_is_not_committed_on_a_demoted_writer(born: ReplicaSet) -> None:
    session = born["f1"].login("app", "hushed operator")
    session.begin()
    session.cursor().execute("INSERT INTO shop.t (tag) VALUES ('open')")
    born.settle("f2", active="f2")
    with pytest.raises(pymysql.MySQLError):
        session.commit()
    for name in ("f1", "f2"):
        assert born[name].value("SELECT COUNT(*) FROM shop.t WHERE tag = 'open'") == 0


def prepare_xa(server: TestServer, *before: str) -> None:
    """Prepare a transaction x with a row, and leave it so."""
    for sql in (
        *before,
        "XA START 'x'",
        "INSERT INTO shop.t (tag) VALUES ('xa')",
        "XA END 'x'",
        "XA PREPARE 'x'",
    ):
        server.rows(sql)
    server.close()


def test_a_prepared_transaction_keeps_the_writer_open(born: ReplicaSet) -> None:
    prepare_xa(born["f1"])
    refused = born.call("f2", active="f2")
    assert "prepared XA transactions (x)" in refused["msg"]
    assert "prepared_xa" in born.codes()
    born["f1"].rows("XA COMMIT 'x'")
    born.settle("f2", active="f2")


def test_a_session_of_an_administrator_is_ended(born: ReplicaSet) -> None:
    session, written = born["f1"].login("operator", "hushed operator"), []

    def write() -> None:
        with contextlib.suppress(pymysql.MySQLError, OSError), session.cursor() as cursor:
            for number in count():
                cursor.execute("INSERT INTO shop.t (tag) VALUES (%s)", (f"admin-{number}",))
                written.append(f"admin-{number}")

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    wait_until(lambda: len(written) > 20, 20, "nothing is written")
    born.settle("f2", active="f2", max_pause_seconds=60)
    thread.join(20)
    assert not thread.is_alive()
    same(born)
    for server in born.servers:
        tags = [row["tag"] for row in server.rows("SELECT tag FROM shop.t")]
        assert set(written) <= set(tags)
        assert len(set(tags)) == len(tags)
    assert born.codes() == []


@pytest.mark.lines("one")
def test_applications_that_connect_again_at_once_do_not_hold_up_a_switch(
    born: ReplicaSet,
) -> None:
    stopped, connected = threading.Event(), []

    def connect_again() -> None:
        while not stopped.is_set():
            with contextlib.suppress(pymysql.MySQLError, OSError):
                session = born["f1"].login("app", "hushed operator", ssl_disabled=True)
                connected.append(session.thread_id())
                # It is there at any moment, and gone only when it is ended.
                session.query("SELECT SLEEP(5)")

    threads = [threading.Thread(target=connect_again, daemon=True) for _one in range(8)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(connected) >= 8, 20, "nobody connects")
        done = born.settle("f2", active="f2", max_pause_seconds=5)
        assert done["pause_seconds"] < 5
        # They have come again, and may stay.
        assert len(connected) >= 8
    finally:
        stopped.set()
        for thread in threads:
            thread.join(30)
    assert born.codes() == []


@pytest.mark.lines("one")
def test_events_run_on_the_active_writer_alone(born: ReplicaSet) -> None:
    for server in born.servers:
        server.rows("SET GLOBAL event_scheduler = ON")
    make = (
        "CREATE {}EVENT shop.{} ON SCHEDULE EVERY 1 SECOND {} DO INSERT INTO shop.t (tag) VALUES "
    )
    born["f1"].rows(make.format("", "of_root", "") + "(CONCAT('e-', UUID()))")
    born["f1"].rows(make.format("DEFINER = app@`%` ", "of_app", "") + "(CONCAT('a-', UUID()))")
    born["f1"].rows(make.format("", "turned_off", "DISABLE") + "('off')")
    assert steps(born.settle()) == ["events"]

    def running(name: str) -> dict[str, str]:
        rows = born[name].rows(
            "SELECT EVENT_NAME AS n, DEFINER AS d FROM information_schema.EVENTS "
            "WHERE STATUS = 'ENABLED'"
        )
        return {row["n"]: row["d"] for row in rows}

    definers = {"of_root": "root@localhost", "of_app": "app@%"}
    for name, other in (("f2", "f1"), ("f1", "f2")):
        born.settle(name, active=name, max_pause_seconds=60)
        assert (running(name), running(other)) == (definers, {})
        before = born[name].value("SELECT COUNT(*) FROM shop.t WHERE tag LIKE 'e-%'")
        wait_until(
            lambda at=name, had=before: (
                born[at].value("SELECT COUNT(*) FROM shop.t WHERE tag LIKE 'e-%'") > had + 1
            ),
            20,
            "events do not run",
        )
    born["f1"].kill()
    born.settle("f2", failover=True)
    assert running("f2") == definers
    start(born["f1"])
    born["f1"].rows("SET GLOBAL event_scheduler = ON")
    born.settle("f2")
    assert running("f1") == {}
    time.sleep(2)
    born.settle("f2")
    assert born.codes() == []
    assert born["f2"].value("SELECT COUNT(*) FROM shop.t WHERE tag = 'off'") == 0


def test_the_writer_is_killed_under_load(born: ReplicaSet) -> None:
    with Clients(born) as clients:
        born["f1"].kill()
        predicted = born.call("f2", check=True, failover=True)
        assert steps(predicted) == ["fail over"]
        began = time.monotonic()
        done = born.settle("f2", failover=True)
        assert time.monotonic() - began < 10
        assert done["active"] == "f2" and done["epoch"]["epoch"] == 1001
        clients.go_on()
    clients.check(born["f2"])
    assert sorted(born.codes("f2")) == ["active_lonely", "member_unreachable"]
    start(born["f1"])
    told = born.info()
    assert told["active"] == "f2"
    assert [one["state"] for one in told["members"]] == ["closed", "active"]
    if told["members"][0]["errant"]:
        assert "member_diverged" in born.codes()
        pytest.skip(
            "f1 had sent its last rows to nobody: it returns by a rejoin, which has its tests"
        )
    born.settle("f1")
    assert born.codes() == []
    same(born)
    clients.check(*born.servers)


@pytest.mark.lines("one")
def test_two_failovers_with_no_write_between(born: ReplicaSet) -> None:
    born["f1"].kill()
    born.settle("f2", failover=True)
    start(born["f1"])
    born.settle("f2")
    born["f2"].kill()
    born.settle("f1", failover=True)
    start(born["f2"])
    born.settle("f1")
    told = born.info()
    assert (told["status"], told["active"], told["epoch"]["epoch"]) == ("well", "f1", 2001)
    assert told["diagnosis"] == []
    born["f1"].rows("INSERT INTO shop.t (tag) VALUES ('x')")
    same(born)


def test_a_writer_that_answers_is_not_failed_over(born: ReplicaSet) -> None:
    refused = born.call("f2", failover=True)
    assert "f1 is the active writer and answers. A planned switch loses nothing" in refused["msg"]


def test_a_writer_that_lives_for_others_is_not_failed_over(born: ReplicaSet) -> None:
    born["f1"].rows("ALTER USER operator ACCOUNT LOCK")
    assert born.codes("f2") == ["active_unreachable"]
    refused = born.call("f2", failover=True)
    assert "f1 cannot be reached from here, and f2 still reaches it" in refused["msg"]
    assert born["f2"].value("SELECT @@GLOBAL.read_only") == 1
    born["f1"].rows("ALTER USER operator ACCOUNT UNLOCK")
    assert born.codes("f2") == []
    born["f1"].rows("INSERT INTO shop.t (tag) VALUES ('x')")
    same(born)


def test_two_writers_are_settled_towards_the_newer_epoch(born: ReplicaSet) -> None:
    born["f1"].kill()
    born.settle("f2", failover=True)
    start(born["f1"])
    born["f1"].rows("SET GLOBAL read_only = 0")
    assert born.info()["status"] == "two_writers"
    assert born.codes()[0] == "two_writers"
    assert steps(born.call("f1", check=True)) == ["close"]
    settled = born.settle("f1")
    assert steps(settled)[0] == "close"
    told = born.info()
    assert (told["active"], told["status"]) == ("f2", "well")


def test_of_two_writers_one_with_a_prepared_transaction_is_closed(born: ReplicaSet) -> None:
    born["f1"].kill()
    born.settle("f2", failover=True)
    start(born["f1"])
    prepare_xa(born["f1"], "SET GLOBAL read_only = 0")
    settled = born.call("f1")
    assert steps(settled)[0] == "close", settled
    assert born["f1"].value("SELECT @@GLOBAL.read_only") == 1
    assert born.info()["active"] == "f2" and "prepared_xa" in born.codes()
    born["f1"].rows("XA ROLLBACK 'x'")


def test_a_writer_that_was_closed_by_hand_is_switched_without_a_loss(born: ReplicaSet) -> None:
    session = born["f1"].login("operator", "hushed operator")
    word = "super_read_only" if born["f1"].flavour == "mysql" else "read_only"
    born["f1"].rows(f"SET GLOBAL {word} = 1")
    control = "STOP REPLICA" if born["f2"].flavour == "mysql" else "STOP ALL SLAVES"
    born["f2"].rows(control)
    if born["f1"].flavour == "mariadb":
        # An administrator still writes there.
        session.query("INSERT INTO shop.t (tag) VALUES ('late')")
        session.commit()
    prepare_xa(born["f1"], f"SET GLOBAL {word} = 0")
    born["f1"].rows(f"SET GLOBAL {word} = 1")
    refused = born.call("f2", active="f2")
    assert "prepared XA transactions (x)" in refused["msg"], refused
    born["f1"].rows("XA ROLLBACK 'x'")
    born.settle("f2", active="f2")
    with pytest.raises(pymysql.MySQLError):
        session.query("INSERT INTO shop.t (tag) VALUES ('later')")
    same(born)
    assert born.codes() == []


def test_two_writers_of_one_epoch_are_both_closed(born: ReplicaSet) -> None:
    born["f2"].rows("SET GLOBAL read_only = 0")
    refused = born.call("f1")
    assert [step["target"] for step in refused["steps"]] == ["f1, f2"]
    assert "replica_set_switch.yml" in refused["msg"]
    for server in born.servers:
        assert server.value("SELECT @@GLOBAL.read_only") == 1
    born.settle("f1", active="f1")
    assert born.info()["active"] == "f1"


def test_a_set_without_a_writer_is_not_opened_by_itself(born: ReplicaSet) -> None:
    born["f1"].kill()
    start(born["f1"])
    refused = born.call("f2")
    # Its agent, if it had one, might wait for f2 yet.
    assert refused["findings"][0]["code"] == "replica_set.no_writer"
    assert "-e to=f1" in refused["msg"]
    born.settle("f1", active="f1")
    assert born.info()["epoch"]["epoch"] == 1


def test_a_former_writer_with_rows_of_its_own_is_left_alone(born: ReplicaSet) -> None:
    control = "STOP REPLICA" if born["f2"].flavour == "mysql" else "STOP ALL SLAVES"
    born["f2"].rows(control)
    born["f1"].rows("INSERT INTO shop.t (tag) VALUES ('only on f1')")
    born["f1"].kill()
    refused = born.call("f2", failover=True)
    assert "may lack transactions that were acknowledged" in refused["msg"], refused
    born.settle("f2", failover=True, allow_loss=True)
    start(born["f1"])
    assert "member_diverged" in born.codes()
    settled = born.call("f2")
    assert "failed" not in settled
    (f1,) = [one for one in settled["members"] if one["name"] == "f1"]
    assert f1["errant"] and f1["state"] == "closed" and not f1["running"]
    assert born["f2"].value("SELECT COUNT(*) FROM shop.t") == 0


def test_adopts_a_pair_that_others_have_made(pair: ReplicaSet) -> None:
    pair.settle()
    make_table(pair["f1"])
    pair["f1"].rows("INSERT INTO shop.t (tag) VALUES ('x')")
    pair["f1"].rows("DROP SCHEMA dbrw")
    same(pair)
    assert pair.info()["status"] == "not_adopted"
    refused = pair.call("f1")
    assert "-e adopt=f1" in refused["msg"]
    refused = pair.call("f1", adopt="f2")
    assert "f2: adopt names it as the active writer, and it is closed" in refused["msg"]
    adopted = pair.settle("f1", adopt="f1")
    assert steps(adopted) == ["adopt"]
    assert pair.info()["active"] == "f1"


@pytest.fixture
def strict(topology: Topology) -> ReplicaSet:
    """f1 and f2 as a set in which an acknowledged row is on both."""
    members = ReplicaSet(topology, durability="strict")
    members.reset()
    members.settle()
    make_table(members["f1"])
    return members


def test_a_strict_writer_loses_nothing_when_it_is_killed(strict: ReplicaSet) -> None:
    with Clients(strict, number=8) as clients:
        clients.go_on(200)
        strict["f1"].kill()
    refused = strict.call("f2", failover=True)
    assert "no other member could follow the new writer" in refused["msg"], refused
    assert strict["f2"].value("SELECT @@GLOBAL.read_only") == 1
    done = strict.call("f2", failover=True, alone=True)
    assert "failed" not in done, done
    clients.check(strict["f2"])
    assert strict.info("f2")["epoch"]["durability"] == "available"
    assert "active_lonely" in strict.codes("f2")
    start(strict["f1"])
    if "member_diverged" in strict.codes():
        pytest.skip(
            "f1 had sent its last rows to nobody: it returns by a rejoin, which has its tests"
        )
    strict.settle("f2")
    assert strict.info()["epoch"]["durability"] == "strict"
    assert strict.codes() == []


def test_a_lonely_strict_writer_is_closed_without_an_acknowledgement(strict: ReplicaSet) -> None:
    control = "STOP REPLICA" if strict["f2"].flavour == "mysql" else "STOP ALL SLAVES"
    strict["f2"].rows(control)
    said: list[str] = []

    def write(number: int) -> None:
        session = strict["f1"].login("app", "hushed operator")
        try:
            session.cursor().execute("INSERT INTO shop.t (tag) VALUES (%s)", (f"w{number}",))
            said.append("acknowledged")
        except pymysql.MySQLError as error:
            said.append(str(error.args[0]))

    writers = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(8)]
    for writer in writers:
        writer.start()
    wait_until(
        lambda: len([r for r in strict["f1"].rows("SHOW PROCESSLIST") if r["User"] == "app"]) == 8,
        20,
        "the writers do not wait",
    )
    time.sleep(1)
    assert said == []
    # Two writers of one epoch: both are closed.
    strict["f2"].rows("SET GLOBAL read_only = 0")
    closed = strict.call("f2")
    for writer in writers:
        writer.join(20)
    assert "acknowledged" not in said and len(said) == 8, said
    assert strict["f1"].value("SELECT @@GLOBAL.read_only") == 1, closed["msg"]


@pytest.fixture
def three(topology: Topology) -> ReplicaSet:
    """f1, f2 and f3 as a set whose active writer is f1."""
    members = ReplicaSet(topology, names=("f1", "f2", "f3"))
    members.reset()
    members.settle()
    make_table(members["f1"])
    return members


@pytest.mark.lines("one")
def test_a_third_member_follows_wherever_the_writer_goes(three: ReplicaSet) -> None:
    with Clients(three) as clients:
        for name in ("f2", "f3", "f1"):
            three.settle(name, active=name, max_pause_seconds=60)
            clients.go_on()
    same(three)
    clients.check(*three.servers)
    told = three.info()
    assert [one["source"] for one in told["members"]][1:] == ["f1", "f1"]


def test_the_new_writer_gets_what_only_another_survivor_has(three: ReplicaSet) -> None:
    server = three["f2"]
    word = "STOP REPLICA IO_THREAD" if server.flavour == "mysql" else "STOP ALL SLAVES"
    if server.flavour == "mysql":
        server.rows(f"{word} FOR CHANNEL 'fabric'")
    else:
        server.rows("STOP SLAVE 'fabric' IO_THREAD")
    for number in range(20):
        three["f1"].rows("INSERT INTO shop.t (tag) VALUES (%s)", f"x{number}")
    wait_until(
        lambda: three["f3"].value("SELECT COUNT(*) FROM shop.t") == 20, 20, "f3 does not follow"
    )
    three["f1"].kill()
    done = three.settle("f2", failover=True, active="f2", allow_loss=True)
    assert done["active"] == "f2"
    assert three["f2"].value("SELECT COUNT(*) FROM shop.t") == 20
    three["f2"].rows("UPDATE shop.t SET epoch = 7")
    wait_until(
        lambda: three["f3"].value("SELECT COUNT(*) FROM shop.t WHERE epoch = 7") == 20,
        20,
        "f3 does not follow the new writer",
    )
