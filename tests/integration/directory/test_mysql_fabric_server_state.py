"""A server is taken out for applications, and given back, with who, why and since when."""

from __future__ import annotations

from typing import Any

from tests.integration.lines import TestServer
from tests.integration.modules import run_module

STATE = "mysql_fabric_server_state"


def change(made: TestServer, name: str, state: str, **more: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"server": name, "state": state, **more}
    return run_module(STATE, made, **options)


def usable(server: TestServer) -> list[str]:
    rows = server.rows("SELECT name FROM fabric.server WHERE is_usable AND kind <> 'member'")
    return sorted(row["name"] for row in rows)


def test_there_and_back(made: TestServer) -> None:
    wanted = {"name": "w2", "state": "maintenance", "reason": "new disks"}
    before = run_module("mysql_fabric_directory_info", made)["version"]
    shown = change(made, **wanted, check=True)
    assert shown["changed"] and "w2" in usable(made)
    done = change(made, **wanted)
    assert done["changed"] and usable(made) == ["r1", "w1", "w3"], done
    # One version, so that a client that polls it sees the change once.
    assert done["version"] == {"epoch": 3, "counter": before["counter"] + 1}
    told = done["directory_server"]
    assert (told["state"], told["reason"], told["until"]) == ("maintenance", "new disks", None)
    assert told["by"].startswith("root@") and told["since"]
    again = change(made, **wanted)
    assert not again["changed"] and again["version"] == done["version"]
    (log,) = made.rows("SELECT user, source, reason FROM fabric.changes ORDER BY id DESC LIMIT 1")
    assert (log["source"], log["reason"]) == (STATE, "new disks")
    # Another reason or end is no other state: since when it lasts stays.
    later = change(made, **wanted, until="2099-01-01")
    assert later["directory_server"]["since"] == told["since"]
    assert later["directory_server"]["until"] == "2099-01-01 00:00:00"
    assert not change(made, **wanted, until="2099-01-01")["changed"]
    back = change(made, "w2", "online")
    assert back["directory_server"]["reason"] == "" and back["directory_server"]["until"] is None
    assert usable(made) == ["r1", "w1", "w2", "w3"]


def test_the_last_one_and_an_active_writer_stay(made: TestServer) -> None:
    for server, said in (("r1", "the last read server"), ("p1", "the active writer of s1")):
        refused = change(made, server, "draining")
        assert refused["failed"] and said in refused["msg"], refused
    refused = change(made, "w2", "draining", until="2020-01-01")
    assert "which is past" in refused["msg"]
    assert usable(made) == ["r1", "w1", "w2", "w3"]


def test_what_the_supervision_says_stays(made: TestServer) -> None:
    made.rows("CALL fabric.mark_down('w2', 'no answer')")
    done = change(made, "w2", "draining")
    assert (
        done["directory_server"]["is_down"]
        and done["directory_server"]["down_reason"] == "no answer"
    )
