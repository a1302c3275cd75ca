"""What only one member has is read from the output of the servers' own programs."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.errant import (
    Change,
    Errant,
    read,
)

MARIADB = r"""
# at 256
#261127  2:40:06 server id 201  end_log_pos 299 CRC32 0x62446db8 	Gtid list [201-201-5]
#261127  2:40:05 server id 201  end_log_pos 624 CRC32 0x70a50ea7 	GTID 201-201-5 trans
START TRANSACTION
/*!*/;
### INSERT INTO `shop`.`t`
### SET
###   @1=1
COMMIT/*!*/;
#261127  2:40:06 server id 201  end_log_pos 624 CRC32 0x70a50ea7 	GTID 201-201-6 trans
/*M!100001 SET @@session.gtid_seq_no=6*//*!*/;
START TRANSACTION
/*!*/;
#261127 12:40:06 server id 201  end_log_pos 689 CRC32 0x62446db8 	Annotate_rows:
#Q> insert into shop.t(tag) values('a'),(null)
#261127 12:40:06 server id 201  end_log_pos 781 CRC32 0x42348984 	Write_rows: table id 22 flags: STMT_END_F
### INSERT INTO `shop`.`t`
### SET
###   @1=4
###   @2='a\x0ab'
### UPDATE `shop`.`t`
### WHERE
###   @1=5
###   @2=NULL
### SET
###   @1=5
###   @2='c'
### DELETE FROM `shop`.`u`
### WHERE
###   @1=7
# Number of rows: 2
COMMIT/*!*/;
#261127 12:40:07 server id 201  end_log_pos 494 CRC32 0x5cbc0e0e 	GTID 201-201-7 ddl
SET TIMESTAMP=1795747193/*!*/;
create table shop.v(
  id int)
/*!*/;
DELIMITER ;
# End of log file
""".splitlines()
UUID = "ebd4a87a-ea0b-11f1-839c-0242ac110002"
MYSQL = f"""
#261127  2:41:02 server id 201  end_log_pos 1170 CRC32 0x31b7ee49 	GTID	last_committed=4	sequence_number=5
SET @@SESSION.GTID_NEXT= '{UUID}:4'/*!*/;
SET TIMESTAMP=1795747262/*!*/;
/*!80013 SET @@session.sql_require_primary_key=0*//*!*/;
create table shop.t(id int)
/*!*/;
SET @@SESSION.GTID_NEXT= '{UUID}:5'/*!*/;
BEGIN
/*!*/;
### INSERT INTO `shop`.`t`
### SET
###   @1=1
SET @@SESSION.GTID_NEXT= 'AUTOMATIC' /* added by mysqlbinlog */ /*!*/;
DELIMITER ;
""".splitlines()


def changes(lines: list[str], errant: Errant) -> list[Change]:
    return [piece for piece in read(lines, errant) if isinstance(piece, Change)]


def test_rows_and_statements_of_mariadb() -> None:
    found = changes(MARIADB, Errant("201-201-7", "201-201-5,202-202-9"))
    at = "2026-11-27 12:40:06"
    assert found == [
        Change("201-201-6", at, "insert", "shop", "t", {}, {1: "4", 2: r"'a\x0ab'"}),
        Change("201-201-6", at, "update", "shop", "t", {1: "5", 2: "NULL"}, {1: "5", 2: "'c'"}),
        Change("201-201-6", at, "delete", "shop", "u", {1: "7"}, {}),
        Change(
            "201-201-7",
            "2026-11-27 12:40:07",
            "statement",
            statement="create table shop.v(\n  id int)",
        ),
    ]
    assert found[1].told(["id"]) == {
        **{"transaction": "201-201-6", "at": at, "change": "update", "table": "shop.t"},
        **{"before": {"id": "5", "@2": "NULL"}, "after": {"id": "5", "@2": "'c'"}},
    }


def test_rows_and_statements_of_mysql() -> None:
    found = changes(MYSQL, Errant(f"{UUID}:1-5", f"{UUID}:1-3"))
    assert [(one.gtid, one.verb, one.statement) for one in found] == [
        (f"{UUID}:4", "statement", "create table shop.t(id int)"),
        (f"{UUID}:5", "insert", ""),
    ]


def test_all_lines_of_a_transaction_are_kept_and_no_others() -> None:
    lines = [one for one in read(MARIADB, Errant("201-201-6", "201-201-5")) if isinstance(one, str)]
    begin = next(number for number, line in enumerate(MARIADB) if "GTID 201-201-6" in line)
    end = next(number for number, line in enumerate(MARIADB) if "GTID 201-201-7" in line)
    assert lines[: end - begin] == MARIADB[begin:end]


def test_the_last_row_of_a_log_that_ends_in_it() -> None:
    lines = MARIADB[: next(n for n, line in enumerate(MARIADB) if line.startswith("# Number"))]
    assert changes(lines, Errant("201-201-7", "201-201-5"))[-1].verb == "delete"


@pytest.mark.parametrize(
    ("executed", "right", "gtid", "has"),
    [
        ("201-201-7", "201-201-5", "201-201-6", True),
        ("201-201-7", "201-201-5", "201-201-5", False),
        ("201-201-7", "202-202-5", "201-201-1", True),
        ("201-201-7,202-202-5", "201-201-7,202-202-6", "202-202-5", False),
        # Both have used the number.
        ("201-201-7", "201-202-7", "201-201-7", True),
        ("201-201-7", "201-202-7", "201-202-7", False),
        (f"{UUID}:1-5", f"{UUID}:1-3:5", f"{UUID}:4", True),
        (f"{UUID}:1-5", f"{UUID}:1-3:5", f"{UUID}:5", False),
        (f"{UUID}:1-5:tag:1", f"{UUID}:1-5", f"{UUID}:tag:1", True),
    ],
)
def test_which_transactions_are_errant(executed: str, right: str, gtid: str, has: bool) -> None:
    assert Errant(executed, right).has(gtid) is has


@pytest.mark.parametrize(
    ("executed", "right", "start", "before"),
    [
        ("201-201-7", "201-201-5", "201-201-5", False),
        ("201-201-7", "201-201-5", "201-201-6,202-202-4", True),
        ("201-201-7", "201-201-5", "", False),
        (f"{UUID}:1-5", f"{UUID}:1-3", f"{UUID}:1-3", False),
        (f"{UUID}:1-5", f"{UUID}:1-3", f"{UUID}:1-4", True),
    ],
)
def test_which_logs_can_have_them(executed: str, right: str, start: str, before: bool) -> None:
    assert Errant(executed, right).begun_before(start) is before


FORMAT = r"""
# at 4
#261127  2:40:00 server id 201  end_log_pos 256 CRC32 0x5cbc0e0e 	Start: binlog v 4, server v 10.11.18
BINLOG '
AAAA
'/*!*/;
# at 256
""".splitlines()


def test_the_format_of_each_log_is_kept() -> None:
    # Without it nobody can decode the events that are saved as Base64.
    log = [*FORMAT, *MARIADB]
    read_lines = list(read([*log, *log], Errant("201-201-6", "201-201-5")))
    lines = [one for one in read_lines if isinstance(one, str)]
    assert lines[:5] == FORMAT[2:] and lines.count("BINLOG '") == 2
    assert "###   @1=1" not in lines
    twice = [one for one in read_lines if isinstance(one, Change)]
    assert twice[:3] == twice[len(twice) // 2 :][:3] and twice[0].verb == "insert"


def test_what_is_no_utf8_is_shown_and_kept() -> None:
    text = "###   @2='caf\udce9 \u00e9'"
    lines = [text if line.startswith("###   @2='a") else line for line in MARIADB]
    found = list(read(lines, Errant("201-201-6", "201-201-5")))
    assert text in found
    change = next(one for one in found if isinstance(one, Change))
    assert change.told(["id", "tag"])["after"]["tag"] == "'caf\\xe9 \u00e9'"
    change.told([])["after"]["@2"].encode()
    statement = Change("201-201-6", "", "statement", statement="drop table caf\udce9")
    assert statement.told([])["statement"] == "drop table caf\\xe9"
