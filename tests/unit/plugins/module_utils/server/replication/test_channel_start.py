"""Which channels that shall run count as a fault, and what is reported of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_start import (
    refuse_faults,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    DENIED,
    STARTED,
    Channel,
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
    tell,
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
