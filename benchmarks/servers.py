"""Servers of the benchmark's own: plain processes in a temporary folder, and an end for each."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import yaml
from pymysql.cursors import Cursor

ROOT = Path(__file__).resolve().parents[1]
PORT = 13306
READER = "r1"
# Two pairs with one active writer each: the collection's replica set, and one made by hand.
PAIRS = {"fabric": ("f1", "f2"), "stock": ("s1", "s2")}
# Longer than any run of a playbook takes; a run that hangs must not hang for ever.
PLAYBOOK_SECONDS = 600.0
END_SECONDS = 20.0


class Failed(Exception):
    """The benchmark cannot go on; the message tells what was found."""


def called(module: str, arguments: dict[str, Any], limit: float) -> tuple[float, dict[str, Any]]:
    """Run a module as Ansible does, as a process; return its seconds and what it has said.

    Raises ``Failed``; after ``limit`` seconds subprocess.TimeoutExpired.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", f"ansible_collections.dbrw.sharding.plugins.modules.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        check=False,
        timeout=limit,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise Failed(f"{module} failed: {done.stdout}{done.stderr}")
    said: dict[str, Any] = json.loads(done.stdout)
    return seconds, said


@dataclass(frozen=True)
class Played:
    """A run of a playbook: wall clock and processor time in seconds, and what it said."""

    seconds: float
    cpu_seconds: float
    output: str

    @property
    def changed(self) -> int:
        """Tasks that changed something, over all hosts."""
        return self._recap("changed")

    @property
    def results(self) -> int:
        """Results of tasks on hosts; each item of a loop is one."""
        starts = ("ok: [", "changed: [")
        return sum(line.startswith(starts) for line in self.output.splitlines())

    @property
    def tasks_changed(self) -> Counter[str]:
        """The names of the tasks that changed something."""
        names: Counter[str] = Counter()
        task = ""
        for line in self.output.splitlines():
            if line.startswith("TASK ["):
                task = line[len("TASK [") :].split("]")[0]
            elif line.startswith("changed: ["):
                names[task] += 1
        return names

    @property
    def task_seconds(self) -> list[tuple[str, float]]:
        """Return the tasks of a profiled run with their seconds, the longest first.

        A task's time is until the next one begins, over all its hosts.
        """
        _before, _title, profile = self.output.partition("TASKS RECAP")
        found = re.findall(r"^(\S.*?) -{2,} ?([\d.]+)s$", profile, re.MULTILINE)
        return [(name.rpartition(" : ")[2], float(seconds)) for name, seconds in found]

    def _recap(self, word: str) -> int:
        recap = self.output.split("PLAY RECAP", 1)[1].split("TASKS RECAP")[0]
        return sum(
            int(part.partition("=")[2]) for part in recap.split() if part.startswith(f"{word}=")
        )


def inventory(net: int, sources: int, readers: int = 1) -> dict[str, Any]:
    """Return an inventory of write servers and read servers in two data centres."""

    def server(number: int, dc: int, last: int, pool: str, **variables: Any) -> dict[str, Any]:
        return {
            "dbrw_datacenter": f"dc{dc}",
            "dbrw_server_id": number,
            "dbrw_address": f"127.{dc}.{net}.{last}",
            "mysqld_settings": {"innodb_buffer_pool_size": pool},
            # The peer has no such file.
            "mysqld_client_config_file": "",
            **variables,
        }

    # The data centres by turns: each has half of the write servers at every size.
    writers = {
        f"w{number}": server(number, 2 - number % 2, number, "32M", dbrw_offset=number)
        for number in range(1, sources + 1)
    }
    reading = {
        f"r{number}": server(100 + number, 2 - number % 2, 100 + number, "256M")
        for number in range(1, readers + 1)
    }
    return {
        "all": {
            "children": {
                "mysqld": {"children": {"write_servers": {}, "read_servers": {}}},
                "write_servers": {"hosts": writers},
                "read_servers": {"hosts": reading},
            },
        }
    }


def pair_inventory(net: int, pair: str) -> dict[str, Any]:
    """Return an inventory of a pair's two members, one in each data centre, and nothing else."""
    first = {"fabric": 201, "stock": 202}[pair]
    hosts = {
        name: {
            "dbrw_datacenter": f"dc{dc}",
            "dbrw_server_id": 10 * first + dc,
            "dbrw_set_offset": dc,
            "dbrw_address": f"127.{dc}.{net}.{first}",
            "mysqld_client_config_file": "",
        }
        for dc, name in enumerate(PAIRS[pair], start=1)
    }
    return {
        "all": {
            "children": {
                "mysqld": {"children": {"fabric_servers": {}}},
                "fabric_servers": {"hosts": hosts},
            },
        }
    }


def kinds(size: int) -> tuple[int, int]:
    """Return how many of a whole topology's servers are write servers, and how many read servers.

    Two are the members of its replica set.
    """
    readers = size // 4
    return size - readers - len(PAIRS["fabric"]), readers


def whole_inventory(net: int, size: int) -> dict[str, Any]:
    """Return an inventory of a topology with all kinds of servers, ``size`` together, all small."""
    described = inventory(net, *kinds(size))
    children = described["all"]["children"]
    pair = pair_inventory(net, "fabric")["all"]["children"]
    children["mysqld"]["children"]["fabric_servers"] = {}
    children["fabric_servers"] = pair["fabric_servers"]
    for group in children.values():
        for host in group.get("hosts", {}).values():
            host["mysqld_settings"] = {"innodb_buffer_pool_size": "16M"}
    return described


def usage_tables(number: int) -> list[dict[str, Any]]:
    """Return the demo's usage table, and copies of it by other names, ``number`` together."""
    described = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())
    (first,) = described["dbrw_usage_tables"]
    name = first["name"]
    names = [name, *(f"{name}_{copy}" for copy in range(2, number + 1))]
    return [
        {
            **first,
            "name": copy,
            "definition": first["definition"].replace(f"TABLE {name} ", f"TABLE {copy} "),
        }
        for copy in names
    ]


@dataclass
class Servers:
    """Up to ``most`` write servers, read servers and pairs below one folder."""

    folder: Path
    net: int
    most: int
    _sizes: list[int] = field(default_factory=list)
    _pairs: list[str] = field(default_factory=list)
    _wholes: list[int] = field(default_factory=list)

    def inventory(self, sources: int) -> Path:
        """Return the inventory with this many write servers; written on first use."""
        path = self.folder / f"inventory-{sources}"
        if not path.exists():
            self._sizes.append(sources)
            shutil.copytree(ROOT / "inventories/local/group_vars", path / "group_vars")
            described = inventory(self.net, sources)
            # YAML takes JSON.
            (path / "hosts.yml").write_text(json.dumps(described, indent=1))
        return path

    def play(self, playbook: str, sources: int, profiled: bool = False, tables: int = 1) -> Played:
        """Run a playbook on the first ``sources`` write servers and the read server.

        ``profiled`` makes it say how long each task took; they have ``tables`` usage tables.
        """
        variables: dict[str, Any] = {"local_dir": str(self.folder), "local_net": self.net}
        if tables > 1:
            variables["dbrw_usage_tables"] = usage_tables(tables)
        return self._run(
            playbook, self.inventory(sources), variables, profiled, f"{sources} sources"
        )

    def pair_inventory(self, pair: str) -> Path:
        """Return the inventory of a pair; written on first use."""
        path = self.folder / f"inventory-{pair}"
        if not path.exists():
            self._pairs.append(pair)
            shutil.copytree(ROOT / "inventories/local/group_vars", path / "group_vars")
            (path / "hosts.yml").write_text(json.dumps(pair_inventory(self.net, pair), indent=1))
        return path

    def play_pair(self, playbook: str, pair: str, *words: str) -> Played:
        """Run a playbook on a pair; ``words`` are more of the command."""
        variables = {"local_dir": str(self.folder), "local_net": self.net}
        return self._run(
            f"playbooks/{playbook}", self.pair_inventory(pair), variables, False, pair, *words
        )

    def whole_inventory(self, size: int) -> Path:
        """Return the inventory of a whole topology; written on first use."""
        path = self.folder / f"inventory-whole-{size}"
        if not path.exists():
            self._wholes.append(size)
            shutil.copytree(ROOT / "inventories/local/group_vars", path / "group_vars")
            (path / "hosts.yml").write_text(json.dumps(whole_inventory(self.net, size), indent=1))
        return path

    def play_whole(self, playbook: str, size: int) -> Played:
        """Run a playbook on a whole topology of this many servers."""
        variables = {"local_dir": str(self.folder), "local_net": self.net}
        return self._run(
            playbook, self.whole_inventory(size), variables, False, f"{size} servers of all kinds"
        )

    def _run(
        self,
        playbook: str,
        inventory: Path,
        variables: dict[str, Any],
        profiled: bool,
        where: str,
        *words: str,
    ) -> Played:
        profile = {
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
            "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all",
        }
        before, started = _cpu_seconds(), time.perf_counter()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ansible", "playbook", playbook),
                *("-i", str(inventory), "-e", json.dumps(variables), *words),
            ],
            cwd=ROOT,
            env={
                **os.environ,
                **{"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
                # A result on a line of its own, which can be read again.
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
                **(profile if profiled else {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # An interrupt on the terminal reaches this process alone, which then ends the other.
            start_new_session=True,
        )
        try:
            output, _rest = process.communicate(timeout=PLAYBOOK_SECONDS)
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed(f"{playbook} took more than {PLAYBOOK_SECONDS:.0f} s") from None
            raise
        seconds = time.perf_counter() - started
        if process.returncode:
            raise Failed(f"{playbook} with {where} failed:\n{output}")
        return Played(seconds, _cpu_seconds() - before, output)

    def socket(self, name: str) -> str:
        """Return a server's unix domain socket."""
        return str(self.folder / name / "mysqld.sock")

    @contextmanager
    def session(self, name: str) -> Iterator[Cursor]:
        """Give a session of root's outside the binary log."""
        connection = pymysql.connect(
            unix_socket=self.socket(name), user="root", autocommit=True, charset="utf8mb4"
        )
        with closing(connection), connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_log_bin = 0")
            yield cursor

    def stop(self) -> None:
        """Stop every server that an inventory has named."""
        if self._sizes:
            self.play("playbooks/servers_stop.yml", max(self._sizes))
        if self._wholes:
            self.play_whole("playbooks/servers_stop.yml", max(self._wholes))
        for pair in self._pairs:
            self.play_pair("servers_stop.yml", pair)


@contextmanager
def own_servers(most: int, readers: int = 1) -> Iterator[Servers]:
    """Give a folder and addresses for servers; afterwards they are stopped and removed."""
    # A short path: a socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="dbrw-bench-"))
    net, claim = _claim_net(most, readers)
    servers = Servers(folder, net, most)
    try:
        yield servers
    finally:
        # A server that could not be stopped keeps its folder.
        servers.stop()
        shutil.rmtree(folder)
        os.close(claim)


def _end(process: subprocess.Popen[str]) -> None:
    """End a run of Ansible: asked, it ends its workers too, which could start a server still."""
    process.terminate()
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _cpu_seconds() -> float:
    """Return the processor time of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _claim_net(most: int, readers: int) -> tuple[int, int]:
    """Return a number for the addresses that nobody else has, and what keeps it so.

    The tests claim theirs by the same locks.
    """
    for net in range(1, 255):
        claim = os.open(
            Path(tempfile.gettempdir(), f"dbrw-net-{net}.lock"), os.O_CREAT | os.O_RDWR, 0o600
        )
        groups = [
            *inventory(net, most, readers)["all"]["children"].values(),
            *(pair_inventory(net, pair)["all"]["children"]["fabric_servers"] for pair in PAIRS),
        ]
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for group in groups:
                for host in group.get("hosts", {}).values():
                    with socket.create_server((host["dbrw_address"], PORT)):
                        pass
        except OSError:
            os.close(claim)
        else:
            return net, claim
    raise Failed("every net from 1 to 254 is in use")
