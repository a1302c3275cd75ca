"""A leaked statement stops one channel, takes nothing away, and the status tells what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab.servers import Server, read_servers

each_reader = pytest.mark.parametrize("reader", read_servers(), ids=lambda reader: reader.name)


@each_reader
def test_the_other_channels_run(reader: Server) -> None:
    assert reader.running_channels() == {"w1", "w2", "w4"}


@each_reader
def test_nothing_is_lost(reader: Server) -> None:
    (row,) = reader.rows("SELECT COUNT(*) AS n FROM usage_data.messages", user="application")
    assert row["n"] == 100


@each_reader
def test_the_status_tells_what_to_do(reader: Server) -> None:
    inventory = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
    login = "login_user=root login_unix_socket=/run/mysqld/mysqld.sock"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "adhoc", "-i", inventory, reader.name, "--one-line"),
            *("--module-name", "dbrw.sharding.mysql_replication_channel_info", "--args", login),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        check=True,
    )
    channels = json.loads(done.stdout.partition(" => ")[2])["channels"]
    (stopped,) = [channel for channel in channels if not channel["running"]]
    told = stopped["explanation"]
    assert stopped["channel"] == "w3"
    assert (told["number"], told["event"]) == (1050, "CREATE TABLE")
    assert (told["schema"], told["table"]) == ("usage_data", "messages")
    assert any("skip this one transaction" in remedy for remedy in told["remedies"])
