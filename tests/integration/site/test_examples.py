"""The examples of every module's documentation, played as they stand on real servers.

What a reader would put in place of an example's own is put in its place here:
sockets, hosts, paths, and the variables that hold passwords.
"""

from __future__ import annotations

import importlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.certificates import make_authority, make_certificate
from tests.integration.conftest import forget_binary_logs, forget_pair, outside_binary_log
from tests.integration.lines import PORT, ROOT, Host, TestServer, Topology, running_topology
from tests.integration.modules import run_module

pytestmark = pytest.mark.lines("one")

# What their examples need is in tests of their own: a host under systemd, a copy of a server, a
# member with rows of its own, a purge with its readers, a directory with servers to fall back on, and
# shards with their operator.
ELSEWHERE = {
    *("mysqld_service", "mysqld_copy", "mysql_replica_set_rejoin"),
    *(
        "mysql_account_sessions_info",
        "mysql_fabric_server_state",
        "mysql_fabric_tenant",
        "mysql_tenant_move",
        "mysql_retention_purge",
    ),
}
MODULES = sorted(
    path.stem for path in (ROOT / "plugins/modules").glob("*.py") if path.stem not in ELSEWHERE
)
PASSWORDS = {
    "application_new_password": "app w0rd 2",
    "application_password": "app w0rd",
    "dbrw_monitor_password": "monit w0rd",
    "dbrw_operator_password": "oper w0rd",
    "checker_password": "check w0rd",
    "maintenance_password": "maint w0rd",
    "monitor_password": "monit w0rd",
    "replication_password": "repl w0rd",
    "reporting_password": "report w0rd",
    "replication_passwords": {
        **{"r1": "repl w0rd", "r2": "repl2 w0rd"},
        **{"f1": "repl of a member", "f2": "repl of a member"},
    },
}
SERVERS = ("w1", "w2", "w3", "r1")
# The component that begins an example's name says on which server it runs.
SERVER_OF = {
    **{"Write server": "w1", "Read server": "r1", "Replica": "r1", "Server": "w1"},
    "Fabric": "w1",
    "Check": "w1",
}

WRITE_SHAPE = (
    "CREATE TABLE usage_data.calls (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "started DATETIME NOT NULL, caller VARCHAR(20))"
)


def fresh_schema(*servers: TestServer) -> None:
    for server in servers:
        outside_binary_log(
            server,
            "DROP SCHEMA IF EXISTS usage_data",
            "CREATE SCHEMA usage_data DEFAULT CHARACTER SET utf8mb4",
        )


def a_schema(bare: Topology) -> None:
    fresh_schema(bare.server("w1"))


def a_read_table(bare: Topology) -> None:
    fresh_schema(bare.server("r1"))
    outside_binary_log(
        bare.server("r1"),
        "CREATE TABLE usage_data.calls (id BIGINT NOT NULL AUTO_INCREMENT, "
        "started DATETIME NOT NULL, caller VARCHAR(20), PRIMARY KEY (id, started)) "
        "PARTITION BY RANGE COLUMNS (started) "
        "(PARTITION p2026m01 VALUES LESS THAN ('2026-02-01'))",
    )


def write_tables(bare: Topology) -> None:
    fresh_schema(bare.server("w1"))
    outside_binary_log(bare.server("w1"), WRITE_SHAPE)


def sources(bare: Topology) -> None:
    folder = tls_folder(bare)
    folder.mkdir()
    make_authority(folder, "ca")
    make_certificate(folder, "source", f"IP:{bare.server('w1').address}")
    files = {"ca": "ca.pem", "cert": "source.pem", "key": "source.key"}
    tls = {option: f"{folder}/{name}" for option, name in files.items()}
    bare.playbook("servers.yml", "--limit", "w1", mysqld_tls=tls)
    forget_binary_logs(*(bare.server(name) for name in SERVERS))
    for name in ("w1", "w2", "w3"):
        # Something to follow, and to have been copied before.
        bare.server(name).rows("CREATE SCHEMA IF NOT EXISTS usage_data")
        outside_binary_log(
            bare.server(name),
            f"CREATE USER replication_r1 IDENTIFIED BY '{PASSWORDS['replication_password']}'",
            "GRANT REPLICATION SLAVE ON *.* TO replication_r1",
        )


def tls_folder(bare: Topology) -> Path:
    """Return where the certificate of w1 is, while it has one."""
    return bare.folder / "tls-of-w1"


def tables_on_both_sides(bare: Topology) -> None:
    write_servers = [bare.server(name) for name in ("w1", "w2", "w3")]
    fresh_schema(*write_servers)
    a_read_table(bare)
    for server in write_servers:
        outside_binary_log(server, WRITE_SHAPE)
    for server in (*write_servers, bare.server("r1")):
        outside_binary_log(
            server,
            f"CREATE USER checker IDENTIFIED BY '{PASSWORDS['checker_password']}'",
            "GRANT SELECT ON usage_data.* TO checker",
        )


def keys(bare: Topology) -> None:
    a_read_table(bare)
    outside_binary_log(
        bare.server("r1"),
        "INSERT INTO usage_data.calls (started, caller) VALUES ('2026-01-01', 'customer_7')",
    )


def two_read_tables(bare: Topology) -> None:
    a_read_table(bare)
    outside_binary_log(bare.server("r1"), "CREATE TABLE usage_data.events LIKE usage_data.calls")


def two_read_tables_with_months(bare: Topology) -> None:
    two_read_tables(bare)
    tables = [{"table": "calls"}, {"table": "events"}]
    made = run_module(
        "mysql_month_partition", bare.server("r1"), schema="usage_data", tables=tables
    )
    assert made["changed"], made


def channels_that_can_be_watched(bare: Topology) -> None:
    fresh_schema(bare.server("r1"))
    outside_binary_log(
        bare.server("r1"),
        "CREATE TABLE usage_data.heartbeat (server_id INT UNSIGNED PRIMARY KEY, "
        "ts VARCHAR(26) NOT NULL)",
    )


def an_epoch(bare: Topology) -> None:
    """A member that knows of one; the directory shows it."""
    server = bare.server("w1")
    server.rows("CREATE SCHEMA IF NOT EXISTS dbrw")
    server.rows("CREATE TABLE dbrw.epoch (epoch BIGINT UNSIGNED PRIMARY KEY, active VARCHAR(64))")
    server.rows("INSERT INTO dbrw.epoch VALUES (1, 'f1')")


def a_directory(bare: Topology) -> None:
    an_epoch(bare)
    address = {"datacenter": "dc1", "host": "f1"}
    made = run_module(
        "mysql_fabric_directory",
        bare.server("w1"),
        sets=[{"name": "fabric"}],
        servers=[{"name": "f1", "kind": "member", "replica_set": "fabric", **address}],
    )
    assert made["changed"], made


def common_data(bare: Topology) -> None:
    outside_binary_log(
        bare.server("w2"),
        "CREATE SCHEMA customers",
        "CREATE TABLE customers.t (id INT PRIMARY KEY)",
        "INSERT INTO customers.t VALUES (1)",
        f"CREATE USER monitor IDENTIFIED BY '{PASSWORDS['monitor_password']}'",
        "GRANT SELECT ON customers.* TO monitor",
        "GRANT SELECT ON dbrw.* TO monitor",
    )


def a_data_directory(bare: Topology) -> None:
    (bare.host.work_dir / "examples/w2/data").mkdir(parents=True, exist_ok=True)


def nothing(_bare: Topology) -> None:
    """The example needs a running server and no more."""


BEFORE: dict[str, Callable[[Topology], None]] = {
    "mysql_account": a_schema,
    "mysql_autoinc_offset": write_tables,
    "mysql_fabric_directory": an_epoch,
    "mysql_fabric_directory_info": a_directory,
    "mysql_common_data": common_data,
    "mysql_heartbeat": nothing,
    "mysql_month_partition": two_read_tables,
    "mysql_month_partition_info": two_read_tables_with_months,
    "mysql_placement_change_info": keys,
    "mysql_replication_channel": sources,
    "mysql_replication_channel_info": channels_that_can_be_watched,
    "mysql_replication_witness": nothing,
    "mysql_schema_info": nothing,
    "mysql_server_info": nothing,
    "mysql_time_zones": nothing,
    # Its servers do not answer, which it says.
    "mysql_topology_info": nothing,
    "mysql_usage_table": a_read_table,
    "mysql_usage_table_info": tables_on_both_sides,
    "mysqld_host_info": a_data_directory,
    "mysqld_process": nothing,
}


# They are played on a set of their own.
OF_SETS = ("mysql_replica_set_info", "mysql_replica_set")
OPERATOR = {
    "dbrw_operator_password": PASSWORDS["dbrw_operator_password"],
    "dbrw_replication_password": PASSWORDS["replication_passwords"]["f1"],
}


def examples_of(module: str) -> list[dict[str, Any]]:
    source = importlib.import_module(f"ansible_collections.dbrw.sharding.plugins.modules.{module}")
    tasks: list[dict[str, Any]] = yaml.safe_load(source.EXAMPLES)
    return tasks


def fitted(value: Any, replacements: dict[str, str]) -> Any:
    """Put what is there in place of what an example names."""
    if isinstance(value, dict):
        ports = {host: PORT for host in ("login", "source") if f"{host}_host" in value}
        return {
            **{f"{host}_port": port for host, port in ports.items()},
            **{fitted(k, replacements): fitted(v, replacements) for k, v in value.items()},
        }
    if isinstance(value, list):
        return [fitted(one, replacements) for one in value]
    if isinstance(value, str):
        for told, real in replacements.items():
            value = value.replace(told, real)
    return value


def replacements_for(bare: Topology, server: TestServer) -> dict[str, str]:
    folder = str(bare.host.work_dir / "examples")
    return {
        "/srv/cold": str(bare.host.work_dir / "cold"),
        "/run/mysqld/mysqld.sock": server.socket,
        "/srv/demo": folder,
        "/etc/mysql/tls": str(tls_folder(bare)),
        "/etc/mysql/mariadb.conf.d": str(server.work_dir / "conf.d"),
        **{
            host: bare.server(host.partition(".")[0]).address
            for host in (
                *("w1.dc1.example.com", "w2.dc1.example.com", "w3.dc2.example.com"),
                "r1.dc1.example.com",
            )
        },
    }


def copied_gtids(bare: Topology) -> list[str]:
    """Return what a backup of each source would say of the transactions that it holds."""
    variable = {"mysql": "gtid_executed", "mariadb": "gtid_binlog_pos"}
    sources = [bare.server(name) for name in ("w1", "w2")]
    found = [one.value(f"SELECT @@GLOBAL.{variable[one.flavour]} AS gtids") for one in sources]
    return [gtids for gtids in found if gtids]


def plays_of(bare: Topology, module: str) -> list[dict[str, Any]]:
    """Return the examples as plays, each on the server that its tasks' names name."""

    def component(task: dict[str, Any]) -> str:
        return str(task["name"]).partition(" | ")[0]

    plays = []
    for name, tasks in itertools.groupby(examples_of(module), component):
        server = bare.server(SERVER_OF[name])
        plays.append(
            {
                "hosts": server.name,
                "gather_facts": False,
                "vars": {**PASSWORDS, "copied_gtids": copied_gtids(bare)},
                "module_defaults": {"group/dbrw.sharding.all": {"login_user": "root"}},
                "tasks": fitted(list(tasks), replacements_for(bare, server)),
            }
        )
    return plays


def test_every_module_is_here() -> None:
    assert sorted([*BEFORE, *OF_SETS]) == MODULES


@pytest.mark.usefixtures("cold_directory")
@pytest.mark.parametrize("module", BEFORE)
def test_the_examples_run(bare: Topology, module: str) -> None:
    accounts = {name: accounts_of(bare.server(name)) for name in SERVERS}
    BEFORE[module](bare)
    folder = bare.host.work_dir / "examples"
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "templates" / "my.cnf.j2").write_text(
        f"[mysqld]\nuser=root\ndatadir={folder}/w1/data\nsocket={folder}/w1/mysqld.sock\nskip-networking\nsecure_file_priv={folder}/w1\n"
        f"pid-file={folder}/w1/data/mysqld.pid\nlog-error={folder}/w1/error.log\n"
    )
    playbook = folder / f"{module}.yml"
    playbook.write_text(yaml.safe_dump(plays_of(bare, module), sort_keys=False))
    try:
        played = bare.try_playbook(str(playbook))
        assert played.code == 0, played.output
    finally:
        leave_nothing(bare, accounts)


def test_the_examples_of_replica_sets_run(host: Host) -> None:
    with running_topology(host, "examples-of-sets", "f1", "f2") as topology:
        topology.playbook("servers.yml")
        for name in ("f1", "f2"):
            a_member(topology.server(name))
        for number, play in enumerate(plays_of_sets(topology)):
            if "Fail over" in play["tasks"][0]["name"]:
                # As the example has it: f1 is the active writer, and is lost.
                topology.playbook(
                    "replica_set_switch.yml", replica_set="fabric", to="f1", **OPERATOR
                )
                topology.server("f1").kill()
            playbook = topology.folder / f"example-{number}.yml"
            playbook.write_text(yaml.safe_dump([play], sort_keys=False))
            played = topology.try_playbook(str(playbook))
            assert played.code == 0, played.output
        assert topology.server("f2").value("SELECT @@GLOBAL.read_only") == 0


def a_member(server: TestServer) -> None:
    """Make the accounts of a set by hand."""
    closed = "super_read_only" if server.flavour == "mysql" else "read_only"
    server.rows(f"SET GLOBAL {closed} = 0")
    replicas = PASSWORDS["replication_passwords"]
    outside_binary_log(
        server,
        f"CREATE USER operator IDENTIFIED BY '{PASSWORDS['dbrw_operator_password']}'",
        "GRANT ALL ON *.* TO operator WITH GRANT OPTION",
        *(
            statement
            for name in ("f1", "f2")
            for statement in (
                f"CREATE USER replication_{name} IDENTIFIED BY '{replicas[name]}'",
                f"GRANT REPLICATION SLAVE ON *.* TO replication_{name}",
            )
        ),
    )
    server.rows(f"SET GLOBAL {closed} = 1")


def plays_of_sets(topology: Topology) -> list[dict[str, Any]]:
    """Return the examples as plays of one task, on the members that they name, the info first."""
    plays: list[dict[str, Any]] = []
    on = "f1"
    for task in (task for module in OF_SETS for task in examples_of(module)):
        options = next((task[word] for word in task if word.startswith("dbrw.sharding.")), None)
        if options is None:
            # It looks at what the task before it has found.
            plays[-1]["tasks"].append(task)
            continue
        on = options["member"]
        for member in options["members"]:
            member["host"] = topology.server(member["name"]).address
            member["port"] = PORT
        # No TLS between servers that share a machine.
        options["operator_tls"] = False
        if "replication_user" in options["members"][0]:
            options["source_ssl"] = False
        options["login_unix_socket"] = topology.server(on).socket
        plays.append(
            {
                "hosts": on,
                "gather_facts": False,
                "vars": PASSWORDS,
                "module_defaults": {"group/dbrw.sharding.all": {"login_user": "root"}},
                "tasks": [task],
            }
        )
    return plays


def accounts_of(server: TestServer) -> set[tuple[str, str]]:
    rows = server.rows("SELECT User AS user, Host AS host FROM mysql.user")
    return {(row["user"], row["host"]) for row in rows}


def leave_nothing(bare: Topology, accounts: dict[str, set[tuple[str, str]]]) -> None:
    """Take away what examples leave on the servers that other tests use, too."""
    r1 = bare.server("r1")
    told = run_module("mysql_replication_channel_info", r1)["channels"]
    if told:
        names = [{"channel": channel["channel"]} for channel in told]
        gone = run_module("mysql_replication_channel", r1, channels=names, state="absent")
        assert "failed" not in gone, gone
    if tls_folder(bare).exists():
        bare.playbook("servers.yml", "--limit", "w1")
        shutil.rmtree(tls_folder(bare))
    for file in ("w1/conf.d/95-autoinc.cnf", "r1/conf.d/96-filters.cnf"):
        (bare.folder / file).unlink(missing_ok=True)
    forget_pair(bare.server("w1"))
    for name in SERVERS:
        server = bare.server(name)
        outside_binary_log(
            server,
            *(
                f"DROP SCHEMA IF EXISTS {schema}"
                for schema in ("usage_data", "customers", "fabric", "dbrw")
            ),
        )
        for user, host in accounts_of(server) - accounts[name]:
            # A role of MariaDB has no host.
            outside_binary_log(
                server, f"DROP USER '{user}'@'{host}'" if host else f"DROP ROLE {user}"
            )
    # Last of all: an event has written heartbeats until now.
    forget_binary_logs(*(bare.server(name) for name in SERVERS))
