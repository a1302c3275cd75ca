"""mysqld_host_info beside real servers, whose folders every line shares with this machine."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lines import SMALL_DISK, TestServer, run
from tests.integration.modules import run_module

MODULE = "mysqld_host_info"


def ask(server: TestServer, check: bool = False, **more: Any) -> dict[str, Any]:
    given = {
        "config_file": str(server.work_dir / "my.cnf"),
        "datadir": str(server.work_dir / "data"),
    }
    return run_module(MODULE, None, check=check, **{**given, **more})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"config_file": "/my.cnf\n"}, "config_file"),
        ({"datadir": "/nowhere/data"}, "The folder /nowhere/data cannot be looked at"),
    ],
)
def test_what_is_asked_for_is_judged(
    server: TestServer, options: dict[str, Any], said: str
) -> None:
    told = ask(server, **options)
    assert told["failed"] and said in told["msg"] and len(told["problems"]) == 1


def test_what_a_host_tells_of_its_server(server: TestServer) -> None:
    told = ask(server)
    assert (
        told["changed"] is False and ask(server, check=True)["host"].keys() == told["host"].keys()
    )
    host = told["host"]
    lines = {one["name"]: one for one in host["settings"] if one["group"] == "mysqld"}
    assert lines["server_id"]["value"] == str(server.value("SELECT @@server_id"))
    assert lines["skip_name_resolve"]["value"] == "ON"
    # The role keeps what the server came up with.
    assert host["started_with"] == host["settings"]
    written = (server.work_dir / "my.cnf").stat().st_mtime
    assert datetime.fromisoformat(host["config_file_written"]) == datetime.fromtimestamp(
        written, timezone.utc
    ).replace(tzinfo=None)


def test_the_disk_is_as_df_tells(server: TestServer) -> None:
    datadir = str(server.work_dir / "data")
    (disk,) = ask(server)["host"]["disks"]
    used, free = run("df", "--output=used,avail", "-B1", datadir).stdout.split()[-2:]
    assert disk["folder"] == datadir
    # Others write on it meanwhile.
    most = disk["size_bytes"] // 50
    assert abs(disk["size_bytes"] - int(used) - int(free)) < most
    assert abs(disk["free_bytes"] - int(free)) < most


def test_a_server_that_has_no_option_file(server: TestServer, tmp_path: Path) -> None:
    host = ask(server, config_file=str(tmp_path / "none.cnf"))["host"]
    assert (host["config_file_written"], host["settings"], host["started_with"]) == (None, [], None)


def test_binary_logs_on_a_disk_of_their_own(server: TestServer, tmp_path: Path) -> None:
    config, datadir = tmp_path / "my.cnf", str(server.work_dir / "data")
    with server.host.small_disk() as small:
        config.write_text(f"[mysqld]\nlog_bin = {small}/binlog\n")
        # A container's is mounted there alone, and the module looks from here.
        own = {str(small): SMALL_DISK} if not server.host.container else {}
        disks = ask(server, config_file=str(config))["host"]["disks"]
        sizes = {disk["folder"]: disk["size_bytes"] for disk in disks}
        assert {name: sizes[name] for name in sizes if name != datadir} == own
        assert datadir in sizes
