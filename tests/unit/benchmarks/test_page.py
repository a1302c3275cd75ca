from __future__ import annotations

import pytest

from benchmarks import machine, month, page
from benchmarks.measure import Table
from benchmarks.month import Month
from benchmarks.servers import ROOT, Failed
from tests.unit.benchmarks.test_check import checks
from tests.unit.benchmarks.test_directory import looked_up
from tests.unit.benchmarks.test_purge import purged
from tests.unit.benchmarks.test_replica_set import switched
from tests.unit.benchmarks.test_site import site
from tests.unit.benchmarks.test_tables import many


def test_a_table_in_markdown():
    table = Table("Times", ("what", "seconds"), [["a", "1.0"], ["b", "2.0"]])
    assert page.markdown(table) == "| what | seconds |\n| --- | --- |\n| a | 1.0 |\n| b | 2.0 |\n"


def test_a_bar_does_not_end_a_cell():
    assert page.markdown(Table("Tasks", ("task",), [["a | b"]])).endswith("| a \\| b |\n")


def test_ways_are_compared_with_the_bare_statement():
    table = month.table(Month(1_500_000, 3 * 2**20, [1.0], [0.5], [0.25], [50.0]))
    assert table.title == "A month of 1,500,000 rows, 3 MiB with three indexes"
    assert [row[2] for row in table.rows] == ["1.0", "2.0", "4.0", "200.0"]


def test_the_page_names_neither_the_machine_nor_its_paths(tmp_path):
    about = {**machine.machine(tmp_path), **machine.versions("10.11.1-MariaDB", "3.2.1")}
    measured = site(lambda size: size, lambda size: 2 * size)
    dropped = Month(1_500_000, 3 * 2**20, [1.0], [0.5], [0.25], [50.0])
    text = page.written(
        "2026-11-21",
        about,
        ["0.1", "1.9"],
        measured,
        many(1.0, 1.1),
        switched(),
        looked_up(),
        dropped,
        purged(),
        checks(),
        600.0,
    )
    assert "10 usage tables in at most 1.2 times the time of one: **met**, 1.10 times." in text
    assert "no client of 8 waits for 0.2 s: **met**, 0.100 s." in text
    assert "1,234 rows were acknowledged" in text
    assert "A cached lookup below 10 µs: **met**, 2.0 µs." in text
    assert "3 times the rows a second of pt-archiver: **met**, 4.0 times" in text
    assert "the module paused for 1.5 s" in text
    assert "A check of 24 servers takes less than 5 s: **met**, 2.0 s." in text
    assert "10.0 minutes" in text
    assert set(machine.machine(tmp_path)) == {
        "processor",
        "memory",
        "system",
        "file system of the servers' data",
    }
    assert str(ROOT) not in text
    assert str(tmp_path) not in text


def test_a_peer_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="percona-toolkit has, does not run"):
        machine.archiver_version()
    program = tmp_path / "pt-archiver"
    program.write_text("#!/bin/sh\necho pt-archiver 3.2.1\n")
    program.chmod(0o755)
    assert machine.archiver_version() == "3.2.1"


def test_links_of_the_page_lead_to_files():
    text = page.SITE + page.FLOOR + page.REPLICA_SET + page.CACHED + page.PURGE + page.CHECK
    linked = [part.split(")")[0] for part in text.split("](")[1:]]
    assert linked
    assert all((ROOT / "docs" / link).is_file() for link in linked)


def test_pings_runs_as_many_modules_as_site_yml_on_a_write_server():
    # mysqld_process, and the modules of the role write_server, but for the one that an ordinary
    # run skips.
    tasks = (ROOT / "roles/write_server/tasks").glob("*.yml")
    role = "".join(path.read_text() for path in tasks)
    modules = role.count("  dbrw.sharding.") - role.count("next_id_above | length > 0")
    pings = (ROOT / "benchmarks/pings.yml").read_text()
    assert pings.count("ansible.builtin.ping:") == 1 + modules
