"""What `make status` says of a replica set that cannot be asked."""

from __future__ import annotations

from pathlib import Path

from demo import fabric
from demo.writers import Member

F1 = Member("f1", "127.1.0.201", 3306, "dc1")


def test_a_demo_from_before_there_were_sets(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    said = fabric.ask(tmp_path, [F1])
    (line,) = fabric.findings(said)
    assert "was made before it had one; make down, and make demo again" in line
    assert fabric.ask(tmp_path, []) == {"problem": "it has no members"}
