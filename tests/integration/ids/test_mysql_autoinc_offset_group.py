"""mysql_autoinc_offset where something else sets the pair: Galera, Group Replication."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.conftest import running
from tests.integration.lines import PORT, Host, TestServer, Topology, wait_until

MODULE = "mysql_autoinc_offset"
PAIR = {"increment": 20, "offset": 2}
# Of the cluster's own traffic.
CLUSTER_PORT, TRANSFER_PORT = 14567, 14568
GALERA_LIBRARY = "/usr/lib/galera/libgalera_smm.so"
GALERA = "Galera (wsrep_auto_increment_control)"


@contextmanager
def own_server(
    host: Host, bare: Topology, number: int, *more: str, settings: str = ""
) -> Iterator[TestServer]:
    """Give a server of this test's own, on an address of its own, with more options.

    ``settings`` are lines of its option file, before the files that it includes.
    """
    # Away from every address of the topologies' servers.
    server = TestServer(
        host, f"own{number}", host.work_dir / f"own{number}", own_address(bare, number)
    )
    folder, program = server.work_dir, "mysqld" if host.line.flavour == "mysql" else "mariadbd"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "temporary").mkdir(parents=True)
    (folder / "conf.d").mkdir()
    (folder / "my.cnf").write_text(f"[mysqld]\n{settings}\n!includedir {folder}/conf.d\n")
    user = "root" if host.container else pwd.getpwuid(os.geteuid()).pw_name
    common = [f"--defaults-file={folder}/my.cnf", f"--user={user}", f"--datadir={folder}/data"]
    common += [f"--tmpdir={folder}/temporary"]
    if host.line.flavour == "mysql":
        # The kernel's places for it are few, and many servers run side by side.
        common += ["--innodb-use-native-aio=0", "--secure-file-priv=NULL", "--mysqlx=OFF"]
        host.run(program, *common, "--initialize-insecure")
    else:
        host.run("mariadb-install-db", *common, "--auth-root-authentication-method=normal")
    process = subprocess.Popen(
        host.command(
            *("sh", "-c", f'echo $$ >{folder}/pid && exec "$@"', "sh", program, *common),
            *(f"--socket={server.socket}", f"--log-error={folder}/error.log", f"--port={PORT}"),
            *(f"--bind-address={server.address}", "--server-id=5", *more),
        )
    )
    try:
        wait_until(lambda: server.answers() or process.poll() is not None, 60, "it does not answer")
        assert process.poll() is None, server.error_log()
        yield server
    finally:
        server.close()
        if process.poll() is None:
            # Without a word first: a member would tell the others, and wait.
            host.run("sh", "-c", f"kill -9 $(cat {folder}/pid)")
            process.wait()
        host.run("rm", "-rf", str(folder))


def own_address(bare: Topology, number: int) -> str:
    return f"127.9.{bare.net}.{number}"


def state(server: TestServer) -> Any:
    return server.value("SELECT MEMBER_STATE FROM performance_schema.replication_group_members")


def free_address() -> str:
    """Return an address for the group's own traffic, which takes 127.0.0.1 only."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


def refused(run_module: Any, server: TestServer, pair: tuple[int, int], by: str) -> None:
    """Assert that the module leaves the pair, forced or not, to what sets it."""
    file = server.work_dir / "refused.cnf"
    stored = {} if server.flavour == "mysql" else {"persist_file": str(file)}
    assert running(server) == pair
    for options in ({}, {"force": True}):
        for check in (True, False):
            told = run_module(MODULE, server, check=check, **PAIR, **stored, **options)
            assert told.get("failed") and not told["changed"], told
            assert f"{by} sets this server's increment and offset itself" in told["msg"]
    assert running(server) == pair and not file.exists()


@pytest.mark.flavour("mysql")
def test_group_replication(host: Host, bare: Topology, run_module: Any) -> None:
    group = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")
    with own_server(host, bare, 1, *group) as member:
        member.rows("INSTALL PLUGIN group_replication SONAME 'group_replication.so'")
        local = free_address()
        member.rows(
            "SET GLOBAL group_replication_group_name = 'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa', "
            "GLOBAL group_replication_local_address = %s, "
            "GLOBAL group_replication_group_seeds = %s, "
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
        refused(run_module, member, (7, 5), "Group Replication in multi-primary mode")

        # And back; with one primary a pair of one's own stays.
        member.rows("SELECT group_replication_switch_to_single_primary_mode()")
        assert running(member) == (1, 1)
        assert run_module(MODULE, member, **PAIR)["changed"]
        member.rows("STOP GROUP_REPLICATION")
        assert running(member) == (20, 2)


@contextmanager
def cluster_member(
    host: Host, bare: Topology, number: int, seed: str, *more: str
) -> Iterator[TestServer]:
    """Give a member of the Galera cluster of ``seed``, which is to be started with (10, 2)."""
    address = own_address(bare, number)
    places = {
        "base_host": address,
        "base_port": CLUSTER_PORT,
        "gmcast.listen_addr": f"tcp://{address}:{CLUSTER_PORT}",
        "ist.recv_addr": f"{address}:{TRANSFER_PORT}",
    }
    with own_server(
        *(host, bare, number, "--wsrep-on=ON", f"--wsrep-provider={GALERA_LIBRARY}"),
        f"--wsrep-provider-options={';'.join(f'{key}={value}' for key, value in places.items())}",
        *(f"--wsrep-node-address={address}", f"--wsrep-cluster-address=gcomm://{seed}"),
        # A second member counts as one without a copy of the first one's data.
        *("--wsrep-sst-method=skip", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"),
        *more,
        settings="auto_increment_increment = 10\nauto_increment_offset = 2\n",
    ) as member:
        yield member


def cluster(member: TestServer) -> dict[str, str]:
    """Return what a member says of its cluster, without the variables' prefix."""
    rows = member.rows("SHOW GLOBAL STATUS LIKE 'wsrep%%'")
    return {row["Variable_name"].removeprefix("wsrep_"): row["Value"] for row in rows}


@pytest.mark.flavour("mariadb")
def test_galera(host: Host, bare: Topology, run_module: Any) -> None:
    with cluster_member(host, bare, 1, "", "--wsrep-new-cluster") as member:
        wait_until(lambda: cluster(member)["local_state_comment"] == "Synced", 20, "no cluster")
        # Not the pair that it was started with.
        refused(run_module, member, (1, 1), GALERA)

        # Switched off, the server's own pair is back, and can be set.
        member.rows("SET GLOBAL wsrep_auto_increment_control = OFF")
        assert running(member) == (10, 2)
        given = {**PAIR, "persist_file": str(member.work_dir / "conf.d" / "autoinc.cnf")}
        assert run_module(MODULE, member, check=True, **given)["changed"]
        assert running(member) == (10, 2)
        assert run_module(MODULE, member, **given)["changed"]
        assert running(member) == (20, 2)
        assert not run_module(MODULE, member, **given)["changed"]

        with cluster_member(host, bare, 2, f"{member.address}:{CLUSTER_PORT}"):
            wait_until(lambda: cluster(member)["cluster_size"] == "2", 20, "not a cluster of two")
            # A change of members leaves it alone.
            assert running(member) == (20, 2)
            member.rows("SET GLOBAL wsrep_auto_increment_control = ON")
            # Numbers of members follow their random identities.
            assert running(member) == (2, int(cluster(member)["local_index"]) + 1)
            refused(run_module, member, running(member), GALERA)
            # What someone sets all the same lasts until the next change of members.
            member.rows(
                "SET GLOBAL auto_increment_increment = 20, GLOBAL auto_increment_offset = 2"
            )
            assert running(member) == (20, 2)
        wait_until(lambda: running(member) == (1, 1), 30, "the pair stays as it was set")


@pytest.mark.flavour("mariadb")
def test_without_galera(bare: Topology, run_module: Any) -> None:
    server = bare.server("w1")
    found = {
        row["Variable_name"]: row["Value"]
        for row in server.rows("SHOW GLOBAL VARIABLES LIKE 'wsrep%'")
    }
    assert found["wsrep_on"] == "OFF" and found["wsrep_provider"] == "none"
    # On without a cluster, so it tells nothing alone.
    assert found["wsrep_auto_increment_control"] == "ON"
    file = str(server.work_dir / "conf.d" / "unused.cnf")
    assert run_module(MODULE, server, check=True, **PAIR, persist_file=file)["changed"]
