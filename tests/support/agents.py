"""A replica set of f1 and f2 with an agent beside each, accounts made by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.agent_program import agent_program
from tests.integration.lines import Host, TestServer, Topology, running_topology, wait_until
from tests.integration.modules import run_module

NAMES = ("f1", "f2")
PASSWORD, AGENT, MONITOR = "set-secret", "agent-secret", "monitor-secret"
# What docs/agent.md lists, and no more.
GRANTS = {
    "mariadb": {
        "agent": "PROCESS, SLAVE MONITOR, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN, "
        "READ_ONLY ADMIN, CONNECTION ADMIN, BINLOG ADMIN, EVENT, SET USER",
        "monitor": "PROCESS, BINLOG MONITOR, SLAVE MONITOR",
    },
    "mysql": {
        "agent": "PROCESS, REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN, SYSTEM_VARIABLES_ADMIN, "
        "CONNECTION_ADMIN, SYSTEM_USER, XA_RECOVER_ADMIN, SESSION_VARIABLES_ADMIN, EVENT, "
        "SET_ANY_DEFINER",
        "monitor": "PROCESS, REPLICATION CLIENT",
    },
}
_CLEAN = {
    "mariadb": (
        "STOP ALL SLAVES",
        "RESET SLAVE 'fabric' ALL",
        "SET GLOBAL rpl_semi_sync_master_enabled = 0",
        "SET GLOBAL read_only = 0",
        "DROP SCHEMA IF EXISTS dbrw",
        "DROP SCHEMA IF EXISTS shop",
        "RESET MASTER",
        "SET GLOBAL gtid_slave_pos = ''",
        "SET GLOBAL read_only = 1",
    ),
    "mysql": (
        "STOP REPLICA",
        "RESET REPLICA ALL",
        "SET GLOBAL rpl_semi_sync_source_enabled = 0",
        "SET GLOBAL read_only = 0",
        "DROP SCHEMA IF EXISTS dbrw",
        "DROP SCHEMA IF EXISTS shop",
        "RESET BINARY LOGS AND GTIDS",
        "SET GLOBAL super_read_only = 1",
    ),
}
# A channel that there is not.
_NONE = (1617, 3074)


@dataclass
class Agents:
    """The pair, its agents, and what is done to them."""

    topology: Topology
    started_by: dict[str, list[str]] = field(default_factory=dict)

    @property
    def host(self) -> Host:
        return self.topology.host

    @property
    def python(self) -> str:
        return "/usr/bin/python3" if self.host.container else sys.executable

    def server(self, name: str) -> TestServer:
        return self.topology.server(name)

    def start_servers(self, *names: str) -> None:
        """Start servers again as they were started first, unless they run."""
        for name in names:
            server = self.server(name)
            if not server.answers():
                self.host.run(
                    *("sh", "-c", 'exec setsid -f "$@" </dev/null >/dev/null 2>&1', "sh"),
                    *self.started_by[name],
                )
        for name in names:
            wait_until(self.server(name).answers, 60, f"{name} does not start")

    def remember(self) -> None:
        """Keep how each server was started."""
        for name in NAMES:
            process = f"/proc/{self.server(name).pid}"
            environment, command = (
                self.host.run("sh", "-c", f"tr '\\0' '\\n' <{process}/{file}").stdout.split("\n")
                for file in ("environ", "cmdline")
            )
            self.started_by[name] = ["env", *filter(None, environment), *filter(None, command)]

    def play(self, here: str, **options: Any) -> dict[str, Any]:
        """Call the module on a member; it must succeed."""
        result = run_module(
            "mysql_replica_set",
            self.server(here),
            name="fabric",
            member=here,
            members=[
                {
                    "name": name,
                    "host": self.server(name).address,
                    "port": self.server(name).port,
                    "replication_user": f"replication_{name}",
                    "replication_password": PASSWORD,
                }
                for name in NAMES
            ],
            operator_password=PASSWORD,
            operator_tls=False,
            source_ssl=False,
            connect_timeout=2,
            **options,
        )
        assert not result.get("failed"), result["msg"]
        return result

    def is_open(self, name: str) -> bool:
        server = self.server(name)
        return server.answers() and not int(server.value("SELECT @@GLOBAL.read_only"))

    def reason(self, name: str) -> str:
        """Return what the agent says of its server."""
        said = json.loads(self._file(name, ".state").read_text())
        return f"{said['state']}: {said['reason']}"

    def waits(self, name: str, for_what: str, seconds: float = 20) -> str:
        """Wait until the agent gives a reason that has these words."""

        def says() -> str:
            if not self._file(name, ".state").exists():
                return ""
            return self.reason(name) if for_what in self.reason(name) else ""

        return str(wait_until(says, seconds, f"{name} does not say {for_what}: {self.log(name)}"))

    def log(self, name: str) -> str:
        log = self._file(name, ".state.log")
        return log.read_text() if log.exists() else ""

    def command(self, name: str, *words: str) -> str:
        """Run a command of the agent's program, and return what it prints."""
        verb, *more = words
        return self.host.run(
            self.python,
            str(self.topology.folder / "dbrw_agent"),
            verb,
            str(self._file(name, "")),
            *more,
        ).stdout.strip()

    def start(self, *names: str) -> None:
        for name in names:
            self.command(name, "start")

    def stop(self, *names: str) -> None:
        for name in names:
            self.command(name, "stop")

    def configure(self) -> None:
        """Write the program and the members' configurations."""
        program = self.topology.folder / "dbrw_agent"
        program.write_text(agent_program(self.python))
        for name in NAMES:
            file = self._file(name, "")
            file.write_text(json.dumps(self._config(name)))
            file.chmod(0o600)

    def _config(self, name: str) -> Mapping[str, Any]:
        return {
            "set": "fabric",
            "member": name,
            "members": [
                {"name": one, "host": self.server(one).address, "port": self.server(one).port}
                for one in NAMES
            ],
            "socket": self.server(name).socket,
            "user": "agent",
            "password": AGENT,
            "monitor_user": "monitor",
            "monitor_password": MONITOR,
            "tls": False,
        }

    def _file(self, name: str, suffix: str) -> Path:
        return self.topology.folder / name / f"agent.json{suffix}"

    def born(self) -> None:
        """Let both servers run, as a set just made, and have no agent."""
        self.stop(*NAMES)
        self.start_servers(*NAMES)
        for name in NAMES:
            self._clean(self.server(name))
            for suffix in (".state", ".state.log"):
                self._file(name, suffix).unlink(missing_ok=True)
        self.play("f1")
        self.server("f1").rows("CREATE SCHEMA shop")
        self.server("f1").rows("CREATE TABLE shop.t (id INT PRIMARY KEY)")

    def _clean(self, server: TestServer) -> None:
        server.close()
        with server.admin() as connection, connection.cursor() as cursor:
            for statement in _CLEAN[server.flavour]:
                try:
                    cursor.execute(statement)
                except Exception as error:
                    if error.args[0] not in _NONE:
                        raise
            cursor.execute("SET SESSION sql_log_bin = 0")
            if server.flavour == "mysql":
                cursor.execute("SET GLOBAL super_read_only = 0")
            for account in self._accounts(server.flavour):
                cursor.execute(account)
            if server.flavour == "mysql":
                cursor.execute("SET GLOBAL super_read_only = 1")

    def _accounts(self, flavour: str) -> Iterator[str]:
        passwords = {"operator": PASSWORD, "agent": AGENT, "monitor": MONITOR}
        passwords.update({f"replication_{name}": PASSWORD for name in NAMES})
        for user, password in passwords.items():
            yield f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'"
        yield "GRANT ALL ON *.* TO operator WITH GRANT OPTION"
        for name in NAMES:
            yield f"GRANT REPLICATION SLAVE ON *.* TO replication_{name}"
        for user, words in GRANTS[flavour].items():
            yield f"GRANT {words} ON *.* TO {user}"
            yield f"GRANT SELECT ON dbrw.* TO {user}"


@contextmanager
def running_agents(host: Host) -> Iterator[Agents]:
    """Give the pair, and end the agents and the servers afterwards."""
    with running_topology(host, "agents", *NAMES) as topology:
        agents = Agents(topology)
        topology.playbook("servers.yml", "--limit", ",".join(NAMES))
        agents.remember()
        agents.configure()
        try:
            yield agents
        finally:
            agents.stop(*NAMES)
