"""Channels as values: settings compared, names, sources that are shared."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import (
    COMPARED,
    FOR_A_NEW_CHANNEL,
    Channel,
    ChannelStatus,
    Fault,
    Settings,
    shared_sources,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

settings = st.builds(
    Settings,
    source_host=st.none() | st.sampled_from(["a", "b"]),
    source_port=st.none() | st.sampled_from([3306, 13306]),
    source_ssl=st.none() | st.booleans(),
    heartbeat_seconds=st.none() | st.sampled_from([2.0, 2.5]),
    auto_position=st.none() | st.booleans(),
)


def test_every_setting_is_compared() -> None:
    assert tuple(field.name for field in fields(Settings)) == COMPARED


def test_given_keeps_false_and_zero_and_empty_text() -> None:
    some = Settings(source_ssl=False, retry_count=0, source_ssl_ca="")
    assert some.given() == {"source_ssl": False, "retry_count": 0, "source_ssl_ca": ""}
    assert Settings().given() == {}


@given(settings, settings)
def test_differences_are_what_is_asked_for_and_shown_otherwise(
    desired: Settings, current: Settings
) -> None:
    differing = desired.differing_from(current)
    for name in COMPARED:
        wanted, shown = getattr(desired, name), getattr(current, name)
        differs = wanted is not None and shown is not None and wanted != shown
        assert (name in differing) == differs
        assert differing.get(name) == (wanted if differs else None)
    assert desired.differing_from(desired) == {}


def test_a_new_channel_tries_without_end_and_by_gtid() -> None:
    assert FOR_A_NEW_CHANNEL.retry_count == 0
    assert FOR_A_NEW_CHANNEL.auto_position is True
    assert FOR_A_NEW_CHANNEL.source_port == 3306


def test_names_differ_by_more_than_case() -> None:
    assert Channel("W1", "started").key == ChannelStatus("w1").key == "w1"


@pytest.mark.parametrize(
    ("number", "message", "told"),
    [(0, "", False), (1045, "denied", True), (0, "said without a number", True)],
)
def test_a_fault_is_one_only_if_something_is_told(number: int, message: str, told: bool) -> None:
    assert bool(Fault(number, message)) is told


@pytest.mark.parametrize("io_running", [True, False])
@pytest.mark.parametrize("sql_running", [True, False])
def test_running_is_both_threads(io_running: bool, sql_running: bool) -> None:
    status = ChannelStatus("w1", io_running=io_running, connected=io_running)
    both = ChannelStatus("w1", io_running=io_running, sql_running=sql_running)
    assert not status.running
    assert both.running == (io_running and sql_running)
    stopped = both.stopped()
    assert (stopped.io_running, stopped.connected, stopped.sql_running) == (False, False, False)
    assert stopped.name == "w1"


def test_shared_sources_names_every_follower_and_the_source() -> None:
    one = Settings(source_host="a", source_port=13306)
    other = Settings(source_host="a", source_port=13307)
    assert shared_sources([("w1", one), ("w2", other), ("w3", Settings())]) == []
    (said,) = shared_sources([("w2", one), ("w9", other), ("w1", one)])
    assert said.startswith("channels w1, w2 have the same source a:13306")


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (
            Channel("w1", "started", Settings(source_port=0)),
            "channel w1: source_port 0 is outside 1 to 65535; choose one inside.",
        ),
        (
            Channel("w" * 65, "started"),
            f"channel is '{'w' * 65}': it is longer than the 64 characters of a channel's name.",
        ),
        (
            Channel("w1", "started", Settings(source_host="db1:3306")),
            "channel w1: source_host is 'db1:3306': it has a port, which has a variable of its "
            "own.",
        ),
        (
            Channel("w1", "started", Settings(source_user="a\nb")),
            "channel w1: source_user is 'a\\nb': it has a line break, or another control "
            "character; leave that out.",
        ),
        (
            Channel("w1", "started", source_password=Secret("a\nb")),
            "channel w1: source_password has a line break, or another control character, which "
            "would shift the lines of the file that MariaDB keeps it in.",
        ),
        (
            Channel("w1", "started", source_log_file="binlog.000001", source_log_position=3),
            "channel w1: source_log_position 3 is outside 4 to 9223372036854775807; choose one "
            "inside.",
        ),
    ],
)
def test_what_no_server_keeps_is_told(channel: Channel, said: str) -> None:
    assert channel.problems() == [said]
