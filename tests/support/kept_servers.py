"""Stop the servers that make quick keeps, and remove their folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.integration.lines import KEPT, LINES, Topology, host_of


def main() -> None:
    if not KEPT or not Path(KEPT, "bare", "net").exists():
        print("make quick keeps no servers.")
        return
    own = next(line for line in LINES if not line.image)
    with host_of(own) as host:
        Topology(host, "bare").playbook("servers_stop.yml")
    shutil.rmtree(KEPT)
    print(f"The servers in {KEPT} are stopped, and the folder is removed.")


if __name__ == "__main__":
    main()
