"""What the roles have brought, and that nothing else on any host was touched."""

from __future__ import annotations

import functools
import re

import pytest
from existing.looks import HOSTS, KINDS, ask, changes, sql
from lab.servers import FOLDER, wait_until

ACCOUNTS = "application|monitor|maintenance"
COMMON = [
    rf"account\t({ACCOUNTS})\t10\.%\t.*",
    rf"grant\t'({ACCOUNTS})'@'10\.%'\t.*",
    r"table\tusage_data\tcalls\t.*",
]
WRITE = [
    *COMMON,
    r"file /etc/shopdb/conf\.d/95-autoinc\.cnf .*",
    r"account\treplication_db3\t10\.%\t.*",
    r"grant\t'replication_db3'@'10\.%'\tREPLICATION SLAVE\tNO",
    r"variable\tAUTO_INCREMENT_INCREMENT\t20",
]
# Lines that come to a host, and lines that go.
COME = {
    "db1": WRITE,
    "db2": [*WRITE, r"variable\tAUTO_INCREMENT_OFFSET\t2"],
    "db3": [*COMMON, r"file /etc/shopdb/conf\.d/96-filters\.cnf .*", r"channel\tdb[12]"],
    "db4": [],
}
GO = {
    "db1": {"variable\tAUTO_INCREMENT_INCREMENT\t1"},
    "db2": {"variable\tAUTO_INCREMENT_INCREMENT\t1", "variable\tAUTO_INCREMENT_OFFSET\t1"},
    "db3": set(),
    "db4": set(),
}
BOTH = {"mysql_usage_table", "mysql_account"}
RAN = {
    "db1": {*BOTH, "mysql_autoinc_offset"},
    "db2": {*BOTH, "mysql_autoinc_offset"},
    "db3": {*BOTH, "mysql_server_info", "mysql_month_partition", "mysql_replication_channel"},
    "db4": set(),
}
SCHEMA = {"db1": "shop", "db2": "shop", "db3": "reports", "db4": "shop"}

changes_of = functools.cache(changes)
each_host = pytest.mark.parametrize("host", HOSTS)


@each_host
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_was_touched(host: str, kind: str) -> None:
    gone, come = ({line for line in lines if line.split()[0] == kind} for lines in changes_of(host))
    assert gone == {line for line in GO[host] if line.split()[0] == kind}
    ours = re.compile("|".join(COME[host]) or "nothing")
    assert [line for line in come if not ours.fullmatch(line)] == []


@each_host
def test_no_other_module_ran_there(host: str) -> None:
    since = int((FOLDER / f"before-{host}").stat().st_mtime)
    journal = ask(host, f"journalctl --no-pager --since=@{since}")
    assert set(re.findall(r" ansible-(\S+)\[\d+\]: Invoked", journal)) == {
        f"dbrw.sharding.{name}" for name in RAN[host]
    }


@each_host
def test_the_shop_goes_on_in_the_session_that_it_had(host: str) -> None:
    asked = f"SELECT COUNT(*), COUNT(DISTINCT session) FROM {SCHEMA[host]}.orders WHERE session > 0"
    ((before, _sessions),) = sql(host, asked)
    wait_until(lambda: int(sql(host, asked)[0][0]) > int(before), 10, "the shop does not write")
    assert sql(host, asked)[0][1] == "1"


@each_host
def test_the_binary_log_holds_what_was_written_and_no_more(host: str) -> None:
    orders = f"SELECT COUNT(*) FROM {SCHEMA[host]}.orders WHERE session > 0"
    ((log, *_rest),) = sql(host, "SHOW BINLOG STATUS")
    ((at_least,),) = sql(host, orders)
    events = sql(host, f"SHOW BINLOG EVENTS IN '{log}'")
    ((at_most,),) = sql(host, orders)

    # The table of a row's event is told by the event before it.
    written = [
        before[5] for before, event in zip(events, events[1:]) if event[2].startswith("Write_rows")
    ]
    shops = [table for table in written if f"({SCHEMA[host]}.orders)" in table]
    assert int(at_least) <= len(shops) <= int(at_most)
    # The other rows are those of these tests; Query would be a statement.
    kinds = {"Format_desc", "Gtid_list", "Binlog_checkpoint", "Gtid", "Annotate_rows", "Table_map"}
    rows = {"Write_rows_v1", "Update_rows_v1", "Xid"}
    assert {event[2] for event in events} <= kinds | rows
    others = {table for table in written if table not in shops}
    assert {re.sub(r".*\((.*)\)", r"\1", table) for table in others} <= {"usage_data.calls"}
