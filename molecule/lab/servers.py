"""A scenario's servers as somebody outside them sees them: over TCP and TLS.

What the playbooks believe is not asked; only the addresses and the passwords come
from what they have written for applications and kept as secrets.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from examples.dbrw import READ, WRITE, Topology

TABLE = "usage_data.calls"
FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
FLAVOUR = os.environ["LAB_FLAVOUR"]
UNIT = os.environ.get("LAB_UNIT", FLAVOUR)
AUTHORITY = FOLDER / "tls/ca.pem"
ERROR_LOG = "/var/log/mysql/error.log"


@dataclass(frozen=True)
class Server:
    """One server; ``offset`` is a write server's alone."""

    name: str
    datacenter: str
    address: str
    port: int
    offset: int | None

    @property
    def container(self) -> str:
        return f"dbrw-{SCENARIO}-{self.name}"

    def login(self, user: str, **options: Any) -> Any:
        """Return a new connection of one of the roles' accounts, over verified TLS."""
        given: dict[str, Any] = {
            "ssl": {"ca": str(AUTHORITY)},
            "connect_timeout": 5,
            "read_timeout": 60,
            "autocommit": True,
            **options,
        }
        password = (FOLDER / "secrets" / user).read_text().strip()
        return pymysql.connect(
            host=self.address, port=self.port, user=user, password=password, **given
        )

    def rows(self, sql: str, *args: Any, user: str = "monitor") -> list[dict[str, Any]]:
        """Run one statement in a connection of its own."""
        connection = self.login(user)
        try:
            with connection.cursor(DictCursor) as cursor:
                cursor.execute(sql, args or None)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def variable(self, name: str) -> str:
        """Return the value of a global variable."""
        (row,) = self.rows("SHOW GLOBAL VARIABLES WHERE Variable_name = %s", name)
        return str(row["Value"])

    def channels(self) -> dict[str, dict[str, Any]]:
        """Return the server's own status of each channel, in MySQL's present words."""
        if FLAVOUR == "mysql":
            return {row["Channel_Name"]: row for row in self.rows("SHOW REPLICA STATUS")}
        words = (("Slave_", "Replica_"), ("Master", "Source"))
        found = {}
        for row in self.rows("SHOW ALL SLAVES STATUS"):
            for old, new in words:
                row = {name.replace(old, new): value for name, value in row.items()}
            found[row["Connection_name"]] = row
        return found

    def running_channels(self) -> set[str]:
        """Return the names of the channels that receive and apply."""
        return {
            name
            for name, row in self.channels().items()
            if row["Replica_IO_Running"] == row["Replica_SQL_Running"] == "Yes"
        }

    def shell(self, command: str) -> str:
        """Run a shell's command on the host, as root, and return what it printed, errors too."""
        done = subprocess.run(
            ["docker", "exec", self.container, "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    def report(self) -> str:
        """Return what one wants to see when something is wrong, asked on the host itself."""
        status = "SHOW REPLICA STATUS" if FLAVOUR == "mysql" else "SHOW ALL SLAVES STATUS"
        told = "(connection_name|channel_name|_running|_errno|_error|_behind_(master|source))"
        return self.shell(
            f"timeout 10 {FLAVOUR} --execute '{status}\\G' | grep --ignore-case -E ' {told}:'; "
            # MySQL's; MariaDB writes into the journal.
            f"test ! -e {ERROR_LOG} || {{ echo '--- error log'; tail -n 40 {ERROR_LOG}; }}; "
            f"echo '--- journal'; journalctl --no-pager --lines 30 --unit {UNIT}"
        )


def application() -> Topology:
    """Return what ``site.yml`` has told applications."""
    return Topology.from_file(FOLDER / "application.json")


def servers(kind: str) -> list[Server]:
    """Return the servers of a kind that applications know."""
    return [
        Server(one.name, one.datacenter, one.host, one.port, one.offset)
        for one in application().of_kind(kind)
    ]


def write_servers() -> list[Server]:
    """Return the write servers that applications know."""
    return servers(WRITE)


def read_servers() -> list[Server]:
    """Return the read servers that applications know."""
    return servers(READ)


def wait_until(condition: Callable[[], Any], seconds: float, otherwise: str) -> Any:
    """Poll until the condition holds and return its value; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {seconds} s: {otherwise}"
        time.sleep(0.1)
