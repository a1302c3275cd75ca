"""Run site.yml with a change again and again, killed one play later each time; then to the end.

python3 kill_control.py CHANGE.yml
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

from lab.playbooks import start

SITE = Path(__file__).parents[2] / "playbooks/site.yml"


def run(change: str, plays: int | None = None) -> tuple[bool, str]:
    """Run the playbook; kill it and all its processes when that many plays are over."""
    process = start(SITE, "-e", f"@{change}", start_new_session=True)
    assert process.stdout
    seen, begun = "", 0
    for line in process.stdout:
        seen += line
        begun += line.startswith("PLAY [")
        if begun == (plays or 0) + 1 and plays:
            os.killpg(process.pid, signal.SIGKILL)
            plays = None
    return process.wait() == -signal.SIGKILL, seen


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
    plays = 1
    while True:
        killed, seen = run(change, plays)
        if not killed:
            break
        print(f"killed after {plays} plays: {seen.count('changed: [')} changes")
        plays += 1
    print(f"run to its end: {changed(seen)} changes")
    _killed, seen = run(change)
    if changed(seen):
        sys.exit(f"the run after that has changed something:\n{seen}")


if __name__ == "__main__":
    main(sys.argv[1])
