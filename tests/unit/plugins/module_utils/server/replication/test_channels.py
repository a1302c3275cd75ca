"""Channels' statements and rows of both flavours, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pymysql.converters
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    CHANGE,
    REMOVE,
    START,
    STOP,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channels import (
    has_applied,
    own_transactions,
    read,
    statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    COMPARED,
    STARTED,
    Channel,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

MYSQL, MARIADB = (
    cast(Server, SimpleNamespace(dialect=DIALECTS[flavour])) for flavour in ("mysql", "mariadb")
)
FULL = Settings(
    source_tls_version="TLSv1.2,TLSv1.3",
    source_public_key_path="/w1.pem",
    source_delay_seconds=60,
    require_row_format=True,
    privilege_checks_user="app'lier@%",
    source_host="w1.example.com",
    source_port=13306,
    source_user="repl",
    source_ssl=True,
    source_ssl_ca="/ca.pem",
    source_ssl_cert="/c.pem",
    source_ssl_key="/k.pem",
    source_ssl_verify_server_cert=False,
    get_source_public_key=True,
    connect_retry_seconds=2,
    heartbeat_seconds=2.5,
    retry_count=0,
    auto_position=True,
)


def change(server: Server, name: str = "w1", **changes: Any) -> Statement:
    channel = Channel(name, STARTED)
    (made,) = statements(Step(CHANGE, f"channel {name}", value=(channel, changes)), server)
    return made


def executed(statement: Statement) -> str:
    args = statement.executed_args
    return statement.sql % tuple(pymysql.converters.escape_item(arg, "utf8mb4") for arg in args)


def test_a_full_change_on_mysql() -> None:
    made = change(MYSQL, **FULL.given(), source_password=Secret("p'w"))
    assert executed(made) == (
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'w1.example.com', SOURCE_PORT = 13306, "
        "SOURCE_USER = 'repl', SOURCE_SSL = 1, SOURCE_SSL_CA = '/ca.pem', "
        "SOURCE_SSL_CERT = '/c.pem', SOURCE_SSL_KEY = '/k.pem', "
        "SOURCE_SSL_VERIFY_SERVER_CERT = 0, SOURCE_TLS_VERSION = 'TLSv1.2,TLSv1.3', "
        "SOURCE_PUBLIC_KEY_PATH = '/w1.pem', GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 2, "
        "SOURCE_HEARTBEAT_PERIOD = 2.5, SOURCE_RETRY_COUNT = 0, SOURCE_DELAY = 60, "
        "REQUIRE_ROW_FORMAT = 1, PRIVILEGE_CHECKS_USER = 'app\\'lier'@'%', "
        "SOURCE_AUTO_POSITION = 1, "
        "SOURCE_PASSWORD = 'p\\'w' FOR CHANNEL 'w1'"
    )


def test_a_full_change_on_mariadb_leaves_out_what_it_has_no_word_for() -> None:
    made = change(MARIADB, **FULL.given(), source_password=Secret("p'w"))
    assert executed(made) == (
        "CHANGE MASTER 'w1' TO MASTER_HOST = 'w1.example.com', MASTER_PORT = 13306, "
        "MASTER_USER = 'repl', MASTER_SSL = 1, MASTER_SSL_CA = '/ca.pem', "
        "MASTER_SSL_CERT = '/c.pem', MASTER_SSL_KEY = '/k.pem', "
        "MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_CONNECT_RETRY = 2, "
        "MASTER_HEARTBEAT_PERIOD = 2.5, MASTER_DELAY = 60, MASTER_USE_GTID = slave_pos, "
        "MASTER_PASSWORD = 'p\\'w'"
    )


@pytest.mark.parametrize(
    ("server", "words"),
    [(MYSQL, "SOURCE_AUTO_POSITION = 0"), (MARIADB, "MASTER_USE_GTID = no")],
    ids=["mysql", "mariadb"],
)
def test_a_place_without_gtid_is_said_in_the_flavours_words(server: Server, words: str) -> None:
    assert words in executed(change(server, auto_position=False))
    place = {"source_log_file": "binlog.000002", "source_log_position": 157}
    said = executed(change(server, auto_position=False, **place))
    assert words in said and "_LOG_FILE = 'binlog.000002'" in said and "_LOG_POS = 157" in said


def test_an_account_is_taken_back_in_the_servers_word() -> None:
    assert "PRIVILEGE_CHECKS_USER = NULL" in executed(change(MYSQL, privilege_checks_user=""))


@pytest.mark.parametrize(
    ("server", "action", "sql"),
    [
        (MYSQL, STOP, "STOP REPLICA FOR CHANNEL 'w''1'"),
        (MYSQL, START, "START REPLICA FOR CHANNEL 'w''1'"),
        (MYSQL, REMOVE, "RESET REPLICA ALL FOR CHANNEL 'w''1'"),
        (MARIADB, STOP, "STOP SLAVE 'w''1'"),
        (MARIADB, START, "START SLAVE 'w''1'"),
        (MARIADB, REMOVE, "RESET SLAVE 'w''1' ALL"),
    ],
)
def test_the_other_steps(server: Server, action: str, sql: str) -> None:
    (made,) = statements(Step(action, "channel", value=Channel("w'1", STARTED)), server)
    assert made.shown == sql
    assert made.executed_args == ("w'1",)


@given(st.text(), st.text(), st.sampled_from([MYSQL, MARIADB]))
def test_no_password_is_shown(one: str, other: str, server: Server) -> None:
    def shown(password: str) -> str:
        made = change(server, source_host="h", source_password=Secret(password))
        assert password in made.executed_args
        return f"{made.shown} {made} {made!r} {ServerError('s', 'said', 1, made)}"

    assert shown(one) == shown(other)


@given(st.text(), st.sampled_from([MYSQL, MARIADB]))
def test_names_and_values_are_bound_never_composed(text: str, server: Server) -> None:
    made = change(server, name=text, source_host=text, source_password=Secret(text))
    plain = change(server, name="n", source_host="h", source_password=Secret("p"))
    assert made.sql == plain.sql
    assert list(made.executed_args) == [text, text, text]


def test_every_setting_has_a_word_somewhere() -> None:
    for name in COMPARED:
        assert any(name in dialect.channel_options for dialect in DIALECTS.values()), name


@pytest.mark.parametrize("server", [MYSQL, MARIADB], ids=["mysql", "mariadb"])
def test_a_planned_channel_renders_wholly(server: Server) -> None:
    made = plan([Channel("w1", STARTED, FULL, Secret("x"))], [])
    shown = [one.shown for step in made.steps for one in statements(step, server)]
    assert len(shown) == 2 and shown[0].startswith("CHANGE") and shown[1].startswith("START")


class Answers:
    """Answers queries as a server does: by the first words of each."""

    def __init__(self, flavour: str, answers: dict[str, list[dict[str, Any]] | ServerError]):
        self.dialect = DIALECTS[flavour]
        self.answers = answers

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        (answer,) = (rows for start, rows in self.answers.items() if start in sql)
        if isinstance(answer, ServerError):
            raise answer
        return answer

    def row(self, sql: str, *args: Any) -> dict[str, Any]:
        return self.rows(sql, *args)[0]


MARIADB_ROW = {
    "Connection_name": "w1",
    "Master_Host": "127.1.1.1",
    "Master_Port": 13306,
    "Master_User": "repl",
    "Master_SSL_Allowed": "No",
    "Master_SSL_CA_File": "",
    "Master_SSL_Cert": "",
    "Master_SSL_Key": "",
    "Master_SSL_Verify_Server_Cert": "No",
    "Connect_Retry": 2,
    "Slave_heartbeat_period": "2.500",
    "Using_Gtid": "Slave_Pos",
    "Slave_IO_Running": "Yes",
    "Slave_SQL_Running": "Yes",
    "Last_IO_Errno": 0,
    "Last_IO_Error": "",
    "Last_SQL_Errno": 0,
    "Last_SQL_Error": "",
    "Seconds_Behind_Master": 0,
    "Gtid_IO_Pos": "1-1-7",
    "Gtid_Slave_Pos": "1-1-6,2-2-4",
    "Master_Server_Id": 1,
    "SQL_Delay": 0,
    "Replicate_Do_DB": "b,a",
    "Replicate_Rewrite_DB": "a->b,c->d",
}
MYSQL_ROW = {
    "Channel_Name": "w1",
    "Source_Host": "127.1.1.1",
    "Source_Port": 13306,
    "Source_User": "repl",
    "Source_SSL_Allowed": "Yes",
    "Source_SSL_CA_File": "/ca.pem",
    "Source_SSL_Cert": "",
    "Source_SSL_Key": "",
    "Source_SSL_Verify_Server_Cert": "No",
    "Source_TLS_Version": "TLSv1.3",
    "Source_public_key_path": "",
    "SQL_Delay": 5,
    "Replicate_Wild_Do_Table": "a.%",
    "Replicate_Rewrite_DB": "(a,b),(c,d)",
    "Get_Source_public_key": 1,
    "Connect_Retry": 2,
    "Source_Retry_Count": 0,
    "Auto_Position": 1,
    "Replica_IO_Running": "Connecting",
    "Replica_SQL_Running": "Yes",
    "Last_IO_Errno": 1045,
    "Last_IO_Error": "denied",
    "Last_SQL_Errno": 0,
    "Last_SQL_Error": "",
    "Seconds_Behind_Source": None,
    "Retrieved_Gtid_Set": "",
    "Executed_Gtid_Set": "a:1-5,\nb:1-3",
    "Source_Server_Id": 0,
    "Source_UUID": "",
}
HEARTBEATS: list[dict[str, Any]] = [{"name": "w1", "seconds": 2.5}]
PASSWORDS: list[dict[str, Any]] = [{"name": "w1", "password": "stored"}]
APPLIERS: list[dict[str, Any]] = [{"name": "w1", "required": "YES", "account": "'a\\'@b'@'%'"}]


def mysql(rows: Sequence[dict[str, Any]], **more: Any) -> Server:
    answers = {
        "SHOW REPLICA STATUS": list(rows),
        "replication_connection_configuration": HEARTBEATS,
        "slave_master_info": PASSWORDS,
        "replication_applier_configuration": APPLIERS,
        "replication_connection_status": [],
        "status_by_worker": [],
        "status_by_coordinator": [],
        **more,
    }
    return cast(Server, Answers("mysql", answers))


def test_a_row_of_mariadb() -> None:
    elsewhere = [{"folder": "/var/lib/mysql/", "host": "another"}]
    server = cast(Server, Answers("mariadb", {"SHOW ALL": [MARIADB_ROW], "@@GLOBAL": elsewhere}))
    (status,) = read(server, with_passwords=True)
    assert status.settings == Settings(
        source_host="127.1.1.1",
        source_port=13306,
        source_user="repl",
        source_ssl=False,
        source_ssl_ca="",
        source_ssl_cert="",
        source_ssl_key="",
        source_ssl_verify_server_cert=False,
        connect_retry_seconds=2,
        heartbeat_seconds=2.5,
        source_delay_seconds=0,
        auto_position=True,
    )
    assert status.filters == Filters(
        do_databases=("a", "b"), rewrite_databases=(("a", "b"), ("c", "d"))
    )
    assert status.running and status.connected and status.password is None
    assert (status.gtid_received, status.gtid_applied) == ("1-1-7", "1-1-6,2-2-4")
    assert (status.source_server_id, status.source_uuid) == (1, None)
    assert status.seconds_behind_source == 0


def test_a_row_of_mysql() -> None:
    (status,) = read(mysql([MYSQL_ROW]), with_passwords=True)
    assert status.settings == Settings(
        source_host="127.1.1.1",
        source_port=13306,
        source_user="repl",
        source_ssl=True,
        source_ssl_ca="/ca.pem",
        source_ssl_cert="",
        source_ssl_key="",
        source_ssl_verify_server_cert=False,
        source_tls_version="TLSv1.3",
        source_public_key_path="",
        get_source_public_key=True,
        connect_retry_seconds=2,
        heartbeat_seconds=2.5,
        retry_count=0,
        source_delay_seconds=5,
        require_row_format=True,
        privilege_checks_user="a'@b@%",
        auto_position=True,
    )
    assert status.filters == Filters(
        wild_do_tables=("a.%",), rewrite_databases=(("a", "b"), ("c", "d"))
    )
    assert status.io_running and not status.connected and status.sql_running
    assert status.io_fault == Fault(1045, "denied") and not status.sql_fault
    assert status.seconds_behind_source is None
    assert status.gtid_applied == "a:1-5,b:1-3"
    assert status.password == Secret("stored")


@pytest.mark.parametrize(
    ("said", "running", "connected"),
    [
        ("Yes", True, True),
        ("Connecting", True, False),
        ("Preparing", True, False),
        ("No", False, False),
    ],
)
def test_a_thread_that_tries_to_connect_runs(said: str, running: bool, connected: bool) -> None:
    (status,) = read(
        cast(Server, Answers("mariadb", {"SHOW ALL": [{**MARIADB_ROW, "Slave_IO_Running": said}]}))
    )
    assert (status.io_running, status.connected) == (running, connected)


def test_channels_come_in_the_order_of_their_names() -> None:
    rows = [{**MYSQL_ROW, "Channel_Name": name} for name in ("w2", "W10", "w1")]
    assert [status.name for status in read(mysql(rows))] == ["w1", "W10", "w2"]


def test_the_default_channel_that_mysql_keeps_is_none() -> None:
    rows = [{**MYSQL_ROW, "Channel_Name": "", "Source_Host": ""}, MYSQL_ROW]
    assert [status.name for status in read(mysql(rows))] == ["w1"]


def test_passwords_are_read_only_when_asked_for_and_where_allowed() -> None:
    (status,) = read(mysql([MYSQL_ROW]))
    assert status.password is None
    denied = ServerError("s", "SELECT command denied", 1142)
    (status,) = read(mysql([MYSQL_ROW], slave_master_info=denied), with_passwords=True)
    assert status.password is None


def test_a_login_that_may_only_ask_for_the_status_gets_it() -> None:
    """REPLICATION CLIENT, a monitor's privilege, does not cover performance_schema."""
    denied = ServerError("s", "SELECT command denied", 1142)
    (status,) = read(mysql([MYSQL_ROW], replication_connection_configuration=denied))
    assert status.name == "w1" and status.settings.heartbeat_seconds is None
    (status,) = read(mysql([MYSQL_ROW], replication_applier_configuration=denied))
    assert status.settings.require_row_format is None


A, B = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "8a94f357-aab4-11df-86ab-c80aa9429444"


@pytest.mark.parametrize(
    ("position", "uuid", "own"),
    [
        ("1-1-5,2-2-7", "", "1-1-5,2-2-7"),
        ("", A, ""),
        (f"{A}:1-5", A, f"{A}:1-5"),
        (f"{A}:1-5,\n{B}:1-3", A, f"{A}:1-5"),
        (f"{B}:1-3,\n{A}:1-5:7-9", A.upper(), f"{A}:1-5:7-9"),
        (f"{A}:1-5:moved:1-2,\n{B}:1", A, f"{A}:1-5:moved:1-2"),
    ],
)
def test_only_a_sources_own_transactions_are_waited_for(position: str, uuid: str, own: str) -> None:
    assert own_transactions(position, uuid) == own


@pytest.mark.parametrize(("waited", "applied"), [(0, True), (1, False), (-1, False), (None, False)])
def test_only_zero_means_applied(waited: int | None, applied: bool) -> None:
    for flavour in ("mysql", "mariadb"):
        server = cast(Server, Answers(flavour, {"SELECT": [{"waited": waited}]}))
        assert has_applied(server, "1-1-1", 1) is applied


@pytest.mark.parametrize(("seconds", "asked"), [(60.0, 0.5), (0.3, 0.3), (0.0, 0.01), (-2.0, 0.01)])
def test_a_wait_is_neither_long_nor_without_end(seconds: float, asked: float) -> None:
    times = []

    class Waits(Answers):
        def row(self, sql: str, *args: Any) -> dict[str, Any]:
            times.append(args[1])
            return {"waited": 1}

    assert not has_applied(cast(Server, Waits("mysql", {})), "1-1-1", seconds)
    assert times == [asked]


def test_a_source_that_has_written_nothing_is_applied() -> None:
    assert has_applied(cast(Server, Answers("mariadb", {})), "", 1)
