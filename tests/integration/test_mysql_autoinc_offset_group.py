"""mysql_autoinc_offset where something else sets increment and offset: Group Replication."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.lines import Host, TestServer, Topology

MODULE = "mysql_autoinc_offset"
PAIR = {"increment": 20, "offset": 2}


@contextmanager
def lone_server(host: Host, bare: Topology) -> Iterator[TestServer]:
    """Give a MySQL server of this test's own that can be a group of one."""
    folder = host.work_dir / "group"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # Away from every address of the topologies' servers.
    address = f"127.9.{bare.net}.1"
    server = TestServer(host, "member", folder, address)
    common = [
        *("mysqld", "--no-defaults", "--user=root", f"--datadir={folder}/data"),
        # The kernel's places for it are few, and many servers run side by side.
        *("--innodb-use-native-aio=0", "--secure-file-priv=NULL"),
    ]
    host.run(*common, "--initialize-insecure")
    host.run(
        *(*common, "--daemonize", f"--socket={server.socket}", f"--log-error={folder}/error.log"),
        *("--port=13306", f"--bind-address={address}", "--mysqlx=OFF", "--server-id=5"),
        *("--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--pid-file=mysqld.pid"),
    )
    try:
        yield server
    finally:
        host.run("sh", "-c", f"kill -9 {server.pid}")
        host.run("rm", "-rf", str(folder))


def running(server: TestServer) -> tuple[int, int]:
    (row,) = server.rows(
        "SELECT @@GLOBAL.auto_increment_increment AS i, @@GLOBAL.auto_increment_offset AS o"
    )
    return row["i"], row["o"]


def state(server: TestServer) -> Any:
    return server.value("SELECT MEMBER_STATE FROM performance_schema.replication_group_members")


def free_address() -> str:
    """Return an address for the group's own traffic, which takes 127.0.0.1 only."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_group_replication(host: Host, bare: Topology, run_module: Any) -> None:
    if bare.server("w1").flavour == "mysql":
        with lone_server(host, bare) as member:
            group_of_one(member, run_module)


def group_of_one(member: TestServer, run_module: Any) -> None:
    member.rows("INSTALL PLUGIN group_replication SONAME 'group_replication.so'")
    local = free_address()
    member.rows(
        "SET GLOBAL group_replication_group_name = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa', "
        "GLOBAL group_replication_local_address = %s, GLOBAL group_replication_group_seeds = %s, "
        "GLOBAL group_replication_ip_allowlist = '127.0.0.0/8', "
        "GLOBAL group_replication_bootstrap_group = ON",
        local,
        local,
    )
    # Installed, but of no group: it sets nothing.
    assert state(member) == "OFFLINE"
    assert run_module(MODULE, member, check=True, **PAIR)["changed"]

    member.rows("START GROUP_REPLICATION")
    assert state(member) == "ONLINE" and running(member) == (1, 1)
    assert run_module(MODULE, member, check=True, **PAIR)["changed"]

    # In multi-primary mode it sets them: to its own increment and the server id.
    member.rows("SELECT group_replication_switch_to_multi_primary_mode()")
    assert running(member) == (7, 5)
    for options in ({}, {"force": True}):
        for check in (True, False):
            refused = run_module(MODULE, member, check=check, **PAIR, **options)
            assert refused["failed"] and not refused["changed"], refused
            assert "Group Replication in multi-primary mode sets this server's" in refused["msg"]
    assert running(member) == (7, 5)

    # And back; with one primary a pair of one's own stays.
    member.rows("SELECT group_replication_switch_to_single_primary_mode()")
    assert running(member) == (1, 1)
    assert run_module(MODULE, member, **PAIR)["changed"]
    member.rows("STOP GROUP_REPLICATION")
    assert running(member) == (20, 2)


def test_galera_is_recognised_by_these_variables(bare: Topology, run_module: Any) -> None:
    server = bare.server("w1")
    if server.flavour == "mysql":
        return
    found = {
        row["Variable_name"]: row["Value"]
        for row in server.rows("SHOW GLOBAL VARIABLES LIKE 'wsrep%'")
    }
    assert found["wsrep_on"] == "OFF" and found["wsrep_provider"] == "none"
    # On without a cluster, so it tells nothing alone.
    assert found["wsrep_auto_increment_control"] == "ON"
    file = str(server.work_dir / "unused.cnf")
    assert run_module(MODULE, server, check=True, **PAIR, persist_file=file)["changed"]
