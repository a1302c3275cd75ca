"""What a channel is told, asked of real servers: TLS, keys, delay, places, promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.certificates import make_authority, make_certificate, shows_another
from tests.integration.conftest import forget_binary_logs, outside_binary_log
from tests.integration.lines import TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    PASSWORD,
    control,
    make_account,
    make_by_hand,
    status,
    threads,
)

MODULE, INFO = "mysql_replication_channel", "mysql_replication_channel_info"
TABLE = "test_settings.t"
DISTRUST = (
    "the channel's TLS fails: the source does not offer TLS, or its certificate is not trusted by "
    "the channel. What can be done: give the source_ssl_ca that signed the source's "
    "certificate, "
)


@pytest.fixture(scope="module")
def certificates(bare: Topology) -> Path:
    """Two authorities; a source's certificate and a replica's, both of the first one."""
    folder = bare.folder / "tls"
    folder.mkdir(exist_ok=True)
    for authority in ("ca", "other_ca"):
        make_authority(folder, authority)
    make_certificate(folder, "source", f"IP:{bare.server('w1').address}")
    make_certificate(folder, "replica", "DNS:r1")
    return folder


@pytest.fixture(scope="module")
def source(bare: Topology, certificates: Path) -> Iterator[TestServer]:
    """A source with a certificate that names its address."""
    tls = {
        "ca": f"{certificates}/ca.pem",
        "cert": f"{certificates}/source.pem",
        "key": f"{certificates}/source.key",
    }
    server = bare.server("w1")
    # An orderly stop of MySQL waits for replicas that are gone for seconds.
    server.kill()
    bare.playbook("servers.yml", "--limit", "w1", mysqld_tls=tls)
    make_account(server, "follower")
    make_account(server, "certified", "REQUIRE X509")
    yield server
    outside_binary_log(server, "DROP USER follower", "DROP USER certified")
    server.kill()
    bare.playbook("servers.yml", "--limit", "w1")


@pytest.fixture(scope="module")
def replica(bare: Topology, source: TestServer) -> Iterator[TestServer]:
    """A replica with the source's table."""
    server = bare.server("r1")
    for one in (source, server):
        outside_binary_log(
            one,
            "CREATE SCHEMA test_settings",
            f"CREATE TABLE {TABLE} (id INT PRIMARY KEY)",
        )
    yield server
    for one in (source, server):
        outside_binary_log(one, "DROP SCHEMA test_settings")


@pytest.fixture
def channel(replica: TestServer, source: TestServer) -> Iterator[dict[str, Any]]:
    """Options of a channel; it is not there before and afterwards."""
    forget_binary_logs(source, replica)
    for server in (source, replica):
        outside_binary_log(server, f"DELETE FROM {TABLE}")
    yield {
        "channel": "w1",
        "source_host": source.address,
        "source_port": source.port,
        "source_user": "follower",
        "source_password": PASSWORD,
    }
    for name in ("w1", "w2"):
        gone = run_module(MODULE, replica, channel=name, state="absent")
        assert "failed" not in gone, gone


def ids(server: TestServer) -> list[int]:
    return [row["id"] for row in server.rows(f"SELECT id FROM {TABLE} ORDER BY id")]


def settings(replica: TestServer) -> dict[str, Any]:
    (told,) = run_module(INFO, replica)["channels"]
    found: dict[str, Any] = told["settings"]
    return found


def test_tls(
    replica: TestServer, source: TestServer, channel: dict[str, Any], certificates: Path
) -> None:
    tls = {
        "source_user": "certified",
        "source_ssl": True,
        "source_ssl_ca": f"{certificates}/ca.pem",
        "source_ssl_verify_server_cert": True,
    }
    pair = {
        "source_ssl_cert": f"{certificates}/replica.pem",
        "source_ssl_key": f"{certificates}/replica.key",
    }
    wanted = {**channel, "state": "started", "wait": True, **tls}
    # The account asks for a certificate, so that a channel without one is told.
    bare = run_module(MODULE, replica, **wanted)
    assert bare["failed"] and "1045" in bare["msg"], bare
    made = run_module(MODULE, replica, **wanted, **pair)
    assert made["changed"] and "failed" not in made, made
    for option, value in {**tls, **pair}.items():
        assert settings(replica)[option] == value
    assert not run_module(MODULE, replica, **wanted, **pair)["changed"]

    # Another authority: the source could be anybody.
    other = {**wanted, **pair, "source_ssl_ca": f"{certificates}/other_ca.pem"}
    refused = run_module(MODULE, replica, **other)
    assert refused["failed"] and "would be stopped for source_ssl_ca" in refused["msg"], refused
    assert status(replica, "w1")["replica_io_running"] == "Yes"
    wrong = run_module(MODULE, replica, **other, check_sources=False)
    assert wrong["failed"] and "error 2026" in wrong["msg"], wrong
    assert DISTRUST in wrong["msg"], wrong
    assert status(replica, "w1")["replica_io_running"] != "Yes"
    right = run_module(MODULE, replica, **wanted, **pair)
    assert right["changed"] and "failed" not in right, right

    if replica.flavour == "mariadb":
        return
    for version in ("TLSv1.2", "TLSv1.3"):
        told = run_module(MODULE, replica, **wanted, **pair, source_tls_version=version)
        assert told["changed"] and "failed" not in told, told
        assert settings(replica)["source_tls_version"] == version
        spoken = source.rows(
            "SELECT VARIABLE_VALUE AS version FROM performance_schema.status_by_thread "
            "JOIN performance_schema.threads USING (THREAD_ID) WHERE VARIABLE_NAME = 'Ssl_version' "
            "AND PROCESSLIST_USER = 'certified' AND PROCESSLIST_COMMAND LIKE 'Binlog Dump%%'"
        )
        assert version in [row["version"] for row in spoken]
    assert not run_module(MODULE, replica, **wanted, **pair, source_tls_version=version)["changed"]


def test_a_name_that_the_certificate_lacks_is_refused(
    replica: TestServer, source: TestServer, channel: dict[str, Any], certificates: Path
) -> None:
    """The same authority vouches for the replica, which is not the source."""
    wanted = {
        **channel,
        "state": "started",
        "source_ssl": True,
        "source_ssl_ca": f"{certificates}/ca.pem",
    }
    with shows_another(source, certificates, "source", "replica"):
        refused = run_module(MODULE, replica, **wanted, source_ssl_verify_server_cert=True)
        assert refused["failed"] and "2026" in refused["msg"], refused
        assert DISTRUST in refused["msg"], refused
        trusting = run_module(MODULE, replica, **wanted, source_ssl_verify_server_cert=False)
        assert trusting["changed"] and "failed" not in trusting, trusting


def test_without_tls(replica: TestServer, source: TestServer, channel: dict[str, Any]) -> None:
    """Also where a channel verifies its source by default, and has no authority to do it by."""
    wanted = {**channel, "state": "started", "source_ssl": False}
    made = run_module(MODULE, replica, **wanted, wait=True)
    assert made["changed"] and "failed" not in made, made
    assert settings(replica)["source_ssl"] is False
    assert not run_module(MODULE, replica, **wanted)["changed"]
    outside_binary_log(source, "ALTER USER follower REQUIRE SSL")
    try:
        for word in ("STOP", "START"):
            control(replica, word, "w1")
        refused = run_module(MODULE, replica, **wanted)
        assert refused["failed"] and "1045" in refused["msg"], refused
        assert "refuses the channel's account" in refused["msg"], refused
        assert (
            "if the account or the source requires TLS, give source_ssl: true" in refused["msg"]
        ), refused
        secured = run_module(
            MODULE,
            replica,
            **{**wanted, "source_ssl": True, "source_ssl_verify_server_cert": False},
            wait=True,
        )
        assert secured["changed"] and "failed" not in secured, secured
    finally:
        outside_binary_log(source, "ALTER USER follower REQUIRE NONE")


@pytest.mark.lines("every")
def test_a_source_that_takes_nothing_but_tls(
    replica: TestServer, source: TestServer, channel: dict[str, Any]
) -> None:
    wanted = {**channel, "state": "started", "check_sources": False}
    source.rows("SET GLOBAL require_secure_transport = ON")
    try:
        refused = run_module(MODULE, replica, **wanted, source_ssl=False)
        # The oldest line has one error for all that it denies.
        number, said = (
            (1045, "if the account or the source requires TLS, give source_ssl: true")
            if source.host.line.name == "mariadb-10.11"
            else (3159, "the source accepts only connections with TLS. What can be done: give ")
        )
        assert refused["failed"] and f"error {number}: " in refused["msg"], refused
        assert said in refused["msg"], refused
        secured = run_module(
            MODULE, replica, **wanted, source_ssl=True, source_ssl_verify_server_cert=False
        )
        assert secured["changed"] and "failed" not in secured, secured
    finally:
        source.rows("SET GLOBAL require_secure_transport = OFF")


def test_the_public_key(replica: TestServer, source: TestServer, channel: dict[str, Any]) -> None:
    if replica.flavour == "mariadb":
        # Its accounts need none: the option says nothing there, and does no harm.
        made = run_module(MODULE, replica, **channel, source_public_key_path="/no/such.pem")
        assert made["changed"] and "public_key" not in str(made["diff"]), made
        return
    plain = {**channel, "state": "started", "source_ssl": False, "get_source_public_key": False}
    # What the source remembers of earlier logins would spare the key.
    source.rows("FLUSH PRIVILEGES")
    refused = run_module(MODULE, replica, **plain, check_sources=False)
    assert refused["failed"] and "cannot receive from" in refused["msg"], refused
    assert "error 2061: " in refused["msg"], refused
    assert refused["msg"].endswith(
        "the source requires an encrypted connection. What can be done: give source_ssl: true, or "
        "get_source_public_key: true."
    ), refused
    (told,) = run_module(INFO, replica)["channels"]
    assert told["last_io_error"]["number"] == told["explanation"]["number"] == 2061, told
    assert told["explanation"]["remedies"] == [
        "give source_ssl: true, or get_source_public_key: true."
    ]
    # It waits for somebody who does one of the two.
    keyed = {**plain, "get_source_public_key": True}
    done = run_module(MODULE, replica, **keyed, check_sources=False, wait=True)
    assert done["changed"] and "failed" not in done, done
    run_module(MODULE, replica, channel="w1", state="absent")
    source.rows("FLUSH PRIVILEGES")
    key = str(source.work_dir / "data" / "public_key.pem")
    told = run_module(MODULE, replica, **plain, source_public_key_path=key, wait=True)
    assert told["changed"] and "failed" not in told, told
    assert settings(replica)["source_public_key_path"] == key
    assert not run_module(MODULE, replica, **plain, source_public_key_path=key)["changed"]


def test_settings_are_kept_by_the_server(
    replica: TestServer, source: TestServer, channel: dict[str, Any]
) -> None:
    wanted = {
        **channel,
        "state": "started",
        "source_delay_seconds": 1,
        "heartbeat_seconds": 1.5,
        "connect_retry_seconds": 7,
    }
    predicted = run_module(MODULE, replica, check=True, **wanted)
    done = run_module(MODULE, replica, **wanted)
    assert done["changed"] and done["statements"] == predicted["statements"], done
    assert done["diff"] == predicted["diff"]
    if replica.flavour == "mariadb":
        # Diff mode shows nothing that the server has no word for.
        assert "retry_count" not in str(done["diff"]) and "public_key" not in str(done["diff"])
    shown = status(replica, "w1")
    assert (shown["sql_delay"], shown["connect_retry"]) == (1, 7)
    # Without end: 0 tries, as MySQL counts; MariaDB has a limit for the server, and shows none.
    assert shown.get("source_retry_count") == (0 if replica.flavour == "mysql" else None)
    assert settings(replica)["heartbeat_seconds"] == 1.5
    before = threads(replica)
    assert not run_module(MODULE, replica, **wanted)["changed"] and threads(replica) == before
    back = run_module(MODULE, replica, channel="w1", source_delay_seconds=0)
    assert back["changed"] and status(replica, "w1")["sql_delay"] == 0
    assert status(replica, "w1")["replica_sql_running"] == "Yes"


def test_promises_are_kept_or_refused(
    replica: TestServer, source: TestServer, channel: dict[str, Any]
) -> None:
    promises = {
        "require_row_format": True,
        "privilege_checks_user": "ap'plier@%",
        "source_tls_version": "TLSv1.3",
    }
    if replica.flavour == "mariadb":
        refused = run_module(MODULE, replica, **channel, **promises)
        assert refused["failed"] and "MariaDB" in refused["msg"], refused
        assert all(promise in refused["msg"] for promise in promises)
        assert not run_module(INFO, replica)["channels"]
        # What promises nothing is no promise broken.
        assert run_module(MODULE, replica, **channel, require_row_format=False)["changed"]
        return
    unknown = run_module(MODULE, replica, **channel, **promises)
    assert unknown["failed"] and "ap'plier@% is not an account" in unknown["msg"], unknown
    assert not run_module(INFO, replica)["channels"]
    outside_binary_log(
        replica,
        "CREATE USER `ap'plier`@`%` ACCOUNT LOCK",
        "GRANT REPLICATION_APPLIER ON *.* TO `ap'plier`@`%`",
    )
    try:
        done = run_module(MODULE, replica, **channel, **promises, state="started", wait=True)
        assert done["changed"] and "failed" not in done, done
        assert promises == {name: settings(replica)[name] for name in promises}
        assert not run_module(MODULE, replica, **channel, **promises)["changed"]
        # The account may not write here: the row stops the channel.
        source.rows(f"INSERT INTO {TABLE} VALUES (1)")
        wait_until(
            lambda: status(replica, "w1")["last_sql_errno"], 10, "the row went past the account"
        )
        assert ids(replica) == []
        taken = run_module(
            MODULE, replica, channel="w1", privilege_checks_user="", state="started", wait=True
        )
        assert taken["changed"] and "failed" not in taken, taken
        assert settings(replica)["privilege_checks_user"] == "" and ids(replica) == [1]
        assert not run_module(MODULE, replica, channel="w1", privilege_checks_user="")["changed"]
        # A statement in place of a row stops it too.
        with source.admin() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION binlog_format = 'STATEMENT'")
            cursor.execute(f"INSERT INTO {TABLE} VALUES (2)")
        wait_until(lambda: status(replica, "w1")["last_sql_errno"], 10, "the statement was taken")
        assert ids(replica) == [1]
    finally:
        run_module(MODULE, replica, channel="w1", state="absent")
        outside_binary_log(replica, "DROP USER `ap'plier`@`%`")


def place(source: TestServer) -> dict[str, Any]:
    show = "SHOW BINARY LOG STATUS" if source.flavour == "mysql" else "SHOW MASTER STATUS"
    (row,) = source.rows(show)
    return {"source_log_file": row["File"], "source_log_position": row["Position"]}


def test_a_file_and_a_position(
    replica: TestServer, source: TestServer, channel: dict[str, Any]
) -> None:
    source.rows(f"INSERT INTO {TABLE} VALUES (1)")
    wanted = {**channel, **place(source), "state": "started"}
    source.rows(f"INSERT INTO {TABLE} VALUES (2)")
    made = run_module(MODULE, replica, **wanted)
    assert made["changed"] and "failed" not in made, made
    wait_until(lambda: ids(replica), 10, "no row came")
    assert ids(replica) == [2] and settings(replica)["auto_position"] is False
    # It has gone on from there, and is not sent back.
    before = threads(replica)
    assert not run_module(MODULE, replica, **wanted)["changed"] and threads(replica) == before
    source.rows(f"INSERT INTO {TABLE} VALUES (3)")
    wait_until(lambda: ids(replica) == [2, 3], 10, "no row came")
    # To GTID and back to a place: both are said outright, so both are changes.
    by_gtid = run_module(MODULE, replica, **channel, auto_position=True, state="started")
    assert by_gtid["changed"] and settings(replica)["auto_position"] is True, by_gtid
    again = run_module(MODULE, replica, **{**wanted, **place(source)})
    assert again["changed"] and settings(replica)["auto_position"] is False, again


def test_a_channel_made_by_hand_is_adopted_without_a_stop(
    replica: TestServer, source: TestServer, channel: dict[str, Any]
) -> None:
    make_by_hand(replica, "w1", source, "follower")
    control(replica, "START", "w1")
    wait_until(
        lambda: status(replica, "w1")["replica_io_running"] == "Yes", 10, "it does not connect"
    )
    before = threads(replica)
    adopted = run_module(MODULE, replica, **channel, state="started", auto_position=True, wait=True)
    assert "failed" not in adopted and not adopted["changed"], adopted
    assert adopted["statements"] == [] and threads(replica) == before
    # A second channel to this source is refused, whoever made the first.
    twice = run_module(MODULE, replica, **{**channel, "channel": "w2"})
    assert twice["failed"] and "channels w1, w2 have the same source" in twice["msg"], twice
    assert threads(replica) == before
    # Where it does not fit it is changed, and only there.
    changed = run_module(MODULE, replica, **channel, connect_retry_seconds=2)
    assert changed["changed"] and len(changed["statements"]) == 3, changed
    assert status(replica, "w1")["connect_retry"] == 2


def test_update_password(replica: TestServer, source: TestServer, channel: dict[str, Any]) -> None:
    run_module(MODULE, replica, **channel)
    other = {**channel, "source_password": "other"}
    assert not run_module(MODULE, replica, **other, update_password="on_create")["changed"]
    for _number in range(2):
        always = run_module(MODULE, replica, **other, update_password="always")
        assert always["changed"] and "other" not in str(always["statements"])
    compared = run_module(MODULE, replica, **channel)
    # Nobody was denied so far: what is stored tells.
    assert compared["changed"], compared
    assert not run_module(MODULE, replica, **channel)["changed"]
