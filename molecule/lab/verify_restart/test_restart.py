"""Check mode tells each restart that another setting takes, and restarts nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lab.playbooks import start
from lab.servers import UNIT, Server, read_servers, write_servers

PLAYBOOK = Path(__file__).parents[3] / "playbooks/servers.yml"
SERVERS = ("w1", "w3", "r1")


def process(server: Server) -> str:
    told = server.shell(f"systemctl show --property=ExecMainPID {UNIT}")
    assert re.fullmatch(r"ExecMainPID=[1-9]\d*\n", told), told
    return told


def test_check_mode_tells_each_restart() -> None:
    # One of each kind in the first data centre, and one in the other.
    servers = [server for server in [*write_servers(), *read_servers()] if server.name in SERVERS]
    assert len(servers) == len(SERVERS)
    before = [process(server) for server in servers]
    settings = json.dumps({"mysqld_settings": {"max_connections": 77}})
    limit = ",".join(SERVERS)
    done = start(PLAYBOOK, "--check", "--limit", limit, "--extra-vars", settings)
    said, _errors = done.communicate()
    assert done.returncode == 0, said
    restarts = [play for play in said.split("PLAY [") if play.startswith("Servers | Restart those")]
    told = [
        re.findall(r"^changed: \[(\w+)\]", play.split("and that it is started")[1], re.MULTILINE)
        for play in restarts
    ]
    # A play for each, so that at no time two of them are away.
    assert sorted(told) == sorted([server.name] for server in servers), said
    assert [process(server) for server in servers] == before
