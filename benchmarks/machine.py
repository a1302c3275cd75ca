"""What was measured on: the machine and the versions, without its name or its paths."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from benchmarks.servers import ROOT, Failed


def machine(folder: Path) -> dict[str, str]:
    """Return what the machine is; ``folder`` is where the servers' data is."""
    cores = len(os.sched_getaffinity(0))
    memory = int(_line_of(Path("/proc/meminfo"), "MemTotal").split()[0])
    return {
        "processor": f"{_line_of(Path('/proc/cpuinfo'), 'model name')}, {cores} cores",
        "memory": f"{memory / 2**20:.0f} GiB",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "file system of the servers' data": _file_system(folder),
    }


def versions(server: str, archiver: str) -> dict[str, str]:
    """Return the versions of what took part; ``server`` is what the servers call theirs."""
    return {
        "server": server,
        "ansible-core": version("ansible-core"),
        "community.mysql": peer_version(),
        "pt-archiver": archiver,
        "PyMySQL": version("PyMySQL"),
        "Python": platform.python_version(),
        "commit": _commit(),
    }


def peer_version() -> str:
    """Return the version of community.mysql; raise ``Failed`` where it is not installed."""
    try:
        place = distribution("ansible").locate_file("ansible_collections/community/mysql")
        manifest = Path(str(place), "MANIFEST.json").read_text()
    except (PackageNotFoundError, OSError) as error:
        raise Failed(
            f"community.mysql, which the package ansible has, is not there: {error}"
        ) from None
    return str(json.loads(manifest)["collection_info"]["version"])


def archiver_version() -> str:
    """Return the version of pt-archiver; raise ``Failed`` where it is not installed."""
    try:
        done = subprocess.run(
            ["pt-archiver", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failed(
            f"pt-archiver, which Debian's package percona-toolkit has, does not run: {error}"
        ) from None
    return done.stdout.split()[-1]


def _line_of(file: Path, name: str) -> str:
    """Return what a line ``name : value`` says; "unknown" if there is none."""
    for line in file.read_text().splitlines():
        key, _rest, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _file_system(folder: Path) -> str:
    """Return the type of the file system that holds a folder."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _rest, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return "unknown"


def _commit() -> str:
    """Return the commit that was measured, and whether the files differed from it."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        changes = _git("status", "--porcelain", "--", ".", ":(exclude)docs/benchmarks.md")
    except (OSError, subprocess.CalledProcessError):
        return "not known"
    return f"{name}, with changes that are not committed" if changes else name


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
