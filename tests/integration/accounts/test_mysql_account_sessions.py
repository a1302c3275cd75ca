"""Who is logged in by an account."""

from __future__ import annotations

from tests.integration.lines import TestServer
from tests.integration.modules import run_module


def test_who_is_logged_in(server: TestServer) -> None:
    found = run_module("mysql_account_sessions_info", server, name="nobody")
    assert found["sessions"] == [] and not found["changed"]
    own = run_module("mysql_account_sessions_info", server, name="root")
    assert own["sessions"], own
    (one,) = [one for one in own["sessions"] if one["id"] == server.value("SELECT CONNECTION_ID()")]
    assert one["command"] and one["seconds"] >= 0
