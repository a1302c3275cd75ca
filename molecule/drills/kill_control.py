"""Run site.yml with a change again and again, killed where none was before; then to the end.

A run is killed at the start of a play, or of a play's next batch of hosts, until there is no start
left at which one was not killed.

python3 kill_control.py CHANGE.yml
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from lab.playbooks import start

SITE = Path(__file__).parents[2] / "playbooks/site.yml"


# The name of a play, and which of its batches.
Start = tuple[str, int]


def run(change: str, spared: Collection[Start] | None = None) -> tuple[Start | None, str]:
    """Run the playbook, and kill it and all its processes at the first start not to be spared.

    Return where it was killed, and what it said. The first play starts nothing that could be
    interrupted; None spares all.
    """
    process = start(SITE, "-e", f"@{change}", start_new_session=True)
    assert process.stdout
    seen, killed = "", None
    batches: Counter[str] = Counter()
    for line in process.stdout:
        seen += line
        if not line.startswith("PLAY ["):
            continue
        name = name_of(line)
        batches[name] += 1
        here = (name, batches[name])
        if spared is not None and not killed and len(batches) > 1 and here not in spared:
            os.killpg(process.pid, signal.SIGKILL)
            killed = here
    if (process.wait() == -signal.SIGKILL) != bool(killed):
        sys.exit(f"it was not to end by itself at {killed}:\n{seen}")
    return killed, seen


def name_of(header: str) -> str:
    """Return the name in a play's header; its recap has none."""
    return header.removeprefix("PLAY [").rstrip("* \n").removesuffix("]")


def changed(recap: str) -> int:
    """Return how many tasks changed something; raise if not all went well."""
    hosts = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", recap)
    if not hosts or any(
        (unreachable, failed) != ("0", "0") for _changed, unreachable, failed in hosts
    ):
        sys.exit(recap)
    return sum(int(number) for number, _unreachable, _failed in hosts)


def main(change: str) -> None:
    """Play the drill; exit with what a run said if that is not what it should."""
    killed_at: list[Start] = []
    while True:
        killed, seen = run(change, killed_at)
        if not killed:
            break
        name, batch = killed
        print(f"killed at {name}, batch {batch}: {seen.count('changed: [')} changes")
        killed_at.append(killed)
    plays = list(dict.fromkeys(map(name_of, re.findall(r"^PLAY \[.*", seen, re.MULTILINE))))
    missed = [name for name in plays[1:] if (name, 1) not in killed_at]
    if missed or not killed_at:
        sys.exit(f"it was not killed at {missed}, of {plays}")
    print(f"run to its end: {changed(seen)} changes")
    _killed, seen = run(change)
    if changed(seen):
        sys.exit(f"the run after that has changed something:\n{seen}")


if __name__ == "__main__":
    main(sys.argv[1])
