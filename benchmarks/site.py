"""A second run of site.yml beside the same desired state in community.mysql's modules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Growth, Sample, Table, growth, number, ratio
from benchmarks.servers import Failed, Played, Servers
from demo.report import Report

OURS, PEER = "playbooks/site.yml", "benchmarks/peer_site.yml"
EMPTY, PINGS = "benchmarks/empty.yml", "benchmarks/pings.yml"
NAMES = {
    OURS: "site.yml",
    PEER: "peer_site.yml",
    EMPTY: "empty.yml",
    PINGS: "pings.yml",
}
AIM = 1 / 3
# The tasks that are named; the rest is one line.
LONGEST = 10


@dataclass(frozen=True)
class Site:
    """Runs of playbooks by number of sources and playbook."""

    repetitions: int
    # Of one more run at the largest size, which counts in nothing else.
    task_seconds: list[tuple[str, float]] = field(default_factory=list)
    runs: dict[int, dict[str, list[Played]]] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Return the numbers of sources that were measured."""
        return sorted(self.runs)

    def seconds(self, sources: int, playbook: str) -> Sample:
        """Return the wall clock seconds of a playbook."""
        return Sample(tuple(run.seconds for run in self.runs[sources][playbook]))

    def cpu_seconds(self, sources: int, playbook: str) -> Sample:
        """Return the processor seconds of a playbook; the servers' are not in it."""
        return Sample(tuple(run.cpu_seconds for run in self.runs[sources][playbook]))

    def ratio(self, sources: int) -> float:
        """Return ours by the peer's, wall clock."""
        return ratio(self.seconds(sources, OURS), self.seconds(sources, PEER))

    def cpu_ratio(self, sources: int) -> float:
        """Return ours by the peer's, processor time."""
        return ratio(self.cpu_seconds(sources, OURS), self.cpu_seconds(sources, PEER))

    def growth(self, playbook: str) -> Growth | None:
        """Return how the wall clock grows; None without three sizes."""
        if len(self.sizes) != 3:
            return None
        return growth({size: self.seconds(size, playbook).median for size in self.sizes})

    def cpu_growth(self, playbook: str) -> Growth | None:
        """Return how the processor time grows; None without three sizes."""
        if len(self.sizes) != 3:
            return None
        return growth({size: self.cpu_seconds(size, playbook).median for size in self.sizes})


def measure(servers: Servers, sizes: Sequence[int], repetitions: int, report: Report) -> Site:
    """Build the topology at each size, growing, and run both playbooks by turns on it."""
    site = Site(repetitions)
    for sources in sizes:
        report.say(f"{sources} sources: building the topology")
        for playbook in (OURS, PEER):
            # These runs make what is missing; they are the warm-up and do not count.
            servers.play(playbook, sources)
        runs: dict[str, list[Played]] = {name: [] for name in NAMES}
        site.runs[sources] = runs
        for repetition in range(1, repetitions + 1):
            for playbook in NAMES:
                played = servers.play(playbook, sources)
                if playbook == OURS and played.changed:
                    raise Failed(
                        f"A second run of site.yml with {sources} sources changed something: "
                        f"{dict(played.tasks_changed)}"
                    )
                runs[playbook].append(played)
            report.say(
                f"{sources} sources, run {repetition} of {repetitions}: "
                + ", ".join(
                    f"{name} {number(runs[playbook][-1].seconds)} s"
                    for playbook, name in NAMES.items()
                )
            )
    report.say(f"{sizes[-1]} sources: once more, for the tasks' times")
    site.task_seconds.extend(servers.play(OURS, sizes[-1], profiled=True).task_seconds)
    return site


def times(site: Site) -> Table:
    """Return the times side by side."""
    return Table(
        "A second run: seconds, median (min–max)",
        (
            "sources",
            *("site.yml", "community.mysql", "ratio"),
            *("site.yml, CPU", "community.mysql, CPU", "ratio, CPU"),
        ),
        [
            [
                str(size),
                str(site.seconds(size, OURS)),
                str(site.seconds(size, PEER)),
                f"{site.ratio(size):.2f}",
                str(site.cpu_seconds(size, OURS)),
                str(site.cpu_seconds(size, PEER)),
                f"{site.cpu_ratio(size):.2f}",
            ]
            for size in site.sizes
        ],
    )


def work(site: Site) -> Table:
    """Return how much each playbook does, and what it changed."""
    rows = []
    for size in site.sizes:
        for playbook in (OURS, PEER):
            runs = site.runs[size][playbook]
            rows.append(
                [
                    str(size),
                    NAMES[playbook],
                    str(size + 1),
                    str(runs[-1].results),
                    str(max(run.changed for run in runs)),
                    number(site.seconds(size, playbook).median / (size + 1)),
                    number(1000 * site.cpu_seconds(size, playbook).median / runs[-1].results),
                ]
            )
    return Table(
        "What they do in it",
        (
            *("sources", "playbook", "hosts", "results of tasks", "changed"),
            *("seconds a host", "CPU milliseconds a result"),
        ),
        rows,
    )


def grown(site: Site) -> Table:
    """Return how the times grow."""
    rows = []
    for playbook in (OURS, PEER, PINGS):
        for kind, found in (
            ("wall clock", site.growth(playbook)),
            ("CPU", site.cpu_growth(playbook)),
        ):
            if found:
                quotient = "-" if found.quotient is None else f"{found.quotient:.2f}"
                rows.append(
                    [NAMES[playbook], kind, number(found.first), number(found.second), quotient]
                )
    small, middle, large = site.sizes
    return Table(
        "Seconds that one more source takes",
        ("playbook", "time", f"from {small} to {middle}", f"from {middle} to {large}", "quotient"),
        rows,
    )


def floor(site: Site) -> Table:
    """Return what Ansible itself takes."""
    return Table(
        "What Ansible itself takes on the same hosts: seconds, median (min–max)",
        ("sources", "empty.yml", "pings.yml", "pings.yml, CPU", "pings.yml by community.mysql"),
        [
            [
                str(size),
                str(site.seconds(size, EMPTY)),
                str(site.seconds(size, PINGS)),
                str(site.cpu_seconds(size, PINGS)),
                f"{ratio(site.seconds(size, PINGS), site.seconds(size, PEER)):.2f}",
            ]
            for size in site.sizes
        ],
    )


def longest(site: Site) -> Table:
    """Return where the time of site.yml goes."""
    rest = site.task_seconds[LONGEST:]
    rows = site.task_seconds[:LONGEST]
    if rest:
        rows = [*rows, (f"{len(rest)} more", sum(seconds for _rest, seconds in rest))]
    return Table(
        f"Where the time of site.yml goes at {site.sizes[-1]} sources, one run",
        ("task", "seconds"),
        [[name, f"{seconds:.1f}"] for name, seconds in rows],
    )


def judged(site: Site) -> list[str]:
    """Return each aim with whether it is met, as sentences."""
    return [_judged_ratio(site), *_judged_growth(site)]


def _judged_ratio(site: Site) -> str:
    most = site.sizes[-1]
    found = site.ratio(most)
    aim = f"A third of the peer's time at {most} sources"
    if found <= AIM:
        return f"{aim}: **met**, {found:.2f} of it."
    ours, peer = site.seconds(most, OURS).median, site.seconds(most, PEER).median
    pings = site.seconds(most, PINGS).median
    return (
        f"{aim}: **missed**. site.yml takes {found:.2f} of it, {number(ours)} s of "
        f"{number(peer)} s; the aim is {number(peer * AIM)} s, {number(ours - peer * AIM)} s less. "
        f"{number(pings)} s of that are Ansible's own: four runs of a module that does nothing, on "
        f"the same hosts, take {pings / peer:.2f} of the peer's time and {pings / ours:.0%} of "
        "site.yml's."
    )


def _judged_growth(site: Site) -> list[str]:
    found, cpu = site.growth(OURS), site.cpu_growth(OURS)
    if found is None or cpu is None:
        return []
    if found.quotient is None or cpu.quotient is None:
        return ["Time that grows with hosts: **not told**, nothing grew between the small sizes."]
    verdict = "met" if found.with_hosts else "missed"
    return [
        f"Time that grows with hosts, not with sources times hosts: **{verdict}**. One more source "
        f"takes {number(found.first)} s among the smaller sizes and {number(found.second)} s among "
        f"the larger, {found.quotient:.2f} times as much (processor time {cpu.quotient:.2f}). It "
        f"would be 1 for hosts and {found.square:.1f} for sources times hosts."
    ]
