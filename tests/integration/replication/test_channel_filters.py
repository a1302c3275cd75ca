"""Filters of channels on real servers: applied, kept over a restart, and gone when removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from tests.integration.conftest import forget_binary_logs, outside_binary_log, restart
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module
from tests.support.replication import (
    PASSWORD,
    control,
    make_account,
    status,
    threads,
)

pytestmark = pytest.mark.lines("one")

MODULE, INFO = "mysql_replication_channel", "mysql_replication_channel_info"
SCHEMAS = ("filter_a", "filter_b", "filter_c")
NONE: dict[str, list[Any]] = {
    "do_databases": [],
    "ignore_databases": [],
    "do_tables": [],
    "ignore_tables": [],
    "wild_do_tables": [],
    "wild_ignore_tables": [],
    "rewrite_databases": [],
}


@pytest.fixture(scope="module")
def sources(bare: Topology) -> Iterator[list[TestServer]]:
    """Two sources and the replica, with two tables in each of three schemas."""
    servers = [bare.server(name) for name in ("w1", "w2", "r1")]
    for server in servers:
        outside_binary_log(
            server,
            *(f"CREATE SCHEMA {schema}" for schema in SCHEMAS),
            *(
                f"CREATE TABLE {schema}.{table} (id INT PRIMARY KEY)"
                for schema in SCHEMAS
                for table in ("t_1", "tx1")
            ),
        )
    for server in servers[:2]:
        make_account(server, "follower")
    forget_binary_logs(*servers)
    yield servers[:2]
    for server in servers:
        outside_binary_log(server, *(f"DROP SCHEMA {schema}" for schema in SCHEMAS))
    for server in servers[:2]:
        outside_binary_log(server, "DROP USER follower")


@pytest.fixture
def options(bare: Topology, sources: list[TestServer]) -> Iterator[dict[str, Any]]:
    """Options of channels to both sources; neither is there before and afterwards."""
    file = bare.server("r1").work_dir / "conf.d" / "filters.cnf"
    yield {
        "state": "started",
        "source_user": "follower",
        "source_password": PASSWORD,
        "wait": True,
        "filters_file": str(file),
        "channels": [
            {"channel": source.name, "source_host": source.address, "source_port": source.port}
            for source in sources
        ],
    }
    gone = [{"channel": source.name, "state": "absent"} for source in sources]
    done = run_module(MODULE, bare.server("r1"), channels=gone, filters_file=str(file))
    assert "failed" not in done, done
    file.unlink(missing_ok=True)


def filters(replica: TestServer) -> dict[str, Any]:
    return {one["channel"]: one["filters"] for one in run_module(INFO, replica)["channels"]}


def rows(replica: TestServer) -> set[str]:
    """Return schema.table:id of every row, and empty the tables."""
    found = set()
    for schema in SCHEMAS:
        for table in ("t_1", "tx1"):
            for row in replica.rows(f"SELECT id FROM {schema}.{table}"):
                found.add(f"{schema}.{table}:{row['id']}")
            outside_binary_log(replica, f"DELETE FROM {schema}.{table}")
    return found


def write(source: TestServer, number: int) -> None:
    """Write a row into each table of a source."""
    for schema in SCHEMAS:
        for table in ("t_1", "tx1"):
            source.rows(f"INSERT INTO {schema}.{table} VALUES (%s)", number)


def with_filters(options: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any]:
    """Return options of which the first channel has filters and the second none."""
    first, second = options["channels"]
    return {**options, "channels": [{**first, "filters": given}, second]}


def test_one_rhythm(bare: Topology, sources: list[TestServer], options: dict[str, Any]) -> None:
    replica, file = bare.server("r1"), Path(options["filters_file"])
    run_module(MODULE, replica, **options)
    assert filters(replica) == {"w1": NONE, "w2": NONE}
    given = {
        "do_databases": ["filter_b", "filter_a"],
        "ignore_tables": ["filter_a.tx1"],
        # A table t_1 and no tx1: the underscore is meant as it stands.
        "wild_ignore_tables": [r"filter\_b.t\_1"],
    }
    wanted = with_filters(options, given)

    # The appliers run all the while.
    before = threads(replica)
    predicted = run_module(MODULE, replica, check=True, **wanted)
    assert predicted["changed"] and not file.exists()
    assert filters(replica)["w1"] == NONE and threads(replica) == before

    done = run_module(MODULE, replica, **wanted)
    assert done["changed"] and "failed" not in done, done
    assert done["statements"] == predicted["statements"] and done["diff"] == predicted["diff"]
    assert all("w1" in statement for statement in done["statements"]), done["statements"]
    shown = {**NONE, **given, "do_databases": ["filter_a", "filter_b"]}
    assert filters(replica) == {"w1": shown, "w2": NONE}
    assert status(replica, "w1")["replicate_ignore_table"] == "filter_a.tx1"
    write(sources[0], 1)
    write(sources[1], 2)
    again = run_module(MODULE, replica, **wanted)
    assert not again["changed"] and again["statements"] == [], again
    everything = {f"{schema}.{table}:2" for schema in SCHEMAS for table in ("t_1", "tx1")}
    assert rows(replica) == {"filter_a.t_1:1", "filter_b.tx1:1", *everything}

    # Another channel's filters, by a call that names only that one: the first keeps its own.
    second = {**options, "channels": [options["channels"][1]]}
    only = {**second, "filters": {"do_tables": ["filter_c.t_1"], "ignore_databases": ["filter_a"]}}
    one = run_module(MODULE, replica, **only)
    assert one["changed"], one
    write(sources[1], 3)
    assert not run_module(MODULE, replica, **only)["changed"]
    assert rows(replica) == {"filter_c.t_1:3"}
    assert all("w1" not in statement for statement in one["statements"])
    assert filters(replica)["w1"] == shown
    text = file.read_text()
    assert "# channel w1\n" in text and "# channel w2\n" in text
    # A running filter that the file has lost, or the other way round, is put right.
    file.unlink()
    healed = run_module(MODULE, replica, **with_filters(options, given))
    assert healed["changed"] and healed["statements"] == [], healed


# Two at a time, one for each channel. The last two are spelled in another case.
RULES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "do_databases": ["filter_a"],
            "ignore_databases": ["filter_a"],
            "wild_ignore_tables": [r"%.t\_1"],
        },
        {
            "ignore_databases": ["filter_c", "FILTER_A"],
            "do_tables": ["filter_a.t_1", "filter_c.t_1"],
            "ignore_tables": ["filter_a.t_1", "filter_b.tx1"],
            "wild_do_tables": ["filter_b.%"],
        },
    ),
    (
        {
            "ignore_tables": ["filter_a.t_1"],
            "wild_do_tables": [r"filter\_a.t%", "%c.t_1"],
            "wild_ignore_tables": ["filter_a.tx1", "filter_b.%"],
        },
        {"wild_ignore_tables": ["%a.t_1", r"filter\_b.t\_1"]},
    ),
    (
        {"ignore_tables": ["FILTER_A.t_1"], "wild_ignore_tables": ["FILTER_B.%"]},
        {"do_tables": ["FILTER_A.t_1"], "wild_do_tables": ["FILTER_B.%"]},
    ),
]


def test_what_filters_keep_out_is_known_beforehand(
    bare: Topology, sources: list[TestServer], options: dict[str, Any]
) -> None:
    replica, number = bare.server("r1"), 100
    tables = {f"{schema}.{table}" for schema in SCHEMAS for table in ("t_1", "tx1")}
    for rules in RULES:
        channels = [
            {**channel, "filters": given}
            for channel, given in zip(options["channels"], rules, strict=True)
        ]
        done = run_module(MODULE, replica, **{**options, "channels": channels})
        assert "failed" not in done, done
        for source in sources:
            number += 1
            write(source, number)
        assert not run_module(MODULE, replica, **{**options, "channels": channels})["changed"]
        applied: list[set[str]] = [set(), set()]
        for found in rows(replica):
            table, _colon, row = found.partition(":")
            applied[int(row) % 2 == 0].add(table)
        through = [
            {table for table in tables if not Filters.of(given).kind_against(table)}
            for given in rules
        ]
        if rules is not RULES[-1]:
            assert applied == through
    # The flavours differ in upper and lower case; what either may keep out is.
    kept_out, let_through = {"filter_a.t_1", "filter_b.t_1", "filter_b.tx1"}, tables
    assert through == [tables - kept_out, set()]
    if replica.flavour == "mariadb":
        let_through = tables - kept_out
    assert applied == [let_through, tables - let_through]


def test_a_rewrite_gives_rows_another_place(
    bare: Topology, sources: list[TestServer], options: dict[str, Any]
) -> None:
    replica = bare.server("r1")
    given = {
        "rewrite_databases": [
            {"from": "filter_a", "to": "filter_b"},
            {"from": "filter_c", "to": "filter_c"},
        ]
    }
    wanted = with_filters(options, given)
    run_module(MODULE, replica, **wanted)
    for schema in ("filter_a", "filter_c"):
        sources[0].rows(f"INSERT INTO {schema}.t_1 VALUES (201)")
    run_module(MODULE, replica, **wanted)
    assert rows(replica) == {"filter_b.t_1:201", "filter_c.t_1:201"}
    refused = run_module(
        MODULE, replica, **wanted, required_tables=["filter_c.t_1", "filter_a.t_1"]
    )
    assert refused["failed"] and "rewrite_databases excludes filter_a.t_1" in refused["msg"]
    assert "filter_c" not in refused["msg"]


def test_required_tables(bare: Topology, options: dict[str, Any]) -> None:
    replica, file = bare.server("r1"), Path(options["filters_file"])
    given = {"do_databases": ["filter_a"]}
    required = {"required_tables": ["filter_a.t_1", "filter_b.t_1"]}
    filtered = {**options, "filters": given}
    refused = run_module(MODULE, replica, **filtered, **required)
    assert refused["failed"] and not refused["changed"], refused
    assert "filters of w1, w2: do_databases excludes filter_b.t_1" in refused["msg"]
    assert "filter_a" not in refused["msg"]
    assert run_module(INFO, replica)["channels"] == [] and not file.exists()
    # Those that are there already, whoever made them, when a table is new.
    assert run_module(MODULE, replica, **filtered)["changed"]
    late = run_module(MODULE, replica, **options, **required)
    assert late["failed"] and "excludes filter_b.t_1" in late["msg"], late
    wider = {"do_databases": ["filter_a", "filter_b"]}
    done = run_module(MODULE, replica, **{**options, "filters": wider}, **required)
    assert done["changed"] and "failed" not in done, done
    assert not run_module(MODULE, replica, **options, **required)["changed"]


def test_patterns_and_rewrites_survive_a_restart(
    bare: Topology, sources: list[TestServer], options: dict[str, Any]
) -> None:
    replica, file = bare.server("r1"), Path(options["filters_file"])
    given = {
        "wild_do_tables": [r"filter\_%.t\_1"],
        # Of no weight: a table that is to be applied is not asked for any further.
        "wild_ignore_tables": ["filter_c.t%"],
        "rewrite_databases": [{"from": "filter_a", "to": "filter_b"}],
    }
    wanted = with_filters(options, given)
    made = run_module(MODULE, replica, **wanted)
    assert made["changed"] and "failed" not in made, made
    assert filters(replica)["w1"] == {**NONE, **given}

    def applied(number: int) -> set[str]:
        sources[0].rows("INSERT INTO filter_a.t_1 VALUES (%s)", number)
        sources[0].rows("INSERT INTO filter_a.tx1 VALUES (%s)", number)
        sources[0].rows("INSERT INTO filter_c.t_1 VALUES (%s)", number)
        again = run_module(MODULE, replica, **wanted)
        assert not again["changed"] and again["statements"] == [], again
        return rows(replica)

    assert applied(11) == {"filter_b.t_1:11", "filter_c.t_1:11"}
    replica.kill()
    bare.playbook("servers.yml", "--limit", "r1")
    assert filters(replica) == {"w1": {**NONE, **given}, "w2": NONE}
    assert applied(12) == {"filter_b.t_1:12", "filter_c.t_1:12"}

    # Removed, it leaves nothing behind: not in the server, not after its next start.
    first = {"channel": "w1", "filters_file": str(file)}
    gone = run_module(MODULE, replica, state="absent", **first)
    assert gone["changed"] and "filter_a" not in file.read_text(), gone
    assert not run_module(MODULE, replica, state="absent", **first)["changed"]
    run_module(MODULE, replica, **{**options, "filters_file": None})
    assert filters(replica) == {"w1": NONE, "w2": NONE}
    # An emptied filter is gone as well, the file's included.
    run_module(MODULE, replica, **wanted)
    emptied = run_module(MODULE, replica, **with_filters(options, {}))
    assert emptied["changed"] and filters(replica)["w1"] == NONE, emptied
    replica.kill()
    bare.playbook("servers.yml", "--limit", "r1")
    assert filters(replica) == {"w1": NONE, "w2": NONE}
    assert not run_module(MODULE, replica, **with_filters(options, {}))["changed"]
    # No filter says nothing of filters: what is there stays.
    run_module(MODULE, replica, **wanted)
    assert not run_module(MODULE, replica, **options)["changed"]
    assert filters(replica)["w1"] == {**NONE, **given}
    # Whoever removes it without the file is warned of what the file brings back.
    warned = run_module(MODULE, replica, check=True, channel="w1", state="absent")
    assert any("filters_file" in warning for warning in warned["warnings"]), warned


def test_every_kind_survives_a_restart_and_none_a_removal(
    bare: Topology, sources: list[TestServer], options: dict[str, Any]
) -> None:
    replica = bare.server("r1")
    # Each kind lets a row through, or keeps one out that the others would not.
    given: dict[str, dict[str, list[Any]]] = {
        "w1": {
            "do_databases": ["filter_a", "filter_b"],
            "ignore_tables": ["filter_a.tx1"],
            "wild_ignore_tables": [r"filter\_b.t\_1"],
        },
        "w2": {
            "ignore_databases": ["filter_a"],
            "do_tables": ["filter_a.t_1", "filter_c.t_1"],
            "wild_do_tables": [r"filter\_c.tx%"],
            "rewrite_databases": [{"from": "filter_b", "to": "filter_c"}],
        },
    }
    shown = {name: {**NONE, **kinds} for name, kinds in given.items()}
    assert set().union(*given.values()) == set(NONE)
    named = [{**one, "filters": given[one["channel"]]} for one in options["channels"]]
    wanted = {**options, "channels": named}

    def applied(number: int) -> set[str]:
        write(sources[0], number)
        # Here and there, so that a rewritten row meets no other one.
        for schema, id_ in (("filter_a", 3), ("filter_b", 4), ("filter_c", 5)):
            for table in ("t_1", "tx1"):
                sources[1].rows(f"INSERT INTO {schema}.{table} VALUES (%s)", number + id_)
        waited = run_module(MODULE, replica, **wanted)
        assert "failed" not in waited and not waited["changed"], waited
        return rows(replica)

    def expected(number: int) -> set[str]:
        of_w2 = {f"filter_c.{table}:{number + id_}" for table in ("t_1", "tx1") for id_ in (4, 5)}
        return {f"filter_a.t_1:{number}", f"filter_b.tx1:{number}", *of_w2}

    made = run_module(MODULE, replica, **wanted)
    assert made["changed"] and "failed" not in made, made
    assert applied(300) == expected(300)
    restart(bare, replica)
    assert filters(replica) == shown
    assert applied(310) == expected(310)

    gone = [{"channel": name, "state": "absent"} for name in given]
    file = options["filters_file"]
    removed = run_module(MODULE, replica, channels=gone, filters_file=file)
    assert removed["changed"] and "failed" not in removed, removed
    restart(bare, replica)
    again = run_module(MODULE, replica, **{**options, "filters_file": None})
    assert again["changed"] and "failed" not in again, again
    assert filters(replica) == {"w1": NONE, "w2": NONE}


def test_a_channel_that_runs_by_half_is_not_changed_without_a_word(
    bare: Topology, options: dict[str, Any]
) -> None:
    """To start both threads again, or none, is for who has stopped the one."""
    replica = bare.server("r1")
    assert "failed" not in run_module(MODULE, replica, **options)
    control(replica, "STOP", "w1", "SQL_THREAD")
    wanted: dict[str, Any] = {
        "channel": "w1",
        "filters": {"do_databases": ["filter_a"]},
        "filters_file": options["filters_file"],
    }
    for change in (wanted, {"channel": "w1", "connect_retry_seconds": 3}):
        refused = run_module(MODULE, replica, **change)
        assert refused["failed"] and not refused["changed"], refused
        assert "Only one of the two threads of channel w1 is running, and" in refused["msg"]
    told = status(replica, "w1")
    assert told["replica_sql_running"] == "No" and told["replica_io_running"] == "Yes", told
    done = run_module(MODULE, replica, **wanted, state="started")
    assert done["changed"] and "failed" not in done, done


def test_filters_that_the_server_refuses_leave_the_channel_stopped(
    bare: Topology, options: dict[str, Any]
) -> None:
    replica = bare.server("r1")
    assert "failed" not in run_module(MODULE, replica, **options)
    # More than one statement may have, and so little that it is sent before the server hangs up.
    long = {"do_databases": [f"{number:060}" for number in range(80)]}
    limits = ("net_buffer_length", "max_allowed_packet")
    before = {name: replica.value(f"SELECT @@GLOBAL.{name}") for name in limits}
    for name in limits:
        replica.rows(f"SET GLOBAL {name} = 4096")
    try:
        refused = run_module(MODULE, replica, **with_filters(options, long))
    finally:
        for name in reversed(limits):
            replica.rows(f"SET GLOBAL {name} = %s", before[name])
    assert refused["failed"] and refused["error_number"] == 1153, refused
    assert "the channel stays stopped" in refused["msg"] and "half changed" in refused["msg"]
    assert status(replica, "w1")["replica_sql_running"] == "No"
    assert status(replica, "w2")["replica_sql_running"] == "Yes"
    done = run_module(MODULE, replica, **with_filters(options, {"do_databases": ["filter_a"]}))
    assert done["changed"] and "failed" not in done, done
