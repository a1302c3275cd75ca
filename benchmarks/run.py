"""Measure the collection beside its peers, and write docs/benchmarks.md.

    python -m benchmarks.run
    python -m benchmarks.run --only replica_set
    python -m benchmarks.run --only directory

With other sizes or rows it is a trial, and writes its page to the terminal; so it does with its
tables where only a part is measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from datetime import datetime, timezone
from types import FrameType

from benchmarks import directory, machine, month, page, replica_set, site, tables
from benchmarks.servers import READER, ROOT, Failed, own_servers
from demo.report import Report

PAGE = ROOT / "docs/benchmarks.md"
SIZES = (4, 8, 16)
REPETITIONS = 3
ROWS = 1_500_000


def main() -> int:
    """Run the benchmarks; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument(
        "--only", choices=["replica_set", "directory"], help="measure this part alone"
    )
    given = parser.parse_args()
    sizes = sorted(set(given.sources))
    trial = (tuple(sizes), given.rows, given.repetitions) != (SIZES, ROWS, REPETITIONS)
    signal.signal(signal.SIGTERM, _terminated)

    report, started = Report(), time.monotonic()
    loads = [_load()]
    try:
        if given.only == "replica_set":
            return _only_replica_set(given.repetitions, report)
        if given.only == "directory":
            return _only_directory(given.repetitions, report)
        machine.peer_version()
        with own_servers(sizes[-1]) as servers:
            measured = site.measure(servers, sizes, given.repetitions, report)
            many = tables.measure(servers, sizes[0], given.repetitions, report)
            switched = replica_set.measure(servers, given.repetitions, report)
            looked_up = directory.measure(servers, given.repetitions, report)
            dropped = month.measure(servers, given.rows, given.repetitions, report)
            with servers.session(READER) as cursor:
                cursor.execute("SELECT VERSION()")
                server = str((cursor.fetchone() or ["unknown"])[0])
            about = {**machine.machine(servers.folder), **machine.versions(server)}
            report.say("stopping the servers")
    except Failed as why:
        print(f"make bench: {why}", file=sys.stderr)
        return 1
    loads.append(_load())

    for table in (
        *(site.times(measured), site.work(measured), site.floor(measured)),
        site.longest(measured),
        *([site.grown(measured)] if len(sizes) == 3 else []),
        tables.table(many),
        replica_set.table(switched),
        directory.table(looked_up),
        directory.module_table(looked_up),
        month.table(dropped),
    ):
        page.show(report.console, table)
    seconds = time.monotonic() - started
    date = datetime.now(timezone.utc).date().isoformat()
    text = page.written(date, about, loads, measured, many, switched, looked_up, dropped, seconds)
    if trial:
        print(text)
        return 0
    PAGE.write_text(text)
    for sentence in (
        *site.judged(measured),
        tables.judged(many),
        *replica_set.judged(switched),
        *directory.judged(looked_up),
    ):
        report.say(sentence)
    report.say(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def _only_replica_set(repetitions: int, report: Report) -> int:
    with own_servers(1) as servers:
        switched = replica_set.measure(servers, repetitions, report)
        report.say("stopping the servers")
    page.show(report.console, replica_set.table(switched))
    for sentence in replica_set.judged(switched):
        report.say(sentence)
    return 0


def _only_directory(repetitions: int, report: Report) -> int:
    with own_servers(1) as servers:
        # The read server alone would do; the playbook starts what the inventory has.
        servers.play("playbooks/servers.yml", 1)
        looked_up = directory.measure(servers, repetitions, report)
        report.say("stopping the servers")
    for table in (directory.table(looked_up), directory.module_table(looked_up)):
        page.show(report.console, table)
    for sentence in directory.judged(looked_up):
        report.say(sentence)
    return 0


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """Leave as an interrupt does, by way of every ``finally``."""
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
