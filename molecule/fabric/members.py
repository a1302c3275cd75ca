"""The members of the set, as root sees them on their hosts."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def rows(name: str, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query on a host's own server."""
    command = ["docker", "exec", f"dbrw-fabric-{name}", "mariadb", "--batch", "--execute", query]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    head, *lines = (line.split("\t") for line in said.splitlines()) if said else ([],)
    return [dict(zip(head, line)) for line in lines]


def value(name: str, expression: str) -> Any:
    """Return a number that a server tells."""
    (row,) = rows(name, f"SELECT {expression} AS value")
    return json.loads(row["value"])
