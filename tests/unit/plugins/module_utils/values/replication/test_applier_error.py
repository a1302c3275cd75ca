"""Errors of channels taken apart: the texts are real ones, of all three lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.applier_error import (
    Explanation,
    explain_applying,
    explain_receiving,
    masked,
)

MYSQL = (
    "Worker 1 failed executing transaction '3b3a6275-e573-11f1-bce1-02fc00000001:1' at source log "
    "binlog.000001, end_log_pos 405; "
)
GTID = "3b3a6275-e573-11f1-bce1-02fc00000001:1"


def place(source: str, end: int) -> str:
    return f"the event's {source} log binlog.000001, end_log_pos {end}"


Parts = tuple["str | None", "str | None", "str | None", "str | None"]
# number, message, (event, schema, table, key), a word of the remedies
APPLYING: list[tuple[int, str, Parts, str]] = [
    (
        1062,
        "Could not execute Write_rows_v1 event on table lab.t; Duplicate entry '7' for key "
        "'PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; " + place("master", 509),
        ("insert", "lab", "t", "PRIMARY = 7"),
        "compare the two rows",
    ),
    (
        1062,
        f"{MYSQL}Could not execute Write_rows event on table lab.t; Duplicate entry '7' for key "
        "'t.PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; "
        + place("source", 405),
        ("insert", "lab", "t", "t.PRIMARY = 7"),
        "mysql_autoinc_offset",
    ),
    (
        1032,
        "Could not execute Update_rows_v1 event on table lab.t; Can't find record in 't', "
        "Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; " + place("master", 0),
        ("update", "lab", "t", None),
        "retention",
    ),
    (
        1032,
        f"{MYSQL}Could not execute Delete_rows event on table lab.t; Can't find record in 't', "
        "Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; " + place("source", 405),
        ("delete", "lab", "t", None),
        "mysqlbinlog",
    ),
    (
        1146,
        "Error executing row event: 'Table 'lab.u' doesn't exist'",
        (None, "lab", "u", None),
        "mysql_usage_table",
    ),
    (
        1146,
        f"{MYSQL}Error executing row event: 'Table 'lab.u' doesn't exist'",
        (None, "lab", "u", None),
        "mysql_usage_table",
    ),
    (
        1526,
        "Could not execute Write_rows_v1 event on table lab.p; Table has no partition for value "
        "from column_list, Error_code: 1526; handler error HA_ERR_NO_PARTITION_FOUND; "
        + place("master", 1371),
        ("insert", "lab", "p", None),
        "mysql_month_partition",
    ),
    (
        1030,
        'Could not execute Update_rows_v1 event on table lab.p; Got error 1 "Operation not '
        'permitted" from storage engine InnoDB, Error_code: 1030; handler error No Error!; '
        + place("master", 1614),
        ("update", "lab", "p", None),
        "mysql_month_partition_info",
    ),
    (
        1030,
        f"{MYSQL}Could not execute Update_rows event on table lab.p; Got error 122 - 'Internal "
        "(unspecified) error in handler' from storage engine, Error_code: 1030; handler error No "
        "Error!; " + place("source", 1828),
        ("update", "lab", "p", None),
        "mysql_month_partition_info",
    ),
    (
        1049,
        f"{MYSQL}Error executing row event: 'Unknown database 'lab2''",
        (None, "lab2", None, None),
        "make the schema",
    ),
    (
        1049,
        "Error 'Unknown database 'lab3'' on query. Default database: ''. Query: 'CREATE TABLE "
        "lab3.t(id INT PRIMARY KEY)'",
        ("CREATE TABLE", "lab3", "t", None),
        "make the schema",
    ),
    (
        1050,
        "Error 'Table 'u' already exists' on query. Default database: ''. Query: 'CREATE TABLE "
        "lab.u(id INT PRIMARY KEY, b INT)'",
        ("CREATE TABLE", "lab", "u", None),
        "sql_log_bin",
    ),
    (
        1298,
        f"{MYSQL}Error 'Unknown or incorrect time zone: 'Europe/Paris'' on query. Default "
        "database: 'shop'. Query: 'BEGIN'",
        ("BEGIN", "shop", None, None),
        "mysql_time_zones",
    ),
    (
        1298,
        "Error 'Unknown or incorrect time zone: 'Asia/Tokyo'' on query. Default database: ''. "
        "Query: 'BEGIN'",
        ("BEGIN", None, None, None),
        "tzdata-legacy",
    ),
    (
        1298,
        "Error 'Unknown or incorrect time zone: 'Asia/Tokyo'' on query. Default database: ''. "
        "Query: 'create table tz.leak (a timestamp default '2026-01-01')'",
        ("CREATE TABLE", "tz", "leak", None),
        "mysql_time_zones",
    ),
    (
        1008,
        "Error 'Can't drop database 'lab4'; database doesn't exist' on query. Default database: "
        "'lab4'. Query: 'DROP SCHEMA'",
        ("DROP SCHEMA", "lab4", None, None),
        "sql_log_bin",
    ),
    (
        1396,
        "Error 'Operation CREATE USER failed' on query. Default database: ''. Query: 'CREATE USER'",
        ("CREATE USER", None, None, None),
        "mysql_account",
    ),
    (
        1060,
        "Error 'Duplicate column name 'c'' on query. Default database: 'lab'. Query: 'ALTER TABLE "
        "`u` ADD c INT'",
        ("ALTER TABLE", "lab", "u", None),
        "sql_log_bin",
    ),
    (
        1007,
        "Error 'Can't create database 'lab4'; database exists' on query. Default database: "
        "'lab4'. Query: 'CREATE SCHEMA lab4'",
        ("CREATE SCHEMA", "lab4", None, None),
        "sql_log_bin",
    ),
    (
        1051,
        "Error 'Unknown table' on query. Default database: 'lab4'. Query: 'DROP VIEW x'",
        ("DROP VIEW", "lab4", None, None),
        "sql_log_bin",
    ),
    (
        1396,
        f"{MYSQL}Error 'Operation CREATE USER failed for 'leaked'@'%' (User account already "
        "exists)' on query. Default database: ''. Query: 'CREATE USER 'leaked'@'%' IDENTIFIED "
        "WITH 'caching_sha2_password''",
        ("CREATE USER", None, None, None),
        "mysql_account",
    ),
    (
        1677,
        "Column 1 of table 'lab.u' cannot be converted from type 'int' to type 'varchar(12 octets)"
        " character set utf8mb4'",
        (None, "lab", "u", None),
        "same type",
    ),
    (
        13146,
        f"{MYSQL}Column 2 (counting the first column as number 1) of table 'lab.u' cannot be "
        "converted from type 'int' to type 'varchar(12(bytes) utf8mb4)'",
        (None, "lab", "u", None),
        "same type",
    ),
    (
        1452,
        "Could not execute Write_rows_v1 event on table lab.fc; Cannot add or update a child row: "
        "a foreign key constraint fails (`lab`.`fc`, CONSTRAINT `c1` FOREIGN KEY (`p`) REFERENCES "
        "`fp` (`id`)), Error_code: 1452; handler error HA_ERR_NO_REFERENCED_ROW; "
        + place("master", 3299),
        ("insert", "lab", "fc", None),
        "foreign key",
    ),
    (9999, "Something new", (None, None, None, None), "error log"),
]


@pytest.mark.parametrize(
    ("number", "message", "parts", "remedy"),
    APPLYING,
    ids=[f"{number}-{message[:8]}" for number, message, _rest, _rest in APPLYING],
)
def test_applying(number: int, message: str, parts: Parts, remedy: str) -> None:
    told = explain_applying(number, message, "binlog.000001", 325)
    assert (told.event, told.schema, told.table, told.key) == parts
    assert remedy in " ".join(told.remedies)
    assert told.gtid == (GTID if message.startswith(MYSQL) else None)
    assert (told.source_log_file, told.source_log_position) == ("binlog.000001", 325)
    assert told.source_log_end_position is None or told.source_log_end_position > 0
    assert told.meaning in told.sentence and told.remedies[0] in told.sentence
    assert told.told()["remedies"] == list(told.remedies)


def test_the_place_is_that_of_the_event_where_the_message_tells_it() -> None:
    number, message, _rest, _rest = APPLYING[3]
    told = explain_applying(number, message, "binlog.000001", 325)
    assert told.source_log_end_position == 405
    assert "--start-position=325 --stop-position=405 binlog.000001" in told.remedies[-1]
    # The channel has applied an older log only: the position is not one of the event's.
    told = explain_applying(number, message, "binlog.000000", 325)
    assert (told.source_log_file, told.source_log_position) == ("binlog.000001", None)
    assert "start-position" not in told.remedies[-1]
    # MariaDB 11.8 says 0 for an end that it does not know.
    number, message, _rest, _rest = APPLYING[2]
    assert explain_applying(number, message).source_log_end_position is None
    assert "mysqlbinlog" not in " ".join(explain_applying(number, message).remedies)
    anonymous = "Worker 1 failed executing transaction 'ANONYMOUS' at source log b, end_log_pos 4"
    assert explain_applying(1032, anonymous).gtid is None


@pytest.mark.parametrize(
    ("number", "message", "said"),
    [
        (
            1236,
            "Got fatal error 1236 from master when reading data from binary log: 'Could not find "
            "GTID state requested by slave in any binlog files. Probably the slave state is too "
            "old and required binlog files have been purged.'",
            "no longer has the binary logs",
        ),
        (
            13114,
            "Got fatal error 1236 from source when reading data from binary log: 'Cannot replicate "
            "because the source purged required binary logs. Replicate the missing ...'",
            "no longer has the binary logs",
        ),
        (
            1236,
            "Got fatal error 1236 from master when reading data from binary log: 'Error: "
            "connecting slave requested to start from GTID 1-2-3, which is not in the master's "
            "binlog'",
            "source does not have",
        ),
        (
            13114,
            "Got fatal error 1236 from source when reading data from binary log: 'Replica has more "
            "GTIDs than the source has, using the source's SERVER_UUID. ...'",
            "source does not have",
        ),
        (
            13114,
            "Got fatal error 1236 from source when reading data from binary log: 'A replica with "
            "the same server_uuid/server_id as this replica has connected to the source; the first "
            "event '' at 4, the last event read from './binlog.000001' at 1483, ...'",
            "another replica with this server's server_uuid follows the same source",
        ),
        (
            13117,
            "Fatal error: The replica I/O thread stops because source and replica have equal MySQL "
            "server UUIDs; these UUIDs must be different for replication to work.",
            "the source has the same server_uuid as this server",
        ),
        (13117, "... have equal MySQL server UUIDs ...", "remove auto.cnf from its data directory"),
        (1593, "Fatal error: The slave I/O thread stops because", "same server_id"),
        (13117, "Fatal error: The replica I/O thread stops because", "same server_id"),
        (1045, "Access denied", "refuses the channel's account"),
        (1045, "Access denied", "if the account or the source requires TLS, give source_ssl: true"),
        (2061, "Authentication requires secure connection", "or get_source_public_key: true"),
        (3159, "insecure transport are prohibited", "only connections with TLS"),
        (2026, "TLS/SSL error: certificate verify failed", "give the source_ssl_ca that signed"),
        (2026, "SSL connection error", "if the source has no TLS, give it a certificate"),
        (2003, "Can't connect", "does not answer"),
        (8888, "Something new", "cause of this error is unknown"),
        # One number stands for many things.
        (1236, "log event entry exceeded max_allowed_packet", "cause of this error is unknown"),
    ],
)
def test_receiving(number: int, message: str, said: str) -> None:
    told = explain_receiving(number, message)
    assert said in told.sentence and told.remedies
    assert told.event is told.table is told.key is None


def test_no_password_of_an_account_that_leaked_is_told() -> None:
    said = "Error 'x' on query. Default database: ''. Query: "
    for query in (
        "'CREATE USER a IDENTIFIED BY 'p'w''",
        "'ALTER USER a IDENTIFIED WITH caching_sha2_password AS 'p'w''",
        "'SET PASSWORD FOR a = 'p'w''",
        "'GRANT ALL ON *.* TO a identified by\n'p'w''",
    ):
        assert "p'w" not in masked(said + query)
    # What is not a query keeps its words.
    assert masked("Could not connect with password 'x'") == "Could not connect with password 'x'"


@given(st.integers(), st.text())
def test_any_text_is_taken(number: int, message: str) -> None:
    for told in (explain_applying(number, message), explain_receiving(number, message)):
        assert isinstance(told, Explanation) and told.remedies and told.sentence
    masked(message)


@pytest.mark.parametrize(
    ("number", "message", "remedy"),
    [
        (
            1146,
            "Table 'lab.u' doesn't exist",
            "tables come before channels. Then start the channel",
        ),
        (1146, "Table 'lab.u' doesn't exist", "if this server must not have it, filter it out of"),
        (1049, "Unknown database 'lab'", "schemas come before tenants. Then start the channel"),
        (1049, "Unknown database 'lab'", "if this server must not have it, filter it out of the"),
        (1030, "Got error 1", "a month that was dropped too early must be made again"),
        (1205, "Lock wait timeout exceeded", "look for long transactions on this server, end them"),
    ],
)
def test_each_way_out_of_a_stop(number: int, message: str, remedy: str) -> None:
    assert any(remedy in one for one in explain_applying(number, message).remedies)


@pytest.mark.parametrize(
    ("number", "message", "remedy"),
    [
        (1236, "requested to start from GTID", "give each source a gtid_domain_id of its own"),
        (1236, "was requested by the slave", "give each source a gtid_domain_id of its own"),
        (1236, "has been purged", "keep binary logs longer than the longest outage"),
        (
            1593,
            "equal server ids",
            "give each server its own server_id, restart it",
        ),
        (4052, "killed", "give each replica its own server_id, and restart it"),
        (2003, "no", "start the source, or give the source_host and source_port that it has"),
    ],
)
def test_each_way_out_of_a_silence(number: int, message: str, remedy: str) -> None:
    assert any(remedy in one for one in explain_receiving(number, message).remedies)


def test_how_to_see_the_row_is_said_last() -> None:
    message = "Can't find record, the event's source log binlog.000001, end_log_pos 405"
    assert explain_applying(1032, message, "binlog.000001", 325).remedies[-1] == (
        "to see the row, run on the source: mysqlbinlog (mariadb-binlog) --verbose "
        "--base64-output=DECODE-ROWS --start-position=325 --stop-position=405 binlog.000001"
    )


# By number: what the sentence of the first message above with it begins with.
BEGINNINGS = {
    1062: "the insert of lab.t (key PRIMARY = 7): the row, or another one with this key, exists "
    "on this server already.",
    1032: "the update of lab.t: the row that the source changed does not exist on this server.",
    1146: "lab.u: this server does not have the table.",
    1526: "the insert of lab.p: this server's table has no partition for the row's month.",
    1030: "the update of lab.p: the storage engine could not change the row; if the table is "
    "partitioned, the row's month has no partition on this server any more.",
    1049: "lab2: this server does not have the schema.",
    1050: "the CREATE TABLE of lab.u: a statement that changes schemas or tables came through "
    "the channel, and does not fit this server. Such statements belong outside the binary "
    "log, on each server.",
    1298: "the BEGIN of shop: a session on the source used a time zone by a name that this "
    "server's time zone tables lack.",
    1396: "the CREATE USER: an account was changed in the binary log of a source. Accounts belong "
    "outside it, on each server.",
    1677: "lab.u: the source's column has a type that this server's table cannot take.",
    13146: "lab.u: the source's column has a type that this server's table cannot take.",
    1452: "the insert of lab.fc: a foreign key on this server does not allow the row; partitioned "
    "and sharded tables have none.",
    9999: "the cause of this error is unknown.",
}


@pytest.mark.parametrize("number", BEGINNINGS)
def test_a_sentence_begins_with_what_it_is_about_and_the_cause(number: int) -> None:
    message = next(case[1] for case in APPLYING if case[0] == number)
    found = explain_applying(number, message).sentence
    assert found.startswith(f"{BEGINNINGS[number]} What can be done: ")


@pytest.mark.parametrize(
    ("number", "message", "meaning"),
    [
        (
            1236,
            "binlog files have been purged",
            "the source no longer has the binary logs that this server needs next.",
        ),
        (
            13114,
            "Replica has more GTIDs than the source has",
            "this server has transactions that the source does not have: the source has lost some, "
            "was rebuilt, or, on MariaDB, two sources share one gtid_domain_id.",
        ),
        (1593, "equal server ids", "the source has the same server_id as this server."),
        (
            4052,
            "killed",
            "another replica with this server's server_id follows the same source; they disconnect "
            "each other.",
        ),
        (1045, "Access denied", "the source refuses the channel's account."),
        (2003, "cannot", "the source does not answer; the channel keeps trying."),
    ],
)
def test_what_a_silence_means(number: int, message: str, meaning: str) -> None:
    assert explain_receiving(number, message).meaning == meaning


def test_a_kind_of_error_has_a_code() -> None:
    # One number may be several kinds, and several numbers one kind.
    for number, message, code in (
        (1236, "binlog files have been purged", "channel.logs_purged"),
        (1236, "slave requested to start from GTID 1-1-6", "channel.source_lacks_transactions"),
        (1045, "x", "channel.account_refused"),
        (1130, "x", "channel.account_refused"),
        (9999, "x", "channel.unknown_error"),
    ):
        told = explain_receiving(number, message)
        assert told.code == told.told()["code"] == code
    missing = explain_applying(1032, "x").finding("channel w1")
    assert (missing.code, missing.where) == ("channel.row_missing", "channel w1")
    told = explain_applying(1032, "x")
    assert missing.todo.startswith(told.remedies[0])
    assert f"{missing.text} What can be done: {missing.todo}" == told.sentence


def test_an_error_after_which_a_start_would_leave_rows_out() -> None:
    anonymous = (
        "Got fatal error 1236 from source when reading data from binary log: 'Cannot replicate "
        "anonymous transaction when @@GLOBAL.GTID_MODE = ON, at file /a b/binlog.000004, position "
        "198.; the first event '' at 4.'"
    )
    told = explain_receiving(13114, anonymous)
    assert told.skips and (told.source_log_file, told.source_log_position) == ("binlog.000004", 198)
    assert "transactions without a GTID" in told.meaning
    assert "--start-position=198 binlog.000004" in told.remedies[0]
    unplaced = explain_receiving(13114, "Cannot replicate anonymous transaction")
    assert unplaced.skips and unplaced.source_log_file is None
    assert "--skip-gtids, into mysql" in unplaced.remedies[0]
    assert explain_receiving(1236, "slave requested to start from GTID 1-1-6").skips
    assert not explain_receiving(1236, "binlog files have been purged").skips
    assert not explain_applying(1062, "x").skips
