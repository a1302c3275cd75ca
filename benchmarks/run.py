"""Measure the collection beside its peers, and write docs/benchmarks.md.

    python -m benchmarks.run
    python -m benchmarks.run --only replica_set
    python -m benchmarks.run --only directory
    python -m benchmarks.run --only purge --purged 30000 --repetitions 1
    python -m benchmarks.run --only check --checked 6

With other sizes or rows it is a trial, and writes its page to the terminal; so it does with its
tables where only a part is measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from types import FrameType

from benchmarks import check, directory, machine, month, page, purge, replica_set, site, tables
from benchmarks.check import Checks
from benchmarks.measure import Table
from benchmarks.servers import READER, ROOT, Failed, kinds, own_servers
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
    parser.add_argument("--purged", type=int, default=purge.ROWS)
    parser.add_argument("--checked", type=int, nargs="+", default=list(check.SIZES))
    parser.add_argument(
        "--only",
        choices=["replica_set", "directory", "purge", "check"],
        help="measure this part alone",
    )
    given = parser.parse_args()
    sizes, checked_sizes = sorted(set(given.sources)), sorted(set(given.checked))
    asked = (tuple(sizes), given.rows, given.repetitions, given.purged, tuple(checked_sizes))
    trial = asked != (SIZES, ROWS, REPETITIONS, purge.ROWS, check.SIZES)
    signal.signal(signal.SIGTERM, _terminated)

    report, started = Report(), time.monotonic()
    loads = [_load()]
    try:
        if given.only == "replica_set":
            return _only_replica_set(given.repetitions, report)
        if given.only == "directory":
            return _only_directory(given.repetitions, report)
        if given.only == "purge":
            return _only_purge(given.purged, given.repetitions, report)
        if given.only == "check":
            return _only_check(checked_sizes, given.repetitions, report)
        machine.peer_version()
        archiver = machine.archiver_version()
        with own_servers(sizes[-1]) as servers:
            measured = site.measure(servers, sizes, given.repetitions, report)
            many = tables.measure(servers, sizes[0], given.repetitions, report)
            switched = replica_set.measure(servers, given.repetitions, report)
            looked_up = directory.measure(servers, given.repetitions, report)
            dropped = month.measure(servers, given.rows, given.repetitions, report)
            purged = purge.measure(servers, given.purged, given.repetitions, report)
            with servers.session(READER) as cursor:
                cursor.execute("SELECT VERSION()")
                server = str((cursor.fetchone() or ["unknown"])[0])
            about = {**machine.machine(servers.folder), **machine.versions(server, archiver)}
            report.say("stopping the servers")
        checked = _check(checked_sizes, given.repetitions, report)
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
        *(purge.table(purged), purge.inserts_table(purged)),
        check.table(checked),
    ):
        page.show(report.console, table)
    seconds = time.monotonic() - started
    date = datetime.now(timezone.utc).date().isoformat()
    text = page.written(
        date,
        about,
        loads,
        measured,
        many,
        switched,
        looked_up,
        dropped,
        purged,
        checked,
        seconds,
    )
    if trial:
        print(text)
        return 0
    PAGE.write_text(text)
    for sentence in (
        *site.judged(measured),
        tables.judged(many),
        *replica_set.judged(switched),
        *directory.judged(looked_up),
        *purge.judged(purged),
        *check.judged(checked),
    ):
        report.say(sentence)
    report.say(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def _only_replica_set(repetitions: int, report: Report) -> int:
    with own_servers(1) as servers:
        switched = replica_set.measure(servers, repetitions, report)
        report.say("stopping the servers")
    return _told(report, [replica_set.table(switched)], replica_set.judged(switched))


def _only_directory(repetitions: int, report: Report) -> int:
    with own_servers(1) as servers:
        # The read server alone would do; the playbook starts what the inventory has.
        servers.play("playbooks/servers.yml", 1)
        looked_up = directory.measure(servers, repetitions, report)
        report.say("stopping the servers")
    found = [directory.table(looked_up), directory.module_table(looked_up)]
    return _told(report, found, directory.judged(looked_up))


def _only_purge(rows: int, repetitions: int, report: Report) -> int:
    machine.archiver_version()
    with own_servers(1) as servers:
        report.say("a write server and a read server: building them")
        servers.play(site.OURS, 1)
        purged = purge.measure(servers, rows, repetitions, report)
        report.say("stopping the servers")
    found = [purge.table(purged), purge.inserts_table(purged)]
    return _told(report, found, purge.judged(purged))


def _only_check(sizes: Sequence[int], repetitions: int, report: Report) -> int:
    checked = _check(sizes, repetitions, report)
    return _told(report, [check.table(checked)], check.judged(checked))


def _check(sizes: Sequence[int], repetitions: int, report: Report) -> Checks:
    """Check a topology of its own: with a replica set, and with more than one read server."""
    with own_servers(*kinds(max(sizes))) as servers:
        checked = check.measure(servers, sizes, repetitions, report)
        report.say("stopping the servers")
    return checked


def _told(report: Report, found: Sequence[Table], judged: Sequence[str]) -> int:
    """Show the tables of a part that is measured alone, and its aims; return the exit code."""
    for table in found:
        page.show(report.console, table)
    for sentence in judged:
        report.say(sentence)
    return 0


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """Leave as an interrupt does, by way of every ``finally``."""
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
