"""What mysql_replication_channel refuses before it asks any server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import (
    STARTED,
    STOPPED,
    Channel,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel_filters import Filters
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.modules import mysql_replication_channel


def desired(**given: Any) -> list[Channel]:
    """Return the channels that the module makes of options, as Ansible hands them over."""
    options: dict[str, Any] = mysql_replication_channel.OPTIONS
    defaults = {name: option.get("default") for name, option in options.items()}
    task: Any = mysql_replication_channel.ReplicationChannel()
    found: list[Channel] = task.desired({**defaults, "connect_timeout": 10, **given})
    return found


def test_a_channels_own_options_go_before_the_modules() -> None:
    one, two = desired(
        state="started",
        source_user="u",
        source_password="all",
        source_ssl=True,
        channels=[
            {"channel": "w1", "source_host": "a", "source_ssl": False, "state": "stopped"},
            {"channel": "w2", "source_host": "b", "source_password": "own"},
        ],
    )
    assert (one.name, one.state, one.settings.source_ssl) == ("w1", STOPPED, False)
    assert (two.name, two.state, two.settings.source_ssl) == ("w2", STARTED, True)
    assert (one.source_password, two.source_password) == (Secret("all"), Secret("own"))
    assert {one.settings.source_user, two.settings.source_user} == {"u"}
    assert {one.update_password, two.update_password} == {"on_difference"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(Refused, match="w1 is named 2 times"):
        desired(channels=[{"channel": "w1"}, {"channel": "W1"}])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        # Both servers take 70000, MariaDB 11.8 shows another number for ever after.
        ({"source_port": 70000}, "source_port"),
        ({"source_port": 0}, "source_port"),
        # Both servers make the default of 0: every run would change it again.
        ({"connect_retry_seconds": 0}, "connect_retry_seconds"),
        ({"connect_retry_seconds": -1}, "connect_retry_seconds"),
        ({"retry_count": -1}, "retry_count"),
        # 1624, after the channel has been stopped.
        ({"heartbeat_seconds": 4294968.0}, "heartbeat_seconds"),
        ({"heartbeat_seconds": -1.0}, "heartbeat_seconds"),
        # Servers keep milliseconds: every run would change it again.
        ({"heartbeat_seconds": 2.0004}, "heartbeat_seconds"),
        # 1729, after the channel has been stopped.
        ({"source_delay_seconds": 2**31}, "source_delay_seconds"),
        # MySQL takes any word, and then never connects.
        ({"source_tls_version": "TLSv1.3,TLSv1"}, "names TLSv1, which is none"),
        ({"source_tls_version": "TLSv1.2, TLSv1.3"}, "no space"),
        ({"privilege_checks_user": "applier"}, "write it as user@host"),
        ({"privilege_checks_user": "@%"}, "write it as user@host"),
        ({"source_log_file": "binlog.000001"}, "go together"),
        ({"source_log_position": 4}, "go together"),
        ({"source_log_file": "", "source_log_position": 4}, "source_log_file is empty"),
        ({"source_log_file": "b.1", "source_log_position": 3}, "outside 4 to"),
        (
            {"source_log_file": "b.1", "source_log_position": 4, "auto_position": True},
            "exclude each other",
        ),
        # MySQL forgets filters with its next start.
        ({"filters": {"do_databases": ["a"]}}, "filters need a filters_file"),
        ({"filters": {"do_tables": ["a"]}, "filters_file": "/f"}, "is not database.table"),
        # MariaDB 11.8 takes it, shows 64 characters, and knows no channel of that name.
        ({"channel": "w" * 65}, "64"),
    ],
)
def test_what_a_server_would_not_keep_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        desired(**{"channel": "w1", **given})


def test_what_a_server_keeps_is_taken() -> None:
    desired(
        channel="w" * 64,
        source_port=65535,
        connect_retry_seconds=1,
        retry_count=0,
        heartbeat_seconds=0.001,
        source_delay_seconds=0,
        source_tls_version="TLSv1.2,TLSv1.3",
        privilege_checks_user="a@b@%",
        source_log_file="binlog.000001",
        source_log_position=4,
    )
    desired(channel="w1", source_tls_version="", privilege_checks_user="")


def test_a_place_is_in_the_stead_of_gtid() -> None:
    (channel,) = desired(channel="w1", source_log_file="b.1", source_log_position=4)
    assert (channel.source_log_file, channel.source_log_position) == ("b.1", 4)
    assert channel.settings.auto_position is False
    (channel,) = desired(channel="w1")
    assert channel.settings.auto_position is None


def test_filters_of_a_channel_go_before_the_modules_as_a_whole() -> None:
    given: Any = {"do_databases": ["a"]}
    one, two, three = desired(
        filters=given,
        filters_file="/f",
        channels=[
            {"channel": "w1"},
            {"channel": "w2", "filters": {}},
            {"channel": "w3", "filters": {"do_tables": ["a.b"]}},
        ],
    )
    assert one.filters == Filters(do_databases=("a",))
    assert (two.filters, three.filters) == (Filters(), Filters(do_tables=("a.b",)))
    (silent,) = desired(channel="w1")
    assert silent.filters is None
    # What goes has no filters to keep.
    desired(channel="w1", state="absent", filters=given)


def test_a_channel_that_shall_not_run_is_not_waited_for() -> None:
    """It could only fail, after it has been stopped."""
    with pytest.raises(Refused, match="wait"):
        desired(channel="w1", state="stopped", wait=True)
    # Of several, those that go are not waited for.
    desired(channels=[{"channel": "w1", "state": "absent"}, {"channel": "w2"}], wait=True)


def test_seeds_and_timeouts_are_judged_with_everything_else() -> None:
    with pytest.raises(Refused) as refusal:
        desired(channel="w1", source_port=0, gtid_seed=["1-1-1", "rubbish"], read_timeout_seconds=0)
    for said in ("source_port 0", "'rubbish' is not a GTID", "read_timeout_seconds 0"):
        assert said in str(refusal.value)
    assert len(refusal.value.problems) == 3
