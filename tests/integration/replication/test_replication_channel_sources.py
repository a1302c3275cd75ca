"""Which sources a channel may have, and where it begins to follow them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.conftest import forget_binary_logs, outside_binary_log, setting
from tests.integration.lines import PORT, TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    MODULE,
    PASSWORD,
    channels,
    control,
    follow,
    followed,
    make_account,
    threads,
    wait_for_error,
)

pytestmark = pytest.mark.lines("one")


@pytest.fixture(scope="module")
def sources(bare: Topology) -> list[TestServer]:
    return [bare.server(name) for name in ("w1", "w2", "w3")]


@pytest.fixture
def schema(replica: TestServer, sources: list[TestServer]) -> Iterator[str]:
    """A schema on three sources and on the replica, which follows none."""
    name = f"test_{secrets.token_hex(4)}"
    with followed(replica, sources, name, "t (id INT PRIMARY KEY)"):
        yield name


def test_a_source_that_would_break_the_replica_is_refused(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, w2, w3 = sources
    mariadb = replica.flavour == "mariadb"
    # Two mistakes on one source, one on another: all are told at once.
    with setting(w1, "binlog_row_image", "MINIMAL"), setting(w2, "server_id", 101):
        with setting(w1, "binlog_format", "STATEMENT"):
            for check in (True, False):
                refused = follow(replica, w1, w2, check=check)
                assert refused["failed"] and not refused["changed"], refused
                for said in (
                    "channel w1, its source: binlog_row_image is MINIMAL and must be FULL",
                    "channel w1, its source: binlog_format is STATEMENT",
                    "channel w2: its source has the server_id 101, which is this server's own",
                ):
                    assert said in refused["msg"], refused
            assert channels(replica) == {}
        # A DBA who knows better is not kept from it.
        allowed = follow(replica, w1, check=True, check_sources=False)
        assert "failed" not in allowed, allowed
    made = follow(replica, w1, wait=True)
    assert "failed" not in made, made
    # What is followed already is judged no more; its source is asked how far it has written.
    for options, logins in (({}, 1), ({"check_sources": False}, 0)):
        questions = int(w1.rows("SHOW GLOBAL STATUS LIKE 'Connections'")[0]["Value"])
        assert not follow(replica, w1, **options)["changed"]
        now = int(w1.rows("SHOW GLOBAL STATUS LIKE 'Connections'")[0]["Value"])
        assert now == questions + logins
    with setting(w2, "server_id", 1):
        for names in ((w1, w2), (w2,)):
            refused = follow(replica, *names)
            assert "channels w1, w2 have sources with the same server_id, 1" in refused["msg"], (
                refused
            )
    if mariadb:
        # The domain of a source that is followed already is known from what it has sent.
        w1.rows(f"INSERT INTO {schema}.t VALUES (1)")
        follow(replica, w1, wait=True)
        with setting(w2, "gtid_domain_id", 1), setting(w3, "gtid_domain_id", 1):
            refused = follow(replica, w2, w3)
            assert "w1, w2, w3 have sources with the same gtid_domain_id, 1" in refused["msg"], (
                refused
            )
    assert set(channels(replica)) == {"w1"}
    # A source that does not answer can be judged by nobody; it makes no failure.
    nobody = {"channel": "w9", "source_host": w1.address, "source_port": 13999}
    unknown = run_module(
        MODULE, replica, source_user="x", source_password="y", channels=[nobody], check=True
    )
    assert unknown["changed"] and "settings are unknown" in str(unknown["warnings"]), unknown


def test_one_domain_of_two_sources(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """Why it is refused: all is well until a channel connects again."""
    if replica.flavour == "mysql":
        assert replica.rows("SHOW VARIABLES LIKE 'gtid_domain_id'") == []
        return
    w1, w2, _rest = sources
    with setting(w2, "gtid_domain_id", 1), setting(replica, "gtid_strict_mode", 0):
        made = follow(replica, w1, w2, check_sources=False)
        assert "failed" not in made, made
        # New sessions: those that were open keep the domain that they have. The
        # other source's rows come last, so that the domain's position is theirs.
        count = f"SELECT COUNT(*) FROM {schema}.t"
        for source, ids, so_far in ((w1, (1,), 1), (w2, (2, 3, 4), 4)):
            with source.admin() as session, session.cursor() as cursor:
                for number in ids:
                    cursor.execute(f"INSERT INTO {schema}.t VALUES ({number})")
            wait_until(
                lambda so_far=so_far: replica.value(count) == so_far, 20, "not all rows have come"
            )
        assert all(one["running"] for one in channels(replica).values())
        for word in ("STOP", "START"):
            control(replica, word, "w1")
        wait_for_error(replica, "w1", "IO")
        told = channels(replica)["w1"]
        assert told["last_io_error"]["number"] == 1236, told
        assert "gtid_domain_id" in str(told["explanation"]["remedies"]), told


def test_a_running_channel_gets_another_source(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    w1, w2, w3 = sources
    ids = f"SELECT id FROM {schema}.t ORDER BY id"
    assert "failed" not in follow(replica, w2, wait=True)
    of_w2 = threads(replica)
    made = follow(replica, w1, wait=True)
    assert "failed" not in made and of_w2 < threads(replica), made
    w1.rows(f"INSERT INTO {schema}.t VALUES (1)")
    assert "failed" not in follow(replica, w1, wait=True)
    make_account(w3, "successor")
    other = {"channel": "w1", "source_host": w3.address, "source_user": "successor"}
    try:
        # Another source is judged as a new one is, and what runs goes on.
        with setting(w3, "binlog_row_image", "MINIMAL"):
            for check in (True, False):
                refused = follow(replica, check=check, channels=[{**other, "source_port": PORT}])
                assert refused["failed"] and not refused["changed"], refused
                assert "channel w1, its source: binlog_row_image is MINIMAL" in refused["msg"]
        assert channels(replica)["w1"]["settings"]["source_host"] == w1.address
        assert channels(replica)["w1"]["running"]

        # Another host, port and user; nobody answers there, and the channel works.
        nowhere = [{**other, "source_port": 13999}]
        refused = follow(replica, channels=nowhere)
        assert refused["failed"] and not refused["changed"], refused
        away = follow(replica, channels=nowhere, check_sources=False)
        assert away["changed"] and "failed" not in away, away
        assert any("cannot receive from" in warning for warning in away["warnings"]), away
        # Then the port alone.
        moved = run_module(
            MODULE,
            replica,
            channel="w1",
            source_port=PORT,
            state="started",
            wait=True,
            source_password=PASSWORD,
        )
        assert moved["changed"] and "failed" not in moved, moved
        told = channels(replica)["w1"]
        assert told["running"] and told["source_server_id"] == 3, told
        shown = {name: told["settings"][name] for name in ("source_host", "source_port")}
        assert shown == {"source_host": w3.address, "source_port": PORT}
        assert told["settings"]["source_user"] == "successor"
        assert told["settings"]["auto_position"] is True

        # Rows come from there and no more from the first.
        w1.rows(f"INSERT INTO {schema}.t VALUES (11)")
        w3.rows(f"INSERT INTO {schema}.t VALUES (3)")
        w2.rows(f"INSERT INTO {schema}.t VALUES (2)")
        again = run_module(
            MODULE,
            replica,
            channels=[{"channel": "w1"}, {"channel": "w2"}],
            state="started",
            wait=True,
            source_password=PASSWORD,
        )
        assert "failed" not in again and not again["changed"], again
        assert [row["id"] for row in replica.rows(ids)] == [1, 2, 3]
        # The other channel has not been touched.
        assert of_w2 < threads(replica)
    finally:
        outside_binary_log(w3, "DROP USER successor")


def position(source: TestServer) -> str:
    """Return what a copy of the source that is taken now contains, as GTIDs."""
    name = "gtid_executed" if source.flavour == "mysql" else "gtid_binlog_pos"
    return str(source.value(f"SELECT @@GLOBAL.{name}"))


def purge(source: TestServer) -> None:
    """Let a source forget all transactions so far."""
    source.rows("FLUSH BINARY LOGS")
    last = source.rows("SHOW BINARY LOGS")[-1]["Log_name"]
    wait_until(
        lambda: (
            source.rows(f"PURGE BINARY LOGS TO '{last}'") == []
            and len(source.rows("SHOW BINARY LOGS")) == 1
        ),
        10,
        "the binary logs are not purged",
    )


def test_a_replica_restored_from_copies_follows_from_their_positions(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    *copied, third = sources
    rows = f"SELECT id FROM {schema}.t ORDER BY id"
    # It follows a third source already, which is not to be disturbed.
    third.rows(f"INSERT INTO {schema}.t VALUES (3)")
    assert "failed" not in follow(replica, third, wait=True)
    for number, source in enumerate(copied, 1):
        for id_ in (number, number + 10):
            source.rows(f"INSERT INTO {schema}.t VALUES ({id_})")
    # The copies: what is in them is in no binary log any more.
    seeds = [position(source) for source in copied]
    outside_binary_log(replica, f"INSERT INTO {schema}.t VALUES (1), (11), (2), (12)")
    for number, source in enumerate(copied, 1):
        purge(source)
        source.rows(f"INSERT INTO {schema}.t VALUES ({number + 20})")

    # Without their positions it cannot be done.
    lost = follow(replica, *copied)
    assert lost["failed"] and "source no longer has the binary logs" in lost["msg"], lost

    predicted = follow(replica, *copied, check=True, gtid_seed=seeds)
    before = channels(replica)["w3"]["gtid_applied"]
    assert predicted["changed"] and channels(replica)["w3"]["gtid_applied"] == before
    done = follow(replica, *sources, gtid_seed=seeds, wait=True)
    assert "failed" not in done and done["changed"], done
    assert predicted["statements"][0] in done["statements"]
    third.rows(f"INSERT INTO {schema}.t VALUES (23)")
    again = follow(replica, *sources, gtid_seed=seeds, wait=True)
    assert not again["changed"], again
    found = [row["id"] for row in replica.rows(rows)]
    assert found == [1, 2, 3, 11, 12, 21, 22, 23]
    told = channels(replica)
    assert set(told) == {"w1", "w2", "w3"} and all(one["running"] for one in told.values())

    # A copy that is newer than what is known would leave out what lies between.
    newer = position(copied[0]).replace("-3", "-9") if replica.flavour == "mysql" else "1-1-99"
    for given, said in (
        ([newer], "would skip what is between"),
        (["rubbish"], "is not a GTID of MySQL"),
        (
            ["9-9-9", "9-9-8"]
            if replica.flavour == "mariadb"
            else [
                "aaaaaaaa-0000-0000-0000-000000000000:1-9",
                "aaaaaaaa-0000-0000-0000-000000000000:1-8",
            ],
            "named twice",
        ),
        (
            ["aaaaaaaa-0000-0000-0000-000000000000:1-9"]
            if replica.flavour == "mariadb"
            else ["9-9-9"],
            "GTIDs of the other flavour",
        ),
    ):
        refused = follow(replica, *sources, gtid_seed=given)
        assert refused["failed"] and said in refused["msg"] and not refused["changed"], refused
    assert [row["id"] for row in replica.rows(rows)] == found


@pytest.mark.flavour("mariadb")
def test_a_seed_that_the_server_refuses_stops_no_channel(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """MariaDB takes a position only while no channel runs, and not one that lacks its own GTIDs."""
    first, _second, third = sources
    assert "failed" not in follow(replica, third, wait=True)
    third.rows(f"INSERT INTO {schema}.t VALUES (3)")
    assert "failed" not in follow(replica, third, wait=True)
    # Somebody's statement on the replica itself, in its own domain and in its binary log.
    replica.rows(f"INSERT INTO {schema}.t VALUES (1000)")
    own = position(replica).rsplit(",", maxsplit=1)[-1]
    first.rows(f"INSERT INTO {schema}.t VALUES (1)")
    seed = position(first)
    refused = follow(replica, first, gtid_seed=[seed])
    assert refused["failed"] and refused["error_number"] == 1948, refused
    assert f"conflicts with the binary log which contains GTID {own}" in refused["msg"], refused
    said = "run again with their previous settings; name that GTID in gtid_seed as well)"
    assert said in refused["msg"], refused
    third.rows(f"INSERT INTO {schema}.t VALUES (13)")
    wait_until(
        lambda: replica.rows(f"SELECT id FROM {schema}.t WHERE id = 13"),
        10,
        "the channel that ran before does not run again",
    )

    done = follow(replica, first, gtid_seed=[seed, own])
    assert "failed" not in done and done["changed"], done
    assert all(one["running"] for one in channels(replica).values())


def test_a_copy_that_holds_nothing_of_the_log(
    replica: TestServer, sources: list[TestServer], schema: str
) -> None:
    """An empty text, as an empty source has it, changes nothing."""
    forget_binary_logs(sources[0])
    assert position(sources[0]) == ""
    assert not run_module(MODULE, replica, channels=[], gtid_seed=[""])["changed"]
