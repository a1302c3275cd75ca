"""A second run of site.yml with many usage tables beside one with a single one."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.measure import Sample, Table, number, ratio
from benchmarks.servers import Failed, Played, Servers
from benchmarks.site import OURS
from demo.report import Report

ONE, MANY = 1, 10
AIM = 1.2


@dataclass(frozen=True)
class Tables:
    """Runs of site.yml by the number of usage tables."""

    sources: int
    runs: dict[int, list[Played]] = field(default_factory=lambda: {ONE: [], MANY: []})

    def seconds(self, tables: int) -> Sample:
        """Return the wall clock seconds with so many tables."""
        return Sample(tuple(run.seconds for run in self.runs[tables]))

    def cpu_seconds(self, tables: int) -> Sample:
        """Return the processor seconds of Ansible and its modules."""
        return Sample(tuple(run.cpu_seconds for run in self.runs[tables]))

    @property
    def ratio(self) -> float:
        """Return many tables by one, wall clock."""
        return ratio(self.seconds(MANY), self.seconds(ONE))


def measure(servers: Servers, sources: int, repetitions: int, report: Report) -> Tables:
    """Make the tables, and run site.yml with one and with many by turns."""
    report.say(f"{sources} sources, {MANY} usage tables: making them")
    servers.play(OURS, sources, tables=MANY)
    measured = Tables(sources)
    for repetition in range(1, repetitions + 1):
        for tables, runs in measured.runs.items():
            played = servers.play(OURS, sources, tables=tables)
            if played.changed:
                raise Failed(
                    f"A second run of site.yml with {tables} usage tables changed something: "
                    f"{dict(played.tasks_changed)}"
                )
            runs.append(played)
        report.say(
            f"{sources} sources, run {repetition} of {repetitions}: "
            + ", ".join(
                f"{number(runs[-1].seconds)} s with {tables} usage table(s)"
                for tables, runs in measured.runs.items()
            )
        )
    return measured


def table(measured: Tables) -> Table:
    """Return the times side by side."""
    return Table(
        f"A second run with {measured.sources} sources: seconds, median (min–max)",
        ("usage tables", "site.yml", "site.yml, CPU"),
        [
            [str(tables), str(measured.seconds(tables)), str(measured.cpu_seconds(tables))]
            for tables in measured.runs
        ],
    )


def judged(measured: Tables) -> str:
    """Return the aim with whether it is met, as a sentence."""
    verdict = "met" if measured.ratio <= AIM else "missed"
    return (
        f"{MANY} usage tables in at most {AIM} times the time of one: **{verdict}**, "
        f"{measured.ratio:.2f} times."
    )
