"""Channels as values: settings compared, names, sources that are shared."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    COMPARED,
    CONNECTING,
    FILES,
    FOR_A_NEW_CHANNEL,
    LONGEST,
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
            "channel w1: source_password has a line feed, a NUL, or a character beyond U+FFFF in "
            "it, which servers do not keep; leave it out.",
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


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("source_host", "DB1.Example.com", "db1.example.COM", True),
        ("source_host", "FE80::1", "fe80:0::1", True),
        ("source_host", "127.0.0.1", "127.0.0.2", False),
        ("source_tls_version", "TLSv1.3,TLSv1.2", "TLSv1.2, tlsv1.3", True),
        ("source_tls_version", "TLSv1.3", "TLSv1.2,TLSv1.3", False),
        ("source_tls_version", "", "TLSv1.3", False),
        ("privilege_checks_user", "applier@LOCALHOST", "applier@localhost", True),
        ("privilege_checks_user", "a@B@h", "a@b@h", False),
        ("privilege_checks_user", "", "a@h", False),
        # Servers do tell these apart.
        ("source_user", "Replicator", "replicator", False),
        ("source_ssl_ca", "/CA.pem", "/ca.pem", False),
    ],
)
def test_what_is_the_same_to_a_server_does_not_differ(
    name: str, one: str, other: str, same: bool
) -> None:
    wanted, shown = Settings(**{name: one}), Settings(**{name: other})
    assert wanted.differing_from(shown) == ({} if same else {name: one})


def test_a_source_in_two_spellings_is_shared() -> None:
    one = Settings(source_host="DB1", source_port=3306)
    (said,) = shared_sources([("w1", one), ("w2", Settings(source_host="db1"))])
    assert "channels w1, w2 have the same source db1:3306" in said


def test_only_what_a_server_has_a_word_for() -> None:
    some = Settings(source_host="a", source_ssl=False, source_ssl_ca="")
    assert some.in_words(("source_host", "source_ssl")) == Settings(
        source_host="a", source_ssl=False
    )


def test_versions_of_tls() -> None:
    assert Settings().tls_versions == Settings(source_tls_version="").tls_versions == ()
    assert Settings(source_tls_version="TLSv1.3").tls_versions == ("TLSv1.3",)
    both = Settings(source_tls_version="TLSv1.3,TLSv1.2").tls_versions
    assert both == ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("flavour", LONGEST)
@pytest.mark.parametrize("option", LONGEST["mysql"])
def test_texts_that_are_too_long(flavour: str, option: str) -> None:
    longest = LONGEST[flavour][option]

    def told(text: str) -> list[str]:
        if option == "source_password":
            channel = Channel("w1", "started", source_password=Secret(text))
        elif option == "source_log_file":
            channel = Channel("w1", "started", source_log_file=text)
        else:
            channel = Channel("w1", "started", Settings(**{option: text}))
        return channel.too_long(flavour)

    assert told("x" * longest) == []
    (said,) = told("x" * (longest + 1))
    assert f"{option} has {longest + 1} bytes, and {flavour} stores at most {longest}" in said
    # Two bytes each.
    assert told("\u00fc" * (longest // 2)) == [] and told("\u00fc" * (longest // 2 + 1))
    assert Channel("w1", "started").too_long(flavour) == []


@pytest.mark.parametrize("character", ["\n", "\0", "\U0001f600", "\ud83d"])
def test_characters_that_servers_do_not_keep(character: str) -> None:
    text = f"a{character}b"
    for name in FILES:
        (said,) = Channel("w1", "started", Settings(**{name: text})).problems()
        assert f"channel w1: {name} has a line feed, a NUL, or a character beyond" in said
    (said,) = Channel("w1", "started", Settings(source_user=text)).problems()
    assert "channel w1: source_user " in said
    (said,) = Channel("w1", "started", source_password=Secret(text)).problems()
    assert "channel w1: source_password has a line feed" in said
    assert Channel("w1", "started", source_password=Secret("\u20ac \t\\'")).problems() == []
    assert Secret(text).size > 2


def test_a_host_is_written_in_ascii() -> None:
    (said,) = Channel("w1", "started", Settings(source_host="h\u00fc.example")).problems()
    assert "source_host is 'h\u00fc.example': it has letters that servers do not accept" in said


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(2.5, True), (16383.999, True), (16384.001, False), (65536.5, True), (2.0004, False)],
)
def test_heartbeats_as_servers_keep_them(seconds: float, kept: bool) -> None:
    """Measured on both flavours: 16384.001 is shown as 16384.002."""
    problems = Channel("w1", "started", Settings(heartbeat_seconds=seconds)).problems()
    assert (problems == []) is kept


def test_a_heartbeat_beyond_all_numbers_is_out_of_range_only() -> None:
    (said,) = Channel("w1", "started", Settings(heartbeat_seconds=1e39)).problems()
    assert "heartbeat_seconds 1e+39 is outside 0.001 to 1000000" in said


def test_what_a_login_depends_on_is_compared() -> None:
    assert set(FILES) < set(CONNECTING) < set(COMPARED)


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        ({"io_fault": Fault(2003, "gone"), "io_running": True}, False),
        # It was stopped while its source was away.
        ({"io_fault": Fault(2003, "gone")}, False),
        ({"io_fault": Fault(1040, "too many"), "io_running": True}, False),
        ({"io_fault": Fault(1236, "purged")}, True),
        ({"io_fault": Fault(1045, "denied"), "io_running": True}, True),
        ({"io_fault": Fault(2026, "TLS"), "io_running": True}, True),
        ({"sql_fault": Fault(1062, "twice"), "io_running": True}, True),
        ({}, False),
    ],
)
def test_an_error_that_waiting_does_not_cure(status: dict[str, Any], failed: bool) -> None:
    assert ChannelStatus("w1", **status).failed is failed
