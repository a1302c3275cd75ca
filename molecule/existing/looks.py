"""What a host was when ``prepare`` was done, and what it is now, as lines of ``look.sh``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab.servers import FOLDER, SCENARIO

HOSTS = ("db1", "db2", "db3", "db4")
KINDS = (
    "service",
    "binlog",
    "file",
    "definition",
    "row",
    "table",
    "account",
    "grant",
    "channel",
    "variable",
)


def changes(host: str) -> tuple[set[str], set[str]]:
    """Return the lines that are gone, and those that have come."""
    before = set((FOLDER / f"before-{host}").read_text().splitlines())
    now = set(ask(host, Path(__file__).with_name("look.sh").read_text()).splitlines())
    assert {line.split()[0] for line in before} == set(KINDS) - {"channel"}
    return before - now, now - before


def ask(host: str, script: str) -> str:
    """Run a shell's script on a host, as root, and return what it printed."""
    return subprocess.run(
        ["docker", "exec", "--interactive", f"dbrw-{SCENARIO}-{host}", "sh", "-e"],
        input=script,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def sql(host: str, statement: str) -> list[list[str]]:
    """Run a statement as the host's root, and return the rows."""
    script = f"exec mariadb --batch --skip-column-names <<'END'\n{statement}\nEND\n"
    return [line.split("\t") for line in ask(host, script).splitlines()]
