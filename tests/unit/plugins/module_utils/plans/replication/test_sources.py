"""Judging sources from what they say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.sources import (
    Source,
    ahead_of,
    problems_of,
    to_compare,
    to_judge,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Settings,
)

GOOD = {
    "server_id": "1",
    "log_bin": "ON",
    "binlog_format": "ROW",
    "binlog_row_image": "FULL",
}
MARIADB = Source("mariadb", {**GOOD, "gtid_domain_id": "1"})
MYSQL = Source("mysql", {**GOOD, "gtid_mode": "ON"})
REPLICA = Source("mariadb", {"server_id": "101", "gtid_domain_id": "101"})
UUID = "4263d780-e9bf-11f1-a861-02fc00000001"


def channel(name: str, **given: Any) -> Channel:
    settings = {"source_host": name, "source_user": "u", **given}
    return Channel(name, STARTED, Settings(**settings))


def status(name: str, **given: Any) -> ChannelStatus:
    return ChannelStatus(
        name, Settings(source_host=name, source_port=3306, source_user="u"), **given
    )


def problems(
    sources: dict[str, Source], present: list[ChannelStatus] | None = None, **more: Any
) -> list[str]:
    replica = more.pop("replica", REPLICA)
    desired = [channel(name, **more) for name in sources]
    return problems_of(sources, replica, desired, present or [])


def variables(source: Source, **changed: Any) -> Source:
    return replace(source, variables={**source.variables, **changed})


def test_only_channels_that_are_new_or_change_their_source_are_judged() -> None:
    present = [status("w1"), status("w2"), status("w3")]
    desired = [
        channel("W1", source_host="w1"),
        channel("w2", source_port=3307),
        channel("w3", source_host="other"),
        channel("w4"),
        replace(channel("w5"), state=ABSENT),
        Channel("w6", STARTED),
        channel("w7", source_user=None),
    ]
    found = to_judge(desired, present)
    assert set(found) == {"w2", "w3", "w4"}
    assert (found["w3"].source_host, found["w3"].source_port) == ("other", 3306)


def test_good_sources() -> None:
    other = variables(MARIADB, server_id="2", gtid_domain_id="2")
    assert problems({"w1": MARIADB, "w2": other}) == []
    mysql = Source("mysql", {"server_id": "101"})
    assert problems({"w1": MYSQL}, replica=mysql) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"binlog_row_image": "MINIMAL"}, "channel w1, its source: binlog_row_image is MINIMAL"),
        ({"binlog_format": "MIXED"}, "binlog_format is MIXED"),
        ({"log_bin": "OFF"}, "log_bin is OFF"),
        ({"server_id": "0"}, "server_id is 0"),
        ({"server_id": "101"}, "the server_id 101, which is this server's own"),
    ],
)
def test_settings_that_break_the_replica(changed: dict[str, str], said: str) -> None:
    (problem,) = problems({"w1": variables(MARIADB, **changed)})
    assert said in problem


def test_gtids_are_needed_by_channels_that_use_them() -> None:
    mysql = Source("mysql", {"server_id": "101"})
    without = {"w1": variables(MYSQL, gtid_mode="OFF")}
    (problem,) = problems(without, replica=mysql)
    assert "gtid_mode is OFF" in problem
    assert problems(without, replica=mysql, auto_position=False) == []


def test_a_source_of_the_other_flavour() -> None:
    (problem,) = problems({"w1": MYSQL})
    assert "a server of mysql and this one is of mariadb" in problem
    assert problems({"w1": MYSQL}, auto_position=False) == []


def test_one_server_id_of_two_sources() -> None:
    same = variables(MARIADB, gtid_domain_id="2")
    (problem,) = problems({"w1": MARIADB, "w2": same})
    assert "channels w1, w2 have sources with the same server_id, 1" in problem
    (problem,) = problems({"w2": same}, [status("w1", source_server_id=1)])
    assert "channels w1, w2 have sources with the same server_id, 1" in problem


def test_one_domain_of_two_sources() -> None:
    same = variables(MARIADB, server_id="2")
    (problem,) = problems({"w1": MARIADB, "w2": same})
    assert "channels w1, w2 have sources with the same gtid_domain_id, 1" in problem
    # What another channel has received of third servers is not its source's own.
    known = status("w1", source_server_id=1, gtid_received="1-1-5,7-7-1,2-2-9")
    (problem,) = problems({"w2": same}, [known])
    assert "channels w1, w2 have sources with the same gtid_domain_id, 1" in problem
    assert problems({"w2": variables(same, gtid_domain_id="7")}, [known]) == []


def test_channels_that_go_or_change_count_no_more() -> None:
    known = [
        status("w1", source_server_id=1, gtid_received="1-1-5"),
        status("w2", source_server_id=1, gtid_received="1-1-5"),
    ]
    desired = [replace(channel("W1"), state=ABSENT), channel("W2")]
    assert problems_of({"W2": MARIADB}, REPLICA, desired, known) == []


def test_one_server_uuid_of_two_sources() -> None:
    mysql = Source("mysql", {"server_id": "101", "server_uuid": "another"})
    copied = variables(MYSQL, server_uuid=UUID)
    other = variables(copied, server_id="2")
    (problem,) = problems({"w1": copied, "w2": other}, replica=mysql)
    assert f"channels w1, w2 have sources with the same server_uuid, {UUID}" in problem
    assert "remove auto.cnf from its data directory" in problem
    assert "Rows that a read server has missed until then are not sent again" in problem
    known = [status("w1", source_server_id=1, source_uuid=UUID)]
    (problem,) = problems({"w2": other}, known, replica=mysql)
    assert f"channels w1, w2 have sources with the same server_uuid, {UUID}" in problem
    # MySQL's names of transactions are not MariaDB's.
    known = [status("w1", source_server_id=1, gtid_received=f"{UUID}:1-5")]
    assert problems({"w2": other}, known, replica=mysql) == []


def test_a_source_that_has_the_uuid_of_the_replica() -> None:
    mysql = Source("mysql", {"server_id": "101", "server_uuid": UUID})
    (problem,) = problems({"w1": variables(MYSQL, server_uuid=UUID)}, replica=mysql)
    assert f"its source has the server_uuid {UUID}, which is this server's own" in problem
    assert "auto.cnf" in problem


ALIKE = [
    status("w1", connected=True, source_server_id=1, source_uuid=UUID),
    status("w2", connected=True, source_server_id=1, source_uuid=UUID),
]


def test_what_was_made_before_is_judged_by_the_channels_status() -> None:
    mysql = Source("mysql", {"server_id": "101", "server_uuid": "another"})
    told = problems_of({}, mysql, [channel("W1"), channel("w2")], ALIKE)
    assert [one.split(":")[0] for one in told] == [
        "channels w1, w2 have sources with the same server_id, 1",
        f"channels w1, w2 have sources with the same server_uuid, {UUID}",
    ]
    written = [
        status("w1", connected=True, source_server_id=1, gtid_received="0-1-5,2-2-2"),
        status("w2", connected=True, source_server_id=2, gtid_received="0-2-9,1-1-9"),
    ]
    (problem,) = problems_of({}, REPLICA, [channel("w2")], written)
    assert "channels w1, w2 have sources with the same gtid_domain_id, 0" in problem


def test_who_ends_a_channel_is_not_kept_from_it() -> None:
    mysql = Source("mysql", {"server_id": "101", "server_uuid": "another"})
    for state in (ABSENT, STOPPED):
        desired = [replace(channel("w2"), state=state)]
        assert problems_of({}, mysql, desired, ALIKE) == []
        assert problems_of({}, mysql, [*desired, channel("w1")], ALIKE) == []
    # Other channels have nothing to do with it.
    assert problems_of({}, mysql, [channel("w3")], ALIKE) == []
    assert problems_of({}, mysql, [], ALIKE) == []


def test_what_followed_a_source_that_is_away_is_not_judged() -> None:
    mysql = Source("mysql", {"server_id": "101", "server_uuid": "another"})
    known = [ALIKE[0], replace(ALIKE[1], connected=False)]
    assert problems_of({}, mysql, [channel("w1"), channel("w2")], known) == []


def test_a_log_that_leaves_out_rows_that_are_required() -> None:
    source = variables(MARIADB, binlog_do_db="shop", binlog_ignore_db="")
    told = problems_of({"w1": source}, REPLICA, [channel("w1")], [], ["usage_data"])
    assert ["its source: binlog_do_db is shop: the binary log leaves out" in one for one in told]
    assert len(told) == 1
    assert problems_of({"w1": source}, REPLICA, [channel("w1")], [], ["shop"]) == []


@pytest.mark.parametrize(
    ("source", "applied", "more"),
    [
        (replace(MARIADB, position="1-1-5,2-2-9"), ["1-1-5,2-2-30", ""], None),
        (replace(MARIADB, position="1-1-5"), ["1-7-6,2-2-30"], "1-7-6"),
        # A source that was made anew knows nothing of its own.
        (replace(MARIADB, position=""), ["1-1-6"], "1-1-6"),
        (replace(MARIADB, position="1-1-5"), ["", "1-1-4711"], "1-1-4711"),
        (replace(MYSQL, position=f"{UUID}:1-5", uuid=UUID), [f"{UUID}:1-5"], None),
        (
            replace(MYSQL, position=f"{UUID}:1-5", uuid=UUID.upper()),
            [f"{UUID}:2-6,{UUID}:tag:1,aaaaaaaa{UUID[8:]}:1-9"],
            f"{UUID}:2-6,{UUID}:tag:1",
        ),
        # Of the other flavour: that is told by others.
        (replace(MYSQL, position=f"{UUID}:1-5", uuid=UUID), ["1-1-5"], None),
    ],
)
def test_a_source_that_knows_less_of_itself(
    source: Source, applied: list[str], more: str | None
) -> None:
    found = ahead_of({"w1": source}, applied)
    assert len(found) == (0 if more is None else 1)
    if more is not None:
        assert f"channel w1: this server counts {more} of its source as applied" in found[0]
        assert f"the source itself has {source.position or 'nothing'}:" in found[0]


def test_only_channels_that_are_started_are_compared_with_their_source() -> None:
    there = Settings(source_host="a", source_port=1)
    stopped = ChannelStatus("w1", there)
    runs = ChannelStatus("w2", there, io_running=True)
    desired = [
        Channel("W1", STARTED, Settings(source_port=2)),
        Channel("w2", STARTED),
        Channel("w3", STARTED),
    ]
    assert to_compare(desired, [stopped, runs]) == {"W1": replace(there, source_port=2)}
    assert to_compare([Channel("w1", PRESENT)], [stopped]) == {}
