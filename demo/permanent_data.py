"""Write permanent data while its active writer is switched, killed and replaced, and lose none.

Applications in both data centres write orders to the one member of the fabric that takes
writes. What is acknowledged to them is written down here, and compared at the end with what
every member has. Done once for a demo; run again, it shows what came out.

    python -m demo.permanent_data --demo .demo
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pymysql
from rich import box
from rich.table import Table

from demo import local_servers
from demo.local_servers import NotOurs
from demo.report import Report
from demo.writers import CREATE, Book, Member, Writers

SET, SCHEMA = "fabric", "customers"
TABLE = f"{SCHEMA}.orders"
CLIENTS = 8
# A member that returns has to catch up with them on a small machine.
THINK_SECONDS = 0.04
# Before and between what happens: long enough to see that writing goes on.
QUIET_SECONDS = 1.0
# A client that is not answered for so long waits for something that will not come.
PATIENCE_SECONDS = 60.0
# How long a switch may make applications wait before it is given up; it needs far less.
MAX_PAUSE_SECONDS = 5


class Stopped(Exception):
    """The run cannot go on; the message tells what was found and what to do."""


@dataclass(frozen=True)
class Part:
    """A part of the run: what was done, and what applications noticed of it."""

    what: str
    active: str
    seconds: float
    # The longest that an application waited for an acknowledgement.
    pause: float
    acknowledged: int
    # Rows whose answer was lost, and which were there when they were sent again.
    found: int
    # Of the command, until it ended.
    command_seconds: float | None = None
    # From the command's start until an application was answered.
    first_answer_seconds: float | None = None


@dataclass
class Run:
    """The demo's set, the applications that write to it, and the parts so far."""

    demo: Path
    net: int
    writers: Writers
    report: Report

    def __post_init__(self) -> None:
        self.parts: list[Part] = []

    @property
    def book(self) -> Book:
        """What was acknowledged."""
        return self.writers.book

    def active(self) -> Member:
        """Return the member that takes writes."""
        found = self.writers.active()
        if found is None:
            raise Stopped(
                f"Not exactly one member of {SET} takes writes. `make status` says what to do."
            )
        return found

    def quiet(self) -> None:
        """Let the applications write, until each of them has been answered."""
        begun = time.monotonic()
        time.sleep(QUIET_SECONDS)
        if not self.writers.wait_for_all(begun, PATIENCE_SECONDS):
            raise Stopped(
                f"No member of {SET} has taken a write for {PATIENCE_SECONDS:.0f} s. "
                "`make status` says what to do."
            )

    def part(
        self, what: str, command: Callable[[], object] | None, begun: float | None = None
    ) -> None:
        """Do something while applications write, and note down what they noticed.

        ``begun`` is when that began which they notice; now, if it is the command.
        """
        started = time.monotonic()
        begun = started if begun is None else begun
        took = None
        if command:
            command()
            took = time.monotonic() - started
        self.quiet()
        end = time.monotonic()
        lines = self.book.between(begun, end)
        first = self.book.first_after(started)
        self.parts.append(
            Part(
                what,
                self.active().name,
                end - begun,
                self.book.pause(begun, end),
                len(lines),
                sum(line.found for line in lines),
                took,
                first.at - started if command and first else None,
            )
        )

    def play(self, playbook: str, *words: str) -> Callable[[], object]:
        """Return what says a command, and runs it."""

        def command() -> None:
            self.report.event(f"ansible-playbook playbooks/{playbook} {' '.join(words)}")
            try:
                said = local_servers.play(self.demo, self.net, playbook, *words)
            except RuntimeError as error:
                raise Stopped(f"playbooks/{playbook} has failed:\n{error}") from None
            # To be read afterwards, beside site.log.
            (self.demo / playbook).with_suffix(".log").write_text(said)

        return command

    def kill(self, name: str) -> float:
        """End a member as a crash would; return when that was."""
        pid = local_servers.kill(self.demo, name, wait=lambda: None)
        killed_at = time.monotonic()
        self.report.event(f"{name} is killed (SIGKILL to process {pid})")
        return killed_at

    def tell(self) -> None:
        """Say what applications noticed of the last part."""
        last = self.parts[-1]
        answered = (
            f", and were answered {last.first_answer_seconds:.1f} s after the command began"
            if last.what.startswith("killed") and last.first_answer_seconds is not None
            else ""
        )
        self.report.say(
            f"{last.active} takes writes; applications waited {shown_seconds(last.pause)} at most"
            f"{answered}"
        )


def play_all(run: Run) -> None:
    """Switch the active writer, kill it, fail over, and let it return; all under load."""
    first = run.active()
    run.report.say(
        f"{len(run.book.lines)} applications write orders to {first.name}, the active writer"
    )
    run.part("as ever", None)
    # A demo on a busy machine: it waits rather than being refused.
    run.part(
        "switched",
        run.play(
            "replica_set_switch.yml", *words(), "-e", f"max_pause_seconds={MAX_PAUSE_SECONDS}"
        ),
    )
    run.tell()
    victim = run.active()
    killed_at = run.kill(victim.name)
    run.part(
        f"killed {victim.name}, failed over",
        run.play("replica_set_failover.yml", *words()),
        killed_at,
    )
    run.tell()
    run.part(f"{victim.name} returned", lambda: bring_back(run, victim.name))
    run.tell()


def bring_back(run: Run, name: str) -> None:
    """Start a member that was killed, which stays closed, and let it return to its set."""
    run.play("servers.yml", "--limit", name)()
    # What it had not handed on was acknowledged to nobody. It is shown and saved to a file.
    run.play("replica_set_rejoin.yml", *words(), "-e", f"server={name}", "-e", "errant=discard")()


def words() -> Sequence[str]:
    """Return the words by which a playbook is told of the set."""
    return ("-e", f"replica_set={SET}")


# --- Proving it --------------------------------------------------------------


def problems(run: Run) -> list[str]:
    """Compare every member with what was acknowledged; return what is wrong, in sentences."""
    found = []
    for member in run.writers.members:
        missing = run.writers.lost(member, PATIENCE_SECONDS)
        if missing:
            found.append(
                f"{member.name} lacks {len(missing):,} of {run.book.rows:,} acknowledged orders, "
                f"for example {min(missing)}."
            )
    return found


def table_of(parts: Sequence[Part]) -> Table:
    """Return the parts side by side."""
    made = Table(
        title="Permanent data: one active writer",
        title_justify="left",
        title_style="bold",
        caption="waited: the longest that any application waited for an acknowledgement",
        caption_justify="left",
        caption_style="dim",
        box=box.ROUNDED,
        header_style="bold cyan",
    )
    for name in ("", "active", "waited", "command", "acknowledged", "in doubt"):
        left = name in ("", "active")
        made.add_column(name, justify="left" if left else "right")
    for part in parts:
        made.add_row(
            part.what,
            part.active,
            shown_seconds(part.pause),
            "" if part.command_seconds is None else f"{part.command_seconds:.1f} s",
            f"{part.acknowledged:,}",
            f"{part.found:,}",
        )
    return made


def shown_seconds(seconds: float) -> str:
    """Return a time for a person: milliseconds below a second."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def show(report: Report, kept: dict[str, Any]) -> None:
    """Show what came out of a run."""
    report.console.print()
    report.console.print(table_of([Part(**part) for part in kept["parts"]]))
    report.console.print(
        f"{kept['rows']:,} orders were acknowledged; "
        f"{' and '.join(kept['members'])} have every one of them, once. Lost: 0."
    )
    report.console.print()


# --- The run -----------------------------------------------------------------


def make_table(demo: Path, active: Member) -> None:
    """Make the table on the active writer; it reaches the others by replication."""
    with (
        contextlib.closing(
            pymysql.connect(
                read_default_file=str(demo / "clients" / f"{active.name}.cnf"), autocommit=True
            )
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} DEFAULT CHARACTER SET utf8mb4")
        cursor.execute(CREATE.format(table=TABLE))


def run(demo: Path, net: int, report: Report) -> None:
    """Do it all once; afterwards show what came out."""
    kept_in = demo / "permanent_data.json"
    if kept_in.is_file():
        report.say("It was done before; this is what came out:")
        show(report, json.loads(kept_in.read_text()))
        return
    application = json.loads((demo / "application.json").read_text())
    members = local_servers.members(net)
    writers = Writers(
        members,
        application["user"],
        application["password"],
        TABLE,
        CLIENTS,
        f"{time.time():.0f}",
        THINK_SECONDS,
    )
    done = Run(demo, net, writers, report)
    active = done.active()
    make_table(demo, active)
    # Rows of before, if a run was interrupted, stay what they are: others' rows.
    with writers:
        play_all(done)
    if writers.failures:
        raise writers.failures[0]
    found = problems(done)
    if found:
        raise Stopped("The members do not hold what was acknowledged:\n  " + "\n  ".join(found))
    kept = {
        "rows": writers.book.rows,
        "members": [member.name for member in members],
        "parts": [asdict(part) for part in done.parts],
    }
    kept_in.write_text(json.dumps(kept, indent=1))
    show(report, kept)


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, default=Path(".demo"), help="folder of the servers")
    parser.add_argument("--net", type=int, default=0, help="third number of their addresses")
    options = parser.parse_args()
    demo = options.demo.absolute()
    try:
        if not (demo / "application.json").is_file():
            raise Stopped(f"There is no demo in {demo}. `make demo` makes it.")
        run(demo, options.net, Report())
    except (Stopped, NotOurs, pymysql.MySQLError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` begins this part anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
