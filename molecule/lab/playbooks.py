"""Running a playbook as somebody at a terminal does, beside what molecule runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent


def start(playbook: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a playbook with the scenario's inventory; ``options`` are those of ``Popen``."""
    given: dict[str, Any] = {"stdout": subprocess.PIPE, **options}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", str(INVENTORY)),
            *arguments,
            playbook,
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        **given,
    )
