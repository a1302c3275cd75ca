"""The server lines that the collection is tested on, and servers of each.

A line is a version of MySQL or MariaDB: this host's own package, or an image
that ``molecule/images/build.py`` makes. A topology is a set of real servers of one
line on loopback addresses, made by the collection's own playbooks from
``inventories/local``.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pymysql
import yaml
from pymysql.cursors import DictCursor

ROOT = Path(__file__).resolve().parents[2]
PORT = 13306
# Where make quick keeps servers of this machine's own line between runs; unset: nowhere.
KEPT = os.environ.get("KEPT_SERVERS")
SMALL_DISK = 8 << 20


@dataclass(frozen=True)
class Line:
    """A server version under test; without an image it is this machine's own package."""

    name: str
    version_starts: str
    image: str | None = None

    @property
    def flavour(self) -> str:
        return self.name.partition("-")[0]


LINES = (
    Line("mariadb-10.11", "10.11."),
    Line("mariadb-11.8", "11.8.", "dbrw-sharding/mariadb:11.8"),
    Line("mysql-9.7", "9.7.", "dbrw-sharding/mysql:9.7"),
)


@dataclass
class Host:
    """Where a line's servers run: this machine, or a container that shares its network."""

    line: Line
    work_dir: Path
    container: str | None = None
    # Whether what runs in ``bare`` stays up for the next run.
    kept: bool = False

    def command(self, *words: str) -> list[str]:
        """Return the words as a command that runs where the servers run."""
        return ["docker", "exec", self.container, *words] if self.container else list(words)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command where the servers run."""
        return run(*self.command(*words))

    @contextmanager
    def small_disk(self) -> Iterator[Path]:
        """Give an empty file system of SMALL_DISK bytes; nothing may use it afterwards."""
        disk = self.work_dir / "small"
        if self.container:
            # It was mounted with the container, where nobody may mount.
            yield disk
            self.run("find", str(disk), "-mindepth", "1", "-delete")
            return
        root = () if os.geteuid() == 0 else ("sudo", "-n")
        disk.mkdir()
        run(*root, "mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(disk))
        try:
            yield disk
        finally:
            # Lazily: a server that could not be ended must not keep it mounted for ever.
            run(*root, "umount", "--lazy", str(disk))
            disk.rmdir()

    @property
    def connection(self) -> dict[str, str]:
        """Ansible's variables for reaching the host."""
        if not self.container:
            return {}
        return {
            "ansible_connection": "community.docker.docker",
            "ansible_host": self.container,
            "ansible_python_interpreter": "/usr/bin/python3",
        }


@contextmanager
def host_of(line: Line) -> Iterator[Host]:
    """Give a host for servers of a line, and remove what it held afterwards."""
    if KEPT and not line.image:
        kept = Path(KEPT)
        kept.mkdir(mode=0o755, exist_ok=True)
        # A run that was killed has left something.
        _leave_only_bare(kept)
        try:
            yield Host(line, kept, kept=True)
        finally:
            _leave_only_bare(kept)
        return
    # A short path of its own: a socket's path may have 107 bytes.
    work_dir = Path(tempfile.mkdtemp(prefix=f"dbrw-{line.name}-"))
    container = None
    try:
        if line.image:
            container = work_dir.name
            run(
                *("docker", "run", "--detach", "--rm", "--init", "--network", "host"),
                *("--volume", f"{work_dir}:{work_dir}", "--name", container),
                *("--tmpfs", f"{work_dir}/small:size={SMALL_DISK}"),
                *(line.image, "sleep", "infinity"),
            )
        yield Host(line, work_dir, container)
    finally:
        if container:
            run("docker", "rm", "--force", container)
        shutil.rmtree(work_dir)


def _leave_only_bare(folder: Path) -> None:
    """Remove what is not the kept servers'."""
    for one in folder.iterdir():
        if one.name != "bare":
            shutil.rmtree(one) if one.is_dir() else one.unlink()


@dataclass
class TestServer:
    """One running server, asked from outside: not through the collection's code."""

    __test__ = False

    host: Host
    name: str
    work_dir: Path
    address: str
    _connection: Any = field(default=None, repr=False)

    @property
    def port(self) -> int:
        return PORT

    @property
    def socket(self) -> str:
        return str(self.work_dir / "mysqld.sock")

    @cached_property
    def version(self) -> str:
        return str(self.rows("SELECT VERSION() AS version")[0]["version"])

    @cached_property
    def flavour(self) -> str:
        return "mariadb" if "mariadb" in self.version.lower() else "mysql"

    def admin(self, **options: Any) -> Any:
        """Return a new connection of root's."""
        return pymysql.connect(
            unix_socket=self.socket,
            user="root",
            autocommit=True,
            charset="utf8mb4",
            # For TLS it would read every authority of the system, which takes 30 ms.
            ssl_disabled=True,
            **options,
        )

    def login(self, user: str, password: str, **options: Any) -> Any:
        """Return a new connection over TCP."""
        return pymysql.connect(
            host=self.address, port=PORT, user=user, password=password, autocommit=True, **options
        )

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Run one statement as root; an ordinary session, binary log and all."""
        for fresh in (False, True):
            if fresh or self._connection is None:
                self._connection = self.admin()
            try:
                with self._connection.cursor(DictCursor) as cursor:
                    cursor.execute(sql, args or None)
                    return list(cursor.fetchall())
            except (pymysql.OperationalError, pymysql.InterfaceError) as error:
                # The server was restarted since the connection was opened.
                if fresh or error.args[0] not in (0, 2006, 2013, 4031):
                    raise
        raise AssertionError("not reached")

    def close(self) -> None:
        """Close the connection that ``rows`` keeps; it opens another when it needs one."""
        if self._connection is not None and self._connection.open:
            self._connection.close()
        self._connection = None

    def value(self, sql: str, *args: Any) -> Any:
        """Return the only value of the only row."""
        (row,) = self.rows(sql, *args)
        (value,) = row.values()
        return value

    @property
    def pid(self) -> str:
        return (self.work_dir / "data" / "mysqld.pid").read_text().strip()

    def kill(self) -> None:
        """End the server as a crash would: SIGKILL."""
        # A shell's own kill: a minimal image has no other.
        self.host.run("sh", "-c", f"kill -9 {self.pid}")
        wait_until(lambda: not self.answers(), 10, f"{self.name} answers after SIGKILL")

    def answers(self) -> bool:
        try:
            self.admin(connect_timeout=2).close()
        except pymysql.MySQLError:
            return False
        return True

    def error_log(self, lines: int = 40) -> str:
        log = self.work_dir / "error.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class Topology:
    """Servers of one line, made from ``inventories/local`` in a folder of their own.

    ``only`` names those of its hosts that there are; without a name there are all. ``more`` are
    hosts beside them, by group, with their variables.
    ``net`` is the third number of their addresses, this topology's alone: lines,
    and runs of the tests, go side by side on one machine.
    """

    def __init__(
        self,
        host: Host,
        folder: str,
        *only: str,
        more: dict[str, dict[str, dict[str, Any]]] | None = None,
    ) -> None:
        self.host = host
        self.folder = host.work_dir / folder
        self.inventory = ROOT / "inventories/local"
        if only:
            self.inventory = self._inventory_of(only, more or {})
        self.net, self._claim = self._kept_net() or _claim_net()
        self._servers: dict[str, TestServer] = {}

    @property
    def kept(self) -> bool:
        """Whether the servers stay up for the next run."""
        return self.host.kept and self.folder.name == "bare"

    def _kept_net(self) -> tuple[int, int] | None:
        """Return the number of the servers that an earlier run has kept, claimed."""
        file = self.folder / "net"
        if not self.kept:
            return None
        if not file.exists():
            self.folder.mkdir(exist_ok=True)
            net, claim = _claim_net()
            file.write_text(str(net))
            return net, claim
        net = int(file.read_text())
        claim = _claimed(net)
        assert claim is not None, (
            f"another run uses the servers in {self.folder}, or their addresses: wait until it ends"
        )
        return net, claim

    def server(self, name: str) -> TestServer:
        """Return the server of an inventory name: w1 to w4, r1, r2, f1, f2 (w5: dc2 too; f3)."""
        if name not in self._servers:
            number = int(name[1:])
            kind = name[0]
            dc = {"w": 1 if number <= 2 else 2, "r": number, "f": 2 - number % 2}[kind]
            last = {"w": number, "r": 101, "f": 201 + (number - 1) // 2}[kind]
            address = f"127.{dc}.{self.net}.{last}"
            self._servers[name] = TestServer(self.host, name, self.folder / name, address)
        return self._servers[name]

    def _inventory_of(
        self, names: tuple[str, ...], more: dict[str, dict[str, dict[str, Any]]]
    ) -> Path:
        """Write an inventory like ``inventories/local`` that has these hosts alone."""
        inventory = self.folder / "inventory"
        inventory.mkdir(parents=True)
        (inventory / "group_vars").symlink_to(self.inventory / "group_vars")
        written = yaml.safe_load((self.inventory / "hosts.yml").read_text())
        for title, group in written["all"]["children"].items():
            if "hosts" in group:
                group["hosts"] = {
                    name: group["hosts"][name] for name in names if name in group["hosts"]
                } | more.get(title, {})
        for title in more.keys() - written["all"]["children"].keys():
            written["all"]["children"][title] = {"hosts": more[title]}
            written["all"]["children"]["mysqld"]["children"][title] = None
        (inventory / "hosts.yml").write_text(yaml.safe_dump(written))
        return inventory

    def playbook(self, name: str, *arguments: str, **variables: Any) -> Played:
        """Run a playbook of the collection; fails the test when the playbook fails."""
        played = self.try_playbook(name, *arguments, **variables)
        assert played.code == 0, played.output
        return played

    def try_playbook(self, name: str, *arguments: str, **variables: Any) -> Played:
        """Run a playbook of the collection and return what it did, also when it fails."""
        extra = {
            "local_dir": str(self.folder),
            "local_net": self.net,
            **self.host.connection,
            **variables,
        }
        started = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook", "--diff"),
                *("-i", str(self.inventory), "-e", json.dumps(extra)),
                *arguments,
                str(ROOT / "playbooks" / name),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Played(done.returncode, done.stdout, time.monotonic() - started)


@contextmanager
def running_topology(
    host: Host,
    folder: str,
    *only: str,
    more: dict[str, dict[str, dict[str, Any]]] | None = None,
) -> Iterator[Topology]:
    """Give a topology whose servers the test starts, and stop all of them afterwards."""
    topology = Topology(host, folder, *only, more=more)
    try:
        yield topology
    finally:
        if not topology.kept:
            topology.playbook("servers_stop.yml")


def _claimed(net: int) -> int | None:
    """Return the descriptor that keeps a number for this process; None: it has another owner."""
    claim = os.open(
        Path(tempfile.gettempdir(), f"dbrw-net-{net}.lock"), os.O_CREAT | os.O_RDWR, 0o600
    )
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(claim)
        return None
    return claim


def _claim_net() -> tuple[int, int]:
    """Return a number that no other topology has, with the descriptor that keeps it so."""
    for net in range(1, 255):
        claim = _claimed(net)
        if claim is None:
            continue
        try:
            for address in (
                f"127.1.{net}.1",
                f"127.1.{net}.101",
                f"127.2.{net}.3",
                f"127.1.{net}.201",
            ):
                # A run that was killed may have left servers without the lock.
                with socket.create_server((address, PORT)):
                    pass
        except OSError:
            os.close(claim)
        else:
            return net, claim
    raise AssertionError("every net from 1 to 254 is in use")


@dataclass(frozen=True)
class Played:
    """What a run of a playbook said; ``seconds`` is how long it took."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> dict[str, int]:
        """The number of changed tasks by host, from the recap."""
        recap = self.output.split("PLAY RECAP", 1)[1]
        counts = {}
        for line in recap.splitlines():
            if " changed=" in line:
                host, numbers = line.split(":", 1)
                counts[host.strip()] = int(numbers.split("changed=")[1].split()[0])
        return counts


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed; fails with it when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words} failed: {done.stderr or done.stdout}"
    return done


def wait_until(condition: Callable[[], Any], seconds: float, otherwise: str) -> Any:
    """Poll until the condition holds and return its value; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {seconds} s: {otherwise}"
        time.sleep(0.1)
