"""What keeps applications from being told of the servers: the last look of site.yml."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import outside_binary_log
from tests.integration.lines import (
    ROOT,
    Host,
    Played,
    TestServer,
    Topology,
    running_topology,
    wait_until,
)
from tests.support.replication import control, status, wait_for_error

pytestmark = pytest.mark.lines("one")

IMPORT = "ansible.builtin.import_playbook"


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    """A write server and a read server, after one run of site.yml."""
    with running_topology(host, "announcing", "w1", "r1") as topology:
        topology.playbook("site.yml")
        yield topology


@pytest.fixture
def application_file(site: Topology) -> Path:
    """The file for applications, which is not there."""
    file = site.folder / "application.json"
    file.unlink(missing_ok=True)
    return file


def break_channel(writer: TestServer) -> None:
    """Write a row of a table that the read server lacks."""
    outside_binary_log(writer, "CREATE TABLE usage_data.only_here (id INT PRIMARY KEY)")
    writer.rows("INSERT INTO usage_data.only_here VALUES (1)")


def heal_channel(writer: TestServer, reader: TestServer) -> None:
    outside_binary_log(reader, "CREATE TABLE usage_data.only_here (id INT PRIMARY KEY)")
    control(reader, "START", "w1")
    wait_until(
        lambda: reader.value("SELECT COUNT(*) FROM usage_data.only_here") == 1,
        20,
        "the channel does not go on",
    )
    for server in (writer, reader):
        outside_binary_log(server, "DROP TABLE usage_data.only_here")


def with_a_pause(site: Topology) -> Path:
    """Return a playbook that is the last part of site.yml, with a pause before its end."""
    pause = {
        "name": "Meanwhile",
        "hosts": "w1",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Say that the channels have been made",
                "ansible.builtin.command": f"touch {site.folder}/made",
            },
            {
                "name": "Let something happen",
                "ansible.builtin.wait_for": {"path": f"{site.folder}/happened", "timeout": 60},
            },
        ],
    }
    parts = [
        str(ROOT / "playbooks" / name) for name in ("read_servers.yml", "application_config.yml")
    ]
    playbook = site.folder / "with_a_pause.yml"
    playbook.write_text(yaml.safe_dump([{IMPORT: parts[0]}, pause, {IMPORT: parts[1]}]))
    return playbook


def test_a_channel_that_stops_while_the_run_goes_on(site: Topology, application_file: Path) -> None:
    """It ran when its own task looked at it."""
    writer, reader = site.server("w1"), site.server("r1")
    played: list[Played] = []
    playbook = str(with_a_pause(site))
    run = threading.Thread(target=lambda: played.append(site.try_playbook(playbook)))
    run.start()
    try:
        wait_until((site.folder / "made").exists, 60, "the channels have not been made")
        break_channel(writer)
        wait_for_error(reader, "w1")
    finally:
        (site.folder / "happened").touch()
        run.join()
    said = " ".join(played[0].output.split()).replace("''", "'")
    assert played[0].code != 0, played[0].output
    assert "r1 does not follow w1: the channel cannot apply: error 1146" in said, said
    assert "this server does not have the table" in said, said
    assert not application_file.exists()
    heal_channel(writer, reader)
    site.playbook(playbook)
    assert application_file.exists()


@pytest.mark.lines("later")
def test_a_channel_that_stops_again_at_once(site: Topology, application_file: Path) -> None:
    writer, reader = site.server("w1"), site.server("r1")
    break_channel(writer)
    wait_for_error(reader, "w1")
    for _attempt in range(2):
        played = site.try_playbook("site.yml")
        assert played.code != 0 and "1146" in played.output, played.output
        assert not application_file.exists()
    heal_channel(writer, reader)
    site.playbook("site.yml")
    assert application_file.exists()


@pytest.mark.flavour("mysql")
@pytest.mark.lines("later")
def test_rows_that_the_next_start_would_leave_out(site: Topology, application_file: Path) -> None:
    """They were written while the write server gave its transactions no GTID."""
    writer, reader = site.server("w1"), site.server("r1")
    for server in (writer, reader):
        outside_binary_log(server, "CREATE TABLE usage_data.more (id INT PRIMARY KEY)")
    # Without a GTID of its own, the server might be one that has had none before.
    writer.rows("INSERT INTO usage_data.more VALUES (0)")
    for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE"):
        writer.rows(f"SET GLOBAL gtid_mode = {mode}")
    writer.rows("INSERT INTO usage_data.more VALUES (1)")
    wait_for_error(reader, "w1", "IO")
    for mode in ("ON_PERMISSIVE", "ON"):
        writer.rows(f"SET GLOBAL gtid_mode = {mode}")
    for playbook, said in (
        ("site.yml", "the binary log holds transactions without a GTID"),
        ("read_servers.yml", "channel w1 has stopped with error 13114"),
    ):
        played = site.try_playbook(playbook)
        assert played.code != 0, played.output
        assert said in " ".join(played.output.split()), played.output
    assert not application_file.exists()
    assert status(reader, "w1")["replica_io_running"] == "No"
    # Brought back, the channel started by hand, and the log forgotten: the run goes on.
    outside_binary_log(reader, "INSERT INTO usage_data.more VALUES (1)")
    control(reader, "START", "w1")
    writer.rows("FLUSH BINARY LOGS")
    newest = writer.rows("SHOW BINARY LOGS")[-1]["Log_name"]
    wait_until(
        lambda: status(reader, "w1")["source_log_file"] == newest, 20, "it is not at the newest log"
    )
    writer.rows("PURGE BINARY LOGS TO %s", newest)
    site.playbook("site.yml")
    assert application_file.exists()


@pytest.mark.lines("later")
def test_a_run_that_does_not_know_all_tells_nothing(site: Topology, application_file: Path) -> None:
    site.playbook("site.yml", "--limit", "w1")
    site.playbook("application_config.yml")
    site.playbook("site.yml", "--check")
    assert not application_file.exists()
