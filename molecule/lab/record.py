"""What the applications of a run remember, and when its fault ended.

python3 -m lab.record RUN [TIME]    the fault ends now, or ended then; wait for the channels
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab.servers import FOLDER, TABLE, Server, read_servers, write_servers

# Within these after a fault, all channels run again.
CHANNEL_SECONDS = 10
CONTENT = f"SELECT id, request_id, started_at, seconds, caller FROM {TABLE} ORDER BY id"


def whole_lines(path: Path) -> list[str]:
    """Return a file's lines, without one at its end that is still being written."""
    text = path.read_text()
    return text[: text.rfind("\n") + 1].splitlines()


@dataclass(frozen=True)
class Run:
    """One run of the applications, from their start to their stop."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def applications(self) -> dict[str, list[dict[str, Any]]]:
        """The events of each data centre's application, in their order."""
        return {
            path.stem: [json.loads(line) for line in whole_lines(path)]
            for path in sorted(self.folder.glob("*.jsonl"))
        }

    @property
    def fault_end(self) -> float:
        """When the fault was over."""
        return float((self.folder / "fault_end").read_text())

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Return all events of some kinds, in the order of their times."""
        found = [one for events in self.applications.values() for one in events]
        return sorted((one for one in found if one["event"] in kinds), key=lambda one: one["at"])

    def longest_pauses(self) -> dict[str, float]:
        """Return the longest time without an acknowledged insert, for each inserting thread."""
        found = {}
        for datacenter, events in self.applications.items():
            inserts = [one for one in events if one["event"] == "insert"]
            ends = [one["at"] for one in events if one["event"] in ("start", "stop")]
            for thread in sorted({one["thread"] for one in inserts} - {"settle"}):
                times = sorted([*ends, *(one["at"] for one in inserts if one["thread"] == thread)])
                pause = max(later - earlier for earlier, later in pairwise(times))
                found[f"{datacenter} {thread}"] = round(pause, 3)
        return found

    def running_since(self, reader: Server) -> float | None:
        """Return since when a read server follows all write servers; None if it does not."""
        seen = [one for one in self.events("channels") if one["server"] == reader.name]
        names = sorted(writer.name for writer in write_servers())
        return seen[-1]["at"] if seen and seen[-1]["running"] == names else None


def end_fault(run: Run, at: str) -> None:
    """Note when the fault was over, and let the applications go on until the channels run."""
    (run.folder / "fault_end").write_text(at)
    while time.time() < run.fault_end + CHANNEL_SECONDS:
        if None not in {run.running_since(reader) for reader in read_servers()}:
            break
        time.sleep(0.2)


def runs() -> list[Run]:
    """Return every run so far, the last one last."""
    folders = [path for path in (FOLDER / "record").glob("*") if path.is_dir()]
    return [Run(folder) for folder in sorted(folders, key=lambda path: path.stat().st_ctime)]


def acknowledged(of_runs: list[Run]) -> dict[str, dict[str, Any]]:
    """Return the last acknowledgement of each request."""
    return {one["request"]: one for run in of_runs for one in run.events("insert", "update")}


def content(server: Server) -> list[dict[str, Any]]:
    """Return all rows of a server."""
    return server.rows(CONTENT, user="application")


def written() -> list[dict[str, Any]]:
    """Return all rows of the write servers, in the order of their ids."""
    rows = [row for writer in write_servers() for row in content(writer)]
    return sorted(rows, key=lambda row: (row["id"], row["request_id"]))


def problems(rows: list[dict[str, Any]], of_runs: list[Run], increment: int) -> list[str]:
    """Return what a server's rows lack of what was acknowledged, in sentences."""
    found = []
    offsets = {writer.name: writer.offset for writer in write_servers()}
    for what, column in (("id", "id"), ("request", "request_id")):
        twice = [key for key, count in Counter(row[column] for row in rows).items() if count > 1]
        if twice:
            found.append(f"{len(twice)} {what}s are there twice, such as {twice[0]!r}.")
    by_request = {row["request_id"].hex(): row for row in rows}
    for request, promise in acknowledged(of_runs).items():
        row = by_request.get(request)
        if row is None:
            found.append(f"{promise} is not there.")
        elif row["seconds"] != promise["version"]:
            found.append(f"{promise} is there as version {row['seconds']}.")
        elif promise["id"] not in (None, row["id"]):
            found.append(f"{promise} is there with the id {row['id']}.")
        elif row["id"] % increment != (offsets[promise["server"]] or 0) % increment:
            found.append(f"{promise} has an id of another server: {row['id']}.")
    return found


if __name__ == "__main__":
    end_fault(Run(FOLDER / "record" / sys.argv[1]), *(sys.argv[2:] or [str(time.time())]))
