"""What modules report of channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
    tell,
)

RUNS = ChannelStatus(
    "W1",
    Settings(source_host="a", source_port=3306, source_user="u"),
    io_running=True,
    connected=True,
    sql_running=True,
    seconds_behind_source=0,
)


def test_tell() -> None:
    (told,) = tell(
        [
            replace(
                RUNS,
                io_state="Reconnecting",
                io_fault=Fault(2003, "refused"),
                filters=Filters(do_databases=("a",)),
            )
        ]
    )
    assert told == {
        "channel": "W1",
        "running": True,
        "io_running": True,
        "connected": True,
        "sql_running": True,
        "io_state": "Reconnecting",
        "seconds_behind_source": 0,
        "settings": {"source_host": "a", "source_port": 3306, "source_user": "u"},
        "filters": {**dict.fromkeys(KINDS, []), "do_databases": ["a"]},
        "do_domain_ids": [],
        "ignore_domain_ids": [],
        "ignore_server_ids": [],
        "skip_counter": 0,
        "until": None,
        "gtid_received": "",
        "gtid_applied": "",
        "last_io_error": {"number": 2003, "message": "refused", "time": None},
        "last_sql_error": {"number": 0, "message": "", "time": None},
        "heartbeat_lag_seconds": None,
        "source_server_id": None,
        "explanation": told["explanation"],
    }
    assert told["explanation"]["meaning"].startswith("the source does not answer")


def test_a_full_disk_is_explained_though_mysql_calls_it_no_error() -> None:
    status = replace(RUNS, io_state="Waiting for disk space")
    (told,) = tell([status])
    assert told["running"] and told["explanation"]["number"] == 1021
    assert explain(status).endswith(
        "reports no error (receiving runs, applying runs). the disk of this server's relay logs is "
        "full; it receives nothing, but loses nothing. What can be done: free some space; the "
        "channel continues by itself within a minute."
    )


def test_real_lag_is_told_by_the_sources_server_id() -> None:
    (told,) = tell([replace(RUNS, source_server_id=7)], {7: 1.5, 8: 9.0})
    assert told["heartbeat_lag_seconds"] == 1.5


def test_a_channel_that_tries_to_connect_is_not_told_as_running() -> None:
    (told,) = tell([replace(RUNS, connected=False)])
    assert told["io_running"] and not told["running"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sql_fault": Fault(1062, "dup")}, "channel W1 from a:3306 cannot apply: error 1062: dup"),
        (
            {"io_fault": Fault(1236, "gone")},
            "channel W1 cannot receive from a:3306: error 1236: gone",
        ),
        (
            {"sql_running": False},
            "channel W1 from a:3306 reports no error (receiving runs, applying is stopped)",
        ),
        (
            {"io_running": False, "connected": False},
            "channel W1 from a:3306 reports no error (receiving is stopped, applying runs). "
            "Somebody has stopped it; or MariaDB has stopped trying to connect after "
            "master_retry_count attempts (set in its configuration). Start the channel",
        ),
    ],
)
def test_explain(given: dict[str, Any], said: str) -> None:
    assert explain(replace(RUNS, **given)).startswith(said)
