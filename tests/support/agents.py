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
from tests.support.replica_sets import ReplicaSet, as_new, is_open, start

NAMES = ("f1", "f2")
AGENT, MONITOR = "agent-secret", "monitor-secret"
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


@dataclass
class Agents:
    """The pair, its agents, and what is done to them."""

    topology: Topology
    # When the state file was written that what is waited for must be newer than.
    stale: dict[str, int] = field(default_factory=dict)

    @property
    def host(self) -> Host:
        return self.topology.host

    @property
    def python(self) -> str:
        return "/usr/bin/python3" if self.host.container else sys.executable

    def server(self, name: str) -> TestServer:
        return self.topology.server(name)

    @property
    def members(self) -> ReplicaSet:
        return ReplicaSet(self.topology)

    def start_servers(self, *names: str) -> None:
        """Start servers again, unless they run."""
        for name in names:
            if not self.server(name).answers():
                self._forget(name)
        for name in names:
            start(self.server(name))

    def play(self, here: str, **options: Any) -> dict[str, Any]:
        """Call the module on a member; it must succeed."""
        result = self.members.call(here, connect_timeout=2, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def is_open(self, name: str) -> bool:
        return self.server(name).answers() and is_open(self.server(name))

    def reason(self, name: str) -> str:
        """Return what the agent says of its server."""
        said = json.loads(self._file(name, ".state").read_text())
        return f"{said['state']}: {said['reason']}"

    def waits(self, name: str, for_what: str, seconds: float = 20) -> str:
        """Wait until the agent gives a reason that has these words.

        What is left from before its server, or itself, was started is none.
        """

        def says() -> str:
            if self._written(name) <= self.stale.get(name, 0):
                return ""
            return self.reason(name) if for_what in self.reason(name) else ""

        return str(wait_until(says, seconds, f"{name} does not say {for_what}: {self.log(name)}"))

    def _written(self, name: str) -> int:
        file = self._file(name, ".state")
        return file.stat().st_mtime_ns if file.exists() else 0

    def _forget(self, name: str) -> None:
        self.stale[name] = self._written(name)

    def log(self, name: str) -> str:
        log = self._file(name, ".state.log")
        return log.read_text() if log.exists() else ""

    def command(self, name: str, *words: str) -> str:
        """Run a command of the agent's program, and return what it prints."""
        verb, *more = words
        if verb == "once":
            self._forget(name)
        return self.host.run(
            self.python,
            str(self.topology.folder / "dbrw_agent"),
            verb,
            str(self._file(name, "")),
            *more,
        ).stdout.strip()

    def start(self, *names: str) -> None:
        for name in names:
            self._forget(name)
            assert self.command(name, "start") == "started", name

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

    def forget_configuration(self) -> None:
        for name in NAMES:
            self._file(name, "").unlink(missing_ok=True)

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
            as_new(self.server(name), *_accounts(self.server(name).flavour))
            for suffix in (".state", ".state.log"):
                self._file(name, suffix).unlink(missing_ok=True)
        self.play("f1")
        self.server("f1").rows("CREATE SCHEMA shop")
        self.server("f1").rows("CREATE TABLE shop.t (id INT PRIMARY KEY)")


def _accounts(flavour: str) -> Iterator[str]:
    for user, password in (("agent", AGENT), ("monitor", MONITOR)):
        yield f"DROP USER IF EXISTS {user}"
        yield f"CREATE USER {user} IDENTIFIED BY '{password}'"
        yield f"GRANT {GRANTS[flavour][user]} ON *.* TO {user}"
        yield f"GRANT SELECT ON dbrw.* TO {user}"


@contextmanager
def running_agents(host: Host) -> Iterator[Agents]:
    """Give the pair, and end the agents and the servers afterwards."""
    with running_topology(host, "agents", *NAMES) as topology:
        agents = Agents(topology)
        topology.playbook("servers.yml", "--limit", ",".join(NAMES))
        agents.configure()
        try:
            yield agents
        finally:
            agents.stop(*NAMES)
            # servers_stop.yml would look for the program where the role puts it.
            agents.forget_configuration()
