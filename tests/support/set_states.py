"""Members of a replica set on paper, as they say that all is well; tests replace what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Epoch,
    MemberState,
    SemiSync,
    SetState,
)

EPOCH = Epoch(1, "f1")
_SEMI_SYNC = SemiSync(available=True, replica_on=True, wait_point="AFTER_SYNC", timeout_ms=2000)


def writer(
    name: str,
    epoch: Epoch | None = EPOCH,
    executed: str = "1-1-10",
    working: bool = True,
    unacknowledged: int = 0,
) -> MemberState:
    """The active writer, with another member that acknowledges."""
    return MemberState(
        name,
        flavour="mariadb",
        version="10.11",
        closed=False,
        epoch=epoch,
        executed=executed,
        channel=ChannelStatus("fabric", Settings(source_host="b")),
        source="f2",
        semi_sync=replace(
            _SEMI_SYNC,
            source_on=True,
            clients=1,
            working=working,
            unacknowledged=unacknowledged,
        ),
    )


def follower(
    name: str,
    source: str = "f1",
    epoch: Epoch | None = EPOCH,
    executed: str = "1-1-10",
    lag: int = 0,
    **channel: Any,
) -> MemberState:
    """A closed member that follows."""
    given = {
        "io_running": True,
        "connected": True,
        "sql_running": True,
        "seconds_behind_source": lag,
        "gtid_received": executed,
        **channel,
    }
    return MemberState(
        name,
        flavour="mariadb",
        version="10.11",
        closed=True,
        epoch=epoch,
        executed=executed,
        channel=ChannelStatus("fabric", Settings(source_host="a"), **given),
        source=source,
        was_connected=True,
        semi_sync=_SEMI_SYNC,
    )


def closed(member: MemberState) -> MemberState:
    """The same member, closed, as after its start."""
    return replace(member, closed=True, semi_sync=_SEMI_SYNC)


def pair() -> SetState:
    """f1 and f2, and f1 is the active writer."""
    return SetState({"f1": writer("f1"), "f2": follower("f2")})
