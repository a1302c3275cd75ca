"""mysql_autoinc_offset on real servers."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import running
from tests.integration.lines import TestServer, Topology

MODULE = "mysql_autoinc_offset"


def test_one_rhythm(server: TestServer, run_module: Any, pair: dict[str, Any]) -> None:
    predicted = run_module(MODULE, server, check=True, **pair)
    assert predicted["changed"] and running(server) == (1, 1)

    done = run_module(MODULE, server, **pair)
    assert done["changed"] and running(server) == (20, 1)
    assert done["statements"] == predicted["statements"] != []
    assert done["diff"] == predicted["diff"]
    assert done["autoinc"] == {"increment": 20, "offset": 1, "residue": 1}

    again = run_module(MODULE, server, **pair)
    assert not again["changed"] and again["statements"] == []

    other = {**pair, "offset": 20}
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **other)
        assert refused["failed"] and "may only be multiplied (20 to 40, say)" in refused["msg"]
        assert "an offset that is 1 modulo 20" in refused["msg"]
        assert running(server) == (20, 1) and not refused["changed"]
    changed = run_module(MODULE, server, **other, force=True)
    assert changed["changed"] and running(server) == (20, 20)
    assert changed["autoinc"]["residue"] == 0


def test_persists(server: TestServer, run_module: Any, pair: dict[str, Any]) -> None:
    run_module(MODULE, server, **pair)
    # Someone changes the running values: the next start would still be right.
    server.rows("SET GLOBAL auto_increment_increment = 7")
    again = run_module(MODULE, server, **pair)
    assert again["changed"] and running(server) == (20, 1)
    if server.flavour == "mysql":
        server.rows("RESET PERSIST auto_increment_offset")
    else:
        Path(pair["persist_file"]).write_text("")
    lost = run_module(MODULE, server, **pair)
    assert lost["changed"] and running(server) == (20, 1)
    assert not run_module(MODULE, server, **pair)["changed"]


def test_mariadb_needs_a_file(server: TestServer, run_module: Any) -> None:
    result = run_module(MODULE, server, check=True, increment=20, offset=1)
    nowhere = {"increment": 20, "offset": 1, "persist_file": "/nowhere/autoinc.cnf"}
    homeless = run_module(MODULE, server, check=True, **nowhere)
    if server.flavour == "mysql":
        assert result["changed"] and homeless["changed"]
    else:
        assert result["failed"] and "name a configuration file in persist_file" in result["msg"]
        assert (
            homeless["failed"]
            and "persist_file: the folder /nowhere does not exist" in homeless["msg"]
        )


@pytest.mark.flavour("mariadb")
def test_the_server_can_read_the_file(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    """A server passes over an option file that it cannot read, and numbers from 1 by 1."""
    file = Path(pair["persist_file"])
    assert run_module(MODULE, server, umask=0o077, **pair)["changed"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    # Somebody's own mode is left.
    file.chmod(0o640)
    assert run_module(MODULE, server, **{**pair, "increment": 40})["changed"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.flavour("mariadb")
def test_a_file_of_somebody_else_is_refused(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    file = Path(pair["persist_file"])
    file.write_text("[mysqld]\ndatadir = /srv/mysql\n")
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **pair)
        assert refused["failed"] and running(server) == (1, 1), refused
        assert refused["msg"] == (
            f"persist_file {file} was not written by this module, which would overwrite its "
            "content; name a file for this module alone, in a folder that the server includes."
        )
    assert file.read_text() == "[mysqld]\ndatadir = /srv/mysql\n"


def test_only_multiplies(server: TestServer, run_module: Any, pair: dict[str, Any]) -> None:
    def told(increment: int, offset: int, **more: Any) -> Any:
        options = {**pair, "increment": increment, "offset": offset, **more}
        return run_module(MODULE, server, check=True, **options)

    run_module(MODULE, server, **{**pair, "increment": 3, "offset": 2})
    for new in ((4, 2), (6, 1), (1, 1)):
        refused = told(*new)
        assert refused["failed"] and "has increment 3 and offset 2" in refused["msg"], new
        assert "an offset that is 2 modulo 3" in refused["problems"][0]
    assert told(4, 2, force=True)["changed"]
    assert running(server) == (3, 2)
    done = run_module(MODULE, server, **{**pair, "increment": 6, "offset": 5})
    assert done["changed"] and running(server) == (6, 5)

    # A pair that no server keeps: what it has numbered is anyone's guess.
    server.rows("SET GLOBAL auto_increment_offset = 7")
    if server.flavour == "mysql":
        server.rows("RESET PERSIST auto_increment_offset")
    else:
        Path(pair["persist_file"]).unlink()
    broken = told(12, 5)
    assert broken["failed"] and "which is not valid" in broken["msg"]
    assert told(12, 5, force=True)["changed"]


def test_a_pair_that_has_drifted_is_put_back(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    run_module(MODULE, server, **pair)
    server.rows("SET GLOBAL auto_increment_increment = 7, GLOBAL auto_increment_offset = 3")
    # What it was given counts, not what someone has made of it.
    other = run_module(MODULE, server, **{**pair, "increment": 7, "offset": 3})
    assert other["failed"] and "has increment 20 and offset 1" in other["msg"]
    assert run_module(MODULE, server, **pair)["changed"] and running(server) == (20, 1)


def test_the_articles_numbers(
    server: TestServer, run_module: Any, pair: dict[str, Any], schema: str
) -> None:
    for offset, ids in ((1, [1, 21, 41, 61, 81]), (2, [2, 22, 42, 62, 82])):
        run_module(MODULE, server, **{**pair, "offset": offset}, force=True)
        table = f"{schema}.calls_{offset}"
        server.rows(f"CREATE TABLE {table} (id BIGINT PRIMARY KEY AUTO_INCREMENT, what CHAR(4))")
        with server.admin() as connection, connection.cursor() as cursor:
            for _number in ids:
                cursor.execute(f"INSERT INTO {table} (what) VALUES ('call')")
        assert [row["id"] for row in server.rows(f"SELECT id FROM {table} ORDER BY id")] == ids
    assert (41 % 20, 62 % 20) == (1, 2)
    assert server.value(f"SELECT id MOD 20 FROM {schema}.calls_1 WHERE id = 41") == 1
    assert server.value(f"SELECT id MOD 20 FROM {schema}.calls_2 WHERE id = 62") == 2


@pytest.mark.lines("every")
def test_settings_that_lose_rows_are_refused_where_asked(
    bare: Topology, server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    checked = {**pair, "check_settings": True}
    server.rows("SET GLOBAL binlog_row_image = 'MINIMAL', GLOBAL sync_binlog = 0")
    try:
        for check in (True, False):
            refused = run_module(MODULE, server, check=check, **checked)
            (problem,) = refused["problems"]
            assert refused["failed"] and "binlog_row_image is MINIMAL and must be FULL" in problem
            assert running(server) == (1, 1) and not refused["changed"]
            assert [one["code"] for one in refused["findings"]] == ["settings.binlog_row_image"]
        assert run_module(MODULE, server, check=True, **pair)["changed"]
        server.rows("SET GLOBAL binlog_row_image = 'FULL'")
        risky = run_module(MODULE, server, **checked)
        # The other warning is about the sessions that were open.
        assert "sync_binlog is 0 and must be 1, or else" in str(risky["warnings"]), risky
    finally:
        server.rows("SET GLOBAL binlog_row_image = 'FULL', GLOBAL sync_binlog = 1")
    assert running(server) == (20, 1)
    told = run_module(MODULE, server, **checked, require_tls=True)
    if bare.host.line.name == "mariadb-10.11":
        assert told["failed"] and told["problems"][0].startswith("have_ssl is DISABLED")
    else:
        assert "failed" not in told and "must be" not in str(told["warnings"]), told
