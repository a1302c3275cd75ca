"""Run site.yml with the newcomers while watching what applications are told, and when.

python3 -m grow.watch    writes watched.json into the scenario's ephemeral folder
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

from lab.playbooks import start
from lab.servers import FOLDER, Server, read_servers, write_servers

WATCHED = FOLDER / "watched.json"
NEWCOMER = "w5"
GROWN = Path(__file__).parent / "inventory/grown.yml"
PLAYBOOK = Path(__file__).parents[1] / "lab/converge.yml"


def main() -> int:
    """Run from the command line; return the exit code of the playbook."""
    watched: dict[str, Any] = {"threads_before": channel_threads(read_servers())}
    log = FOLDER / "site.log"
    with log.open("w") as out:
        playbook = start(PLAYBOOK, "-i", str(GROWN), stdout=out)
        while playbook.poll() is None:
            if "followed_when_told" not in watched and NEWCOMER in names(write_servers()):
                # The first moment at which an application may send it a row.
                watched["followed_when_told"] = {
                    reader.name: sorted(reader.running_channels()) for reader in read_servers()
                }
            time.sleep(0.02)
    print(log.read_text())
    if playbook.returncode:
        return playbook.returncode
    watched["threads_after"] = channel_threads(read_servers())
    with log.open("w") as out:
        again = start(PLAYBOOK, "-i", str(GROWN), stdout=out)
        again.wait()
    print(log.read_text())
    watched["changed_again"] = re.findall(r"(\w+) +: .*changed=([1-9]\d*)", log.read_text())
    WATCHED.write_text(json.dumps(watched))
    return again.returncode


def names(servers: list[Server]) -> list[str]:
    return [server.name for server in servers]


def channel_threads(readers: list[Server]) -> dict[str, list[int]]:
    """Return the numbers of the threads that receive and apply: a restart makes new ones."""
    sql = (
        "SELECT id FROM information_schema.processlist "
        "WHERE user = 'system user' AND command IN ('Slave_IO', 'Slave_SQL') ORDER BY id"
    )
    return {reader.name: [row["id"] for row in reader.rows(sql)] for reader in readers}


if __name__ == "__main__":
    sys.exit(main())
