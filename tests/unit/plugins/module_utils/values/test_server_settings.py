"""Which settings of a server are refused, and which are only told."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.server_settings import (
    READ_SERVER,
    RULES,
    WRITE_SERVER,
    judge,
    needed_variables,
)

MARIADB = {
    "server_id": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
    "slave_ddl_exec_mode": "STRICT",
    "slave_exec_mode": "STRICT",
    "sync_binlog": "1",
    "innodb_flush_log_at_trx_commit": "1",
    "relay_log_recovery": "ON",
    "read_only": "ON",
}
MYSQL = {
    **{name: value for name, value in MARIADB.items() if not name.startswith("slave_")},
    "gtid_mode": "ON",
    "replica_exec_mode": "STRICT",
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
        (WRITE_SERVER, "log_bin", "OFF", True, "read servers have nothing to follow"),
        (WRITE_SERVER, "binlog_format", "MIXED", True, "a statement means something else"),
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
        (READ_SERVER, "relay_log_recovery", "OFF", False, "a crash has torn stops its channel"),
        (READ_SERVER, "read_only", "OFF", False, "rows that are on this server alone"),
    ],
)
def test_each_rule(kind: str, variable: str, value: str, vital: bool, harm: str) -> None:
    verdict = judge(kind, {**MARIADB, variable: value})
    told = verdict.problems if vital else verdict.risks
    assert len(verdict.problems) + len(verdict.risks) == 1
    assert variable in told[0] and harm in told[0]
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


def test_every_variable_of_a_rule_is_read() -> None:
    besides = {"server_id", "have_ssl"}
    assert set(needed_variables()) == besides | {n for rule in RULES for n in rule.variables}
