"""What `make status` shows of the replica set: who takes writes, how the others follow, what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from demo.local_servers import ROOT
from demo.writers import Member

SET = "fabric"
MODULE = "ansible_collections.dbrw.sharding.plugins.modules.mysql_replica_set_info"
ANSWER_SECONDS = 60.0
STATES = {
    "active": "[bold green]active writer[/]",
    "closed": "closed",
    "unreachable": "[red]down[/]",
}


def ask(demo: Path, members: Sequence[Member]) -> dict[str, Any]:
    """Return what the module says of the set; ``problem`` where no member can be asked.

    The module runs on the first member that answers, as Ansible would run it there.
    """
    if members and not _secret(demo).is_file():
        return {"problem": f"{demo} was made before it had one; make down, and make demo again"}
    said: dict[str, Any] = {"problem": "it has no members"}
    for member in members:
        said = _ask_one(demo, members, member)
        if "problem" not in said:
            break
    return said


def _secret(demo: Path) -> Path:
    return demo / "secrets" / "operator"


def _ask_one(demo: Path, members: Sequence[Member], here: Member) -> dict[str, Any]:
    arguments = {
        "login_user": "root",
        "login_unix_socket": str(demo / here.name / "mysqld.sock"),
        "connect_timeout": 2,
        "name": SET,
        "member": here.name,
        "members": [{"name": one.name, "host": one.host, "port": one.port} for one in members],
        "operator_password": _secret(demo).read_text().strip(),
        "operator_tls": False,
    }
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        check=False,
        timeout=ANSWER_SECONDS,
    )
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return {"problem": f"the module said nothing: {done.stderr.strip()}"}
    return {"problem": said.get("msg", "it failed")} if said.get("failed") else said


def table(said: Mapping[str, Any], members: Sequence[Member]) -> Table:
    """One line a member: whether it takes writes, whom it follows, how far behind it is."""
    shown = Table(
        title="Fabric: permanent data, one active writer",
        title_justify="left",
        title_style="bold",
        caption=caption(said) or None,
        caption_justify="left",
        caption_style="dim",
        box=box.ROUNDED,
        header_style="bold cyan",
    )
    for name in ("", "data centre", "state", "follows", "lag", "epoch", "position"):
        shown.add_column(name, justify="right" if name in ("lag", "epoch") else "left")
    datacenters = {member.name: member.datacenter for member in members}
    for member in said.get("members", ()):
        writes = member["state"] == "active"
        lag = member["seconds_behind_source"]
        alone = writes or member["state"] == "unreachable"
        follows = "" if alone else member["source"] or "nobody"
        shown.add_row(
            member["name"],
            datacenters.get(member["name"], ""),
            STATES.get(member["state"], f"[red]{member['state']}[/]"),
            follows if alone or member["running"] else f"[red]{follows}, stopped[/]",
            "" if writes or lag is None else f"{lag} s",
            str(member["epoch"] or ""),
            member["position"] or "",
        )
    return shown


def caption(said: Mapping[str, Any]) -> str:
    """Say who is active since when, and why."""
    epoch = said.get("epoch")
    if not epoch:
        return ""
    why = f": {epoch['reason']}" if epoch["reason"] else ""
    return (
        f"epoch {epoch['epoch']} ({epoch['durability']}): {epoch['active']} since "
        f"{epoch['at'] or 'now'}{why}"
    )


def findings(said: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the set, each with what to do, as lines."""
    if "problem" in said:
        return [f"[red]{SET} cannot be asked:[/] {said['problem']}"]
    colours = {"critical": "red", "warning": "yellow", "info": "dim"}
    return [
        f"[{colours.get(one['severity'], 'red')}]{one['severity']}: {one['where']}:[/] "
        f"{one['text'].rstrip('.')}. {one['todo']}"
        for one in said.get("diagnosis", ())
    ]
