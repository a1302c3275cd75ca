"""The check of a whole topology: how long one call takes that asks all of its servers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from benchmarks.measure import Sample, Table, number
from benchmarks.servers import PORT, ROOT, Failed, Servers, called, kinds, whole_inventory
from demo.report import Report

MODULE = "mysql_topology_info"
MODULE_SECONDS = 120.0
SITE = "playbooks/site.yml"
SIZES = (6, 24)
# Of the largest size each server is asked under so many names.
NAMES = 4
AIM = 5.0
# A new topology may need a moment, until every channel has told of itself.
HEALTHY_SECONDS = 60.0
KINDS = {"write_servers": "write", "read_servers": "read", "fabric_servers": "member"}
FABRIC = "fabric"


@dataclass
class Checks:
    """Seconds of the module by the number of servers it asks, and what it has found."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    findings: dict[int, int] = field(default_factory=dict)
    # Those that run; the others are the same ones by other names.
    real: dict[int, int] = field(default_factory=dict)


def measure(servers: Servers, sizes: Sequence[int], repetitions: int, report: Report) -> Checks:
    """Build a topology at each size, growing, and check it; the last one under several names too."""
    checks = Checks()
    for size in sorted(sizes):
        report.say(f"a topology of {size} servers: building it")
        servers.play_whole(SITE, size)
        _ensure_healthy(servers, size)
        names = (1, NAMES) if size == max(sizes) else (1,)
        for times in names:
            asked = size * times
            checks.real[asked] = size
            for repetition in range(1, repetitions + 1):
                seconds, said = _checked(servers, size, times)
                if times == 1 and said["findings"]:
                    raise Failed(f"{MODULE} has found something: {said['report']}")
                checks.seconds.setdefault(asked, []).append(seconds)
                checks.findings[asked] = len(said["findings"])
                report.say(
                    f"the check of {asked} servers, run {repetition} of {repetitions}: "
                    f"{number(seconds)} s"
                )
    return checks


def _ensure_healthy(servers: Servers, size: int) -> None:
    """Check until nothing is found; it is the warm-up as well."""
    end = time.monotonic() + HEALTHY_SECONDS
    while (said := _checked(servers, size, 1)[1])["findings"]:
        if time.monotonic() > end:
            raise Failed(f"the topology of {size} servers is not healthy:\n{said['report']}")
        time.sleep(1)


def _checked(servers: Servers, size: int, times: int) -> tuple[float, dict[str, Any]]:
    """Run the module as Ansible does, as a process; return its seconds and what it says."""
    password = (servers.folder / "secrets" / "monitor").read_text().strip()
    arguments = {
        "login_user": "monitor",
        "login_password": password,
        **options(servers.net, size, times),
    }
    seconds, said = called(MODULE, arguments, MODULE_SECONDS)
    if said["unreachable_servers"]:
        raise Failed(f"not every server has answered: {said['unreachable_servers']}")
    return seconds, said


def options(net: int, size: int, times: int) -> dict[str, Any]:
    """Return the module's options as the playbook gives them, with each server ``times`` times."""
    local = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())
    children = whole_inventory(net, size)["all"]["children"]
    asked = []
    for copy in range(1, times + 1):
        more = f"_{copy}" if copy > 1 else ""
        for group, kind in KINDS.items():
            for name, host in children[group]["hosts"].items():
                of_kind = {
                    "write": {
                        "id_increment": local["dbrw_increment"],
                        "id_offset": host.get("dbrw_offset"),
                    },
                    "member": {"replica_set": f"{FABRIC}{more}"},
                }
                asked.append(
                    {
                        "name": f"{name}{more}",
                        "kind": kind,
                        "datacenter": host["dbrw_datacenter"],
                        "host": host["dbrw_address"],
                        "port": PORT,
                        **of_kind.get(kind, {}),
                    }
                )
    sets = {one["replica_set"]: None for one in asked if one["kind"] == "member"}
    return {
        "connect_timeout": 5,
        "servers": asked,
        "sets": [{"name": name} for name in sets],
        "usage_tables": [
            {key: one[key] for key in ("schema", "name", "id_column", "months_ahead")}
            for one in local["dbrw_usage_tables"]
        ],
        "require_tls": local["dbrw_require_tls"],
        "now": local["dbrw_now"],
    }


def table(checks: Checks) -> Table:
    """Return the sizes."""

    def row(asked: int, seconds: Sequence[float]) -> list[str]:
        real = checks.real[asked]
        writers, readers = kinds(real)
        return [
            f"{asked}",
            f"{real}",
            f"{writers}, {readers}, {real - writers - readers}",
            str(Sample(tuple(seconds))),
            f"{checks.findings[asked]:,}",
        ]

    return Table(
        f"{MODULE}, the whole process: seconds, median (min–max)",
        ("servers asked", "of them real", "write, read, members", "seconds", "findings"),
        [row(asked, seconds) for asked, seconds in checks.seconds.items()],
    )


def judged(checks: Checks) -> Sequence[str]:
    """Return the aim at each size with whether it is met, as sentences."""
    found = []
    for asked, seconds in checks.seconds.items():
        sample = Sample(tuple(seconds))
        real = checks.real[asked]
        names = f" ({real}, each under {asked // real} names)" if asked > real else ""
        found.append(
            f"A check of {asked} servers{names} takes less than {AIM:.0f} s: "
            f"**{'met' if sample.median < AIM else 'missed'}**, {sample} s."
        )
    return found
