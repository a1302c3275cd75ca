"""What modules tell of channels, and what they take for a fault."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.run.channels import (
    explain,
    refuse_faults,
    tell,
    timeout_problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import (
    DENIED,
    STARTED,
    Channel,
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel_filters import (
    KINDS,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

SERVER = cast(Server, SimpleNamespace(address="r1"))
WANTED = [Channel("w1", STARTED)]
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
        "tells no error (receiving runs, applying runs). the disk of this server's relay logs is "
        "full; it receives nothing, and loses nothing. What can be done: make room on it; the "
        "channel goes on by itself within a minute."
    )


def test_real_lag_is_told_by_the_sources_server_id() -> None:
    (told,) = tell([replace(RUNS, source_server_id=7)], {7: 1.5, 8: 9.0})
    assert told["heartbeat_lag_seconds"] == 1.5


def test_a_stopped_applier_is_explained_with_its_place() -> None:
    message = (
        "Could not execute Update_rows_v1 event on table s.t; Can't find record in 't', "
        "Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; the event's master log b.1, "
        "end_log_pos 90"
    )
    broken = replace(
        RUNS,
        sql_running=False,
        sql_fault=Fault(1032, message),
        source_log_file="b.1",
        source_log_position=40,
    )
    with pytest.raises(ServerError) as refusal:
        refuse_faults(SERVER, WANTED, [broken])
    assert "the update of s.t: " in str(refusal.value) and "mysql_month_partition" in str(
        refusal.value
    )
    (told,) = refusal.value.details["channels"]
    parts = told["explanation"]
    assert (parts["source_log_position"], parts["source_log_end_position"]) == (40, 90)


def test_a_channel_that_tries_to_connect_is_not_told_as_running() -> None:
    (told,) = tell([replace(RUNS, connected=False)])
    assert told["io_running"] and not told["running"]


@given(st.text(), st.text())
def test_no_password_is_told(one: str, other: str) -> None:
    def said(password: str) -> str:
        status = replace(RUNS, password=Secret(password), io_fault=Fault(1045, "denied"))
        with pytest.raises(ServerError) as refusal:
            refuse_faults(SERVER, WANTED, [status])
        return f"{tell([status])} {explain(status)} {refusal.value} {refusal.value!r}"

    assert said(one) == said(other)


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
            "channel W1 from a:3306 tells no error (receiving runs, applying is stopped)",
        ),
        (
            {"io_running": False, "connected": False},
            "channel W1 from a:3306 tells no error (receiving is stopped, applying runs). Somebody "
            "has stopped it; or MariaDB has given up connecting, for which master_retry_count in "
            "its configuration is the limit. Start the channel",
        ),
    ],
)
def test_explain(given: dict[str, Any], said: str) -> None:
    assert explain(replace(RUNS, **given)).startswith(said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sql_running": False, "sql_fault": Fault(1062, "dup")}, "1062"),
        ({"io_running": False, "connected": False, "io_fault": Fault(1236, "gone")}, "1236"),
        *[({"connected": False, "io_fault": Fault(n, "no")}, str(n)) for n in sorted(DENIED)],
        # An applier may be stopped with an empty error.
        ({"sql_running": False}, "applying is stopped"),
        ({"io_running": False, "connected": False}, "receiving is stopped"),
    ],
)
def test_a_channel_that_has_stopped_or_cannot_log_in_is_a_fault(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ServerError, match="server r1: ") as refusal:
        refuse_faults(SERVER, WANTED, [replace(RUNS, **given)])
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"connected": False},
        # A source that does not answer: the channel goes on trying.
        {"connected": False, "io_fault": Fault(2003, "refused")},
    ],
)
def test_what_goes_on_trying_is_no_fault(given: dict[str, Any]) -> None:
    refuse_faults(SERVER, WANTED, [replace(RUNS, **given)])


def test_channels_that_were_not_asked_for_are_no_fault() -> None:
    other = replace(RUNS, name="w2", sql_running=False, sql_fault=Fault(1062, "dup"))
    refuse_faults(SERVER, WANTED, [RUNS, other])


def test_every_fault_is_told_at_once() -> None:
    broken: dict[str, Any] = {"sql_running": False, "sql_fault": Fault(1062, "dup")}
    both = [replace(RUNS, **broken), replace(RUNS, name="w2", **broken)]
    with pytest.raises(ServerError) as refusal:
        refuse_faults(SERVER, [*WANTED, Channel("w2", STARTED)], both)
    assert "channel W1" in str(refusal.value) and "channel w2" in str(refusal.value)


def test_a_timeout_takes_time() -> None:
    assert timeout_problems(1) == []
    assert timeout_problems(0) == ["read_timeout_seconds 0 is no time; give 1 at least."]
