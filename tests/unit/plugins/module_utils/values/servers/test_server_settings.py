"""Which settings of a server are refused, and which are only told."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import Session
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    RULES,
    SET_RULES,
    Following,
    judge,
    judge_channels,
    needed_variables,
    session_risks,
)

MARIADB = {
    "server_id": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "slave_ddl_exec_mode": "STRICT",
    "slave_exec_mode": "STRICT",
    "slave_skip_errors": "OFF",
    "slave_type_conversions": "",
    "replicate_events_marked_for_skip": "REPLICATE",
    "gtid_ignore_duplicates": "OFF",
    "init_connect": "SET NAMES utf8mb4",
    "sync_binlog": "1",
    "innodb_flush_log_at_trx_commit": "1",
    "relay_log_recovery": "ON",
    "read_only": "ON",
}
MYSQL = {
    **{name: value for name, value in MARIADB.items() if not name.startswith("slave_")},
    "gtid_mode": "ON",
    "replica_exec_mode": "STRICT",
    "replica_skip_errors": "OFF",
    "replica_type_conversions": "ALL_NON_LOSSY,ALL_SIGNED",
    "skip_replica_start": "OFF",
    "replica_parallel_workers": "4",
    "replica_preserve_commit_order": "ON",
    "binlog_error_action": "ABORT_SERVER",
    "binlog_do_db": "",
    "binlog_ignore_db": "",
    "init_connect": "",
}


@pytest.mark.parametrize("variables", [MARIADB, MYSQL])
@pytest.mark.parametrize("kind", [WRITE_SERVER, READ_SERVER])
def test_right_settings_pass(kind: str, variables: dict[str, str]) -> None:
    verdict = judge(kind, variables)
    assert verdict.problems == verdict.risks == ()


@pytest.mark.parametrize(
    ("kind", "variable", "value", "vital", "harm"),
    [
        (WRITE_SERVER, "server_id", "0", True, ""),
        (WRITE_SERVER, "log_bin", "OFF", True, "read servers have nothing to replicate"),
        (WRITE_SERVER, "binlog_format", "MIXED", True, "a statement can have another effect"),
        (WRITE_SERVER, "binlog_row_image", "MINIMAL", True, "an UPDATE stops the read servers'"),
        (WRITE_SERVER, "sync_binlog", "0", False, "rows that the write server has lost"),
        (
            WRITE_SERVER,
            "innodb_flush_log_at_trx_commit",
            "2",
            False,
            "acknowledged rows may be lost in a power failure",
        ),
        (READ_SERVER, "server_id", "0", True, ""),
        (READ_SERVER, "slave_ddl_exec_mode", "IDEMPOTENT", True, "empties the merged table"),
        (READ_SERVER, "slave_exec_mode", "IDEMPOTENT", True, "overwrites it silently"),
        (READ_SERVER, "gtid_mode", "OFF_PERMISSIVE", True, "cannot find their place by GTID"),
        (READ_SERVER, "slave_skip_errors", "1032,1062", True, "rows that cannot be applied"),
        (
            READ_SERVER,
            "replicate_events_marked_for_skip",
            "FILTER_ON_REPLICA",
            True,
            "rows of a session that sets skip_replication",
        ),
        (READ_SERVER, "gtid_ignore_duplicates", "ON", False, "share a GTID domain are left out"),
        (READ_SERVER, "skip_slave_start", "ON", False, "stay stopped after a restart"),
        (WRITE_SERVER, "binlog_error_action", "IGNORE_ERROR", False, "goes on without it"),
        (
            READ_SERVER,
            "relay_log_recovery",
            "OFF",
            False,
            "is damaged by a crash stops its channel",
        ),
        (READ_SERVER, "read_only", "OFF", False, "rows that exist on this server only"),
    ],
)
def test_each_rule(kind: str, variable: str, value: str, vital: bool, harm: str) -> None:
    verdict = judge(kind, {**MARIADB, variable: value})
    told = verdict.problems if vital else verdict.risks
    assert len(verdict.problems) + len(verdict.risks) == 1
    assert variable in told[0] and harm in told[0]
    (finding,) = verdict.findings
    assert finding.severity == ("critical" if vital else "warning")
    # MariaDB's name of a setting is no other code than MySQL's.
    only_mariadb = variable == "slave_ddl_exec_mode"
    word = variable if only_mariadb else variable.replace("slave_", "replica_")
    assert finding.code == f"settings.{word}"
    assert variable == "server_id" or f"{variable} is {value} and must be" in told[0]


def test_a_writers_binary_log_is_not_asked_of_a_reader() -> None:
    assert (
        judge(READ_SERVER, {**MARIADB, "log_bin": "OFF", "binlog_format": "MIXED"}).problems == ()
    )


@pytest.mark.parametrize("kind", [WRITE_SERVER, READ_SERVER])
def test_accounts_that_demand_tls_need_a_certificate(kind: str) -> None:
    without = {**MARIADB, "have_ssl": "DISABLED"}
    (problem,) = judge(kind, without, require_tls=True).problems
    assert problem.startswith("have_ssl is DISABLED: the server has no certificate")
    assert judge(kind, without).problems == ()
    for variables in (MYSQL, {**MARIADB, "have_ssl": "YES"}, {**MYSQL, "have_ssl": None}):
        assert judge(kind, variables, require_tls=True).problems == ()


def test_every_variable_of_a_rule_is_read_once() -> None:
    besides = {
        *("server_id", "have_ssl", "lower_case_table_names"),
        *("slave_parallel_threads", "slave_parallel_mode"),
        *("auto_increment_increment", "auto_increment_offset"),
    }
    rules = (*RULES, *SET_RULES)
    assert set(needed_variables()) == besides | {n for rule in rules for n in rule.read}
    assert len(needed_variables()) == len(set(needed_variables()))
    assert {"replica_parallel_workers", "replica_preserve_commit_order"} <= set(needed_variables())


@pytest.mark.parametrize(
    ("kind", "variable", "value", "words", "harm"),
    [
        (
            READ_SERVER,
            "slave_type_conversions",
            "ALL_NON_LOSSY,ALL_LOSSY",
            "ALL_LOSSY",
            "are cut to what it can",
        ),
        (
            WRITE_SERVER,
            "init_connect",
            "set @@session.SQL_LOG_BIN=0, auto_increment_increment = 1",
            "auto_increment_, sql_log_bin",
            "numbered or logged differently",
        ),
    ],
)
def test_a_word_that_may_not_be_in_a_setting(
    kind: str, variable: str, value: str, words: str, harm: str
) -> None:
    (problem,) = judge(kind, {**MARIADB, variable: value}).problems
    assert problem.startswith(f"{variable} is {value} and must not contain {words}, or else ")
    assert harm in problem


def test_a_setting_that_does_no_harm_beside_another() -> None:
    unordered = {**MYSQL, "replica_preserve_commit_order": "OFF"}
    (risk,) = judge(READ_SERVER, unordered).risks
    assert risk.startswith("replica_preserve_commit_order is OFF and must be ON, or else rows")
    for workers in ("0", "1"):
        assert judge(READ_SERVER, {**unordered, "replica_parallel_workers": workers}).risks == ()


@pytest.mark.parametrize(
    ("filters", "schemas", "lost"),
    [
        (("shop", ""), ["usage_data"], ["usage_data"]),
        (("shop, usage_data", ""), ["usage_data"], []),
        (("shop", ""), ["usage_data", "shop", "more"], ["more, usage_data"]),
        (("Usage_Data", ""), ["usage_data"], ["usage_data"]),
        (("", "usage_data,mysql"), ["usage_data"], ["usage_data"]),
        (("", "shop"), ["usage_data"], []),
        # A log with both goes by the first.
        (("usage_data", "usage_data"), ["usage_data"], []),
        # Nobody knows which schemas count.
        (("shop", ""), [], ["other schemas"]),
        (("", "shop"), [], ["shop"]),
        (("", "mysql,performance_schema"), [], []),
    ],
)
def test_a_log_that_leaves_out_schemas(
    filters: tuple[str, str], schemas: list[str], lost: list[str]
) -> None:
    variables = {**MARIADB, "binlog_do_db": filters[0], "binlog_ignore_db": filters[1]}
    told = judge(WRITE_SERVER, variables, schemas=schemas).problems
    assert [one.split("the rows of ")[1].split(", which")[0] for one in told] == lost
    assert all(("name the schemas" in one) == (not schemas) for one in told)
    # What a read server logs is nobody's business.
    assert judge(READ_SERVER, variables, schemas=schemas).problems == ()


def test_names_in_a_filter_are_compared_as_the_server_compares_them() -> None:
    variables = {**MARIADB, "binlog_do_db": "Usage_Data", "lower_case_table_names": "1"}
    assert judge(WRITE_SERVER, variables, schemas=["usage_data"]).problems == ()


def test_a_log_that_is_off_although_it_is_configured() -> None:
    (problem,) = judge(WRITE_SERVER, {**MYSQL, "binary_log": "OFF"}).problems
    assert problem.startswith("The server has turned its binary log off after an error")
    for variables in ({**MYSQL, "binary_log": "ON"}, {**MYSQL, "binary_log": None}):
        assert judge(WRITE_SERVER, variables).problems == ()
    assert judge(READ_SERVER, {**MYSQL, "binary_log": "OFF"}).problems == ()


def test_a_channel_that_will_leave_something_out() -> None:
    channels = [Following("w1", 0, frozenset({1})), Following("w2", 1, frozenset())]
    verdict = judge_channels(channels, {})
    (problem,) = verdict.problems
    assert problem.startswith("channel w2: sql_slave_skip_counter is 1")
    assert verdict.risks == ()


def test_a_source_of_two_domains_that_are_applied_side_by_side() -> None:
    channels = [Following("w1", 0, frozenset({1, 9})), Following("w2", 0, frozenset({2}))]
    parallel = {"slave_parallel_threads": "4", "slave_parallel_mode": "optimistic"}
    verdict = judge_channels(channels, parallel)
    (risk,) = verdict.risks
    assert risk.startswith("channel w1: slave_parallel_threads is 4, and its source has written")
    assert "domains 1, 9" in risk and verdict.problems == ()
    for one_by_one in ({"slave_parallel_threads": "0"}, {"slave_parallel_mode": "none"}):
        assert judge_channels(channels, {**parallel, **one_by_one}).risks == ()
    assert judge_channels(channels, {}).risks == ()


def test_sessions_that_log_otherwise() -> None:
    one, two, three = (Session(number, "app", "10.1.0.7", 5) for number in (47, 48, 49))
    told = session_risks(
        [
            (one, "binlog_format", "STATEMENT"),
            (two, "binlog_row_image", "MINIMAL"),
            (one, "sql_log_bin", "OFF"),
            (three, "sql_log_bin", "OFF"),
            (three, "sql_log_bin", "ON"),
        ]
    )
    assert [str(risk).split(", or else", maxsplit=1)[0] for risk in told] == [
        "binlog_format is STATEMENT and must be ROW in sessions 47 (app@10.1.0.7)",
        "binlog_row_image is MINIMAL and must be FULL in sessions 48 (app@10.1.0.7)",
        "sql_log_bin is OFF and must be ON in sessions 47 (app@10.1.0.7), 49 (app@10.1.0.7)",
    ]
    assert "reaches no read server" in str(told[-1])


MEMBER_OF_MARIADB = {
    **MARIADB,
    "log_slave_updates": "ON",
    "gtid_strict_mode": "ON",
    "sync_relay_log": "1",
    "slave_parallel_threads": "4",
    "slave_parallel_mode": "minimal",
    "rpl_semi_sync_master_wait_point": "AFTER_SYNC",
    "auto_increment_increment": "8",
    "auto_increment_offset": "2",
}
MEMBER_OF_MYSQL = {
    **MYSQL,
    "log_replica_updates": "ON",
    "sync_relay_log": "1",
    "skip_replica_start": "ON",
    "rpl_semi_sync_source_wait_point": "AFTER_SYNC",
    "auto_increment_increment": "8",
    "auto_increment_offset": "2",
}


@pytest.mark.parametrize("variables", [MEMBER_OF_MARIADB, MEMBER_OF_MYSQL])
def test_a_member_of_a_set_passes(variables: dict[str, str]) -> None:
    assert judge(SET_MEMBER, variables).findings == ()


@pytest.mark.parametrize(
    ("variable", "value", "harm"),
    [
        ("log_bin", "OFF", "have nothing to follow"),
        ("binlog_format", "MIXED", "means something else on another member"),
        ("binlog_row_image", "MINIMAL", "only a lost writer has cannot be shown"),
        ("log_slave_updates", "OFF", "never get what it has from the former writer"),
        ("gtid_strict_mode", "OFF", "is not noticed until its rows have parted"),
        ("sync_binlog", "0", "other members have rows that this one has lost"),
        ("innodb_flush_log_at_trx_commit", "2", "lost in a power failure"),
        ("sync_relay_log", "10000", "may be lost in a power failure"),
        ("skip_replica_start", "OFF", "follows whoever it knew last"),
        ("slave_exec_mode", "IDEMPOTENT", "overwritten silently"),
        ("slave_ddl_exec_mode", "IDEMPOTENT", "replaces a table that is there"),
        ("slave_skip_errors", "1062", "are left out while its channel stays green"),
        ("slave_parallel_mode", "optimistic", "applied side by side and out of order"),
        ("rpl_semi_sync_master_wait_point", "AFTER_COMMIT", "rows that a failover loses"),
        ("auto_increment_increment", "1", "two members give the same id after a failover"),
        ("auto_increment_offset", "9", "two members give the same id after a failover"),
    ],
)
def test_each_rule_of_a_member(variable: str, value: str, harm: str) -> None:
    (finding,) = judge(SET_MEMBER, {**MEMBER_OF_MARIADB, variable: value}).findings
    assert finding.severity == "critical"
    assert variable in str(finding) and harm in str(finding)


def test_a_member_that_applies_one_by_one_may_have_any_mode() -> None:
    one = {"slave_parallel_mode": "optimistic", "slave_parallel_threads": "1"}
    assert judge(SET_MEMBER, {**MEMBER_OF_MARIADB, **one}).findings == ()


def test_a_member_without_semi_synchronous_replication() -> None:
    without = {**MEMBER_OF_MYSQL, "rpl_semi_sync_source_wait_point": None}
    (finding,) = judge(SET_MEMBER, without).findings
    assert (finding.code, finding.severity) == ("settings.semi_sync", "warning")


def test_a_member_whose_binary_log_is_off() -> None:
    (finding,) = judge(SET_MEMBER, {**MEMBER_OF_MYSQL, "binary_log": "OFF"}).findings
    assert "no other member ever gets what was written" in finding.text
