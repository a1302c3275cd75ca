"""Tell a person how the work goes: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

LOG_EVERY_SECONDS = 5.0


class Report:
    """Output of one run; times are seconds since it began."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._bar: tuple[Progress, TaskID] | None = None
        self._label, self._total = "", 0
        self._said, self._said_at = -1, 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        with self._lock:
            self.console.print(f"[dim]{self._now()}[/]  {text}")

    def event(self, text: str) -> None:
        """Print a line about something that happens to the servers."""
        with self._lock:
            self.console.print(f"[dim]{self._now()}[/]  [bold yellow]! {text}[/]")

    def begin(self, label: str, total: int) -> None:
        """Begin to show progress towards ``total``."""
        self._label, self._total = label, total
        self._said, self._said_at = -1, time.monotonic()
        if self.console.is_terminal:
            progress = Progress(
                TextColumn("{task.description:>7}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[aside]}"),
                console=self.console,
            )
            progress.start()
            self._bar = (progress, progress.add_task(label, total=total, aside=""))

    def progress(self, done: int, in_doubt: int) -> None:
        """Show how far it is."""
        aside = f"{in_doubt} in doubt" if in_doubt else ""
        if self._bar:
            shown, task = self._bar
            shown.update(task, completed=done, aside=aside)
            return
        due = time.monotonic() - self._said_at >= LOG_EVERY_SECONDS
        if done != self._said and (due or done >= self._total):
            self._said, self._said_at = done, time.monotonic()
            part = f"{100 * done // self._total:3}% {self._label}"
            self.say(f"{part}, {done:,} of {self._total:,} rows{aside and ', ' + aside}")

    def end(self) -> None:
        """Stop showing progress."""
        if self._bar:
            self._bar[0].stop()
            self._bar = None
        sys.stdout.flush()

    def _now(self) -> str:
        return f"{time.monotonic() - self._started:5.1f} s"
