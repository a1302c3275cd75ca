# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What heartbeats tell: write servers that write none, and channels through which none arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    HEARTBEATS,
    Checked,
    CheckedServer,
    Observed,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.heartbeat import NAME

# So many times the limit, the silence is no pause that passes.
_MUCH = 10


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge every write server that is to write heartbeats by those that it has itself."""
    for name in checked.heartbeats:
        seen = observed.servers.get(name)
        if seen is None or HEARTBEATS in seen.refused:
            continue
        age = _newest(seen, seen)
        if age is None or age > checked.limits.silent_seconds:
            last = "has written none yet" if age is None else f"wrote the last one {age:.0f} s ago"
            yield Finding(
                "heartbeat.missing",
                WARNING,
                name,
                f"It is to write a heartbeat each second, and {last}: nobody would notice that its "
                "rows do not arrive while channels report no error.",
                "Run site.yml, which makes the event; look whether event_scheduler is ON there.",
            )


def silent(
    status: ChannelStatus,
    where: str,
    those: Collection[CheckedServer],
    seen: Seen,
    checked: Checked,
    observed: Observed,
) -> Iterator[Finding]:
    """Say whether a channel that runs and is not late brings no heartbeats.

    ``seen`` is its server; its sources are ``those``. What a source does not write itself, and
    what cannot be known, is told by itself.
    """
    most = checked.limits.silent_seconds
    for one in those:
        source = observed.servers.get(one.name)
        if one.name not in checked.heartbeats or source is None or HEARTBEATS in seen.refused:
            continue
        own = _newest(source, source)
        if own is None or own > most:
            continue
        age = _newest(seen, source)
        reported = status.seconds_behind_source or 0
        if age is None:
            arrived = "no heartbeat of it has arrived yet"
        else:
            # The row has the source's time, and its age is told by the clock of the replica.
            age += source.clock_ahead_seconds - seen.clock_ahead_seconds
            if age <= most + reported + (status.settings.source_delay_seconds or 0):
                continue
            arrived = f"the newest heartbeat of it that has arrived is {age:.0f} s old"
        yield Finding(
            "channel.silent",
            WARNING if age is not None and age <= _MUCH * most else CRITICAL,
            where,
            f"It runs and reports to be {reported} s behind its source, which writes a heartbeat each "
            f"second, and {arrived}: rows do not arrive, whatever the status says.",
            f"Look whether filters leave out {NAME}, and for a network that lost the connection without "
            "a word; then let the channel connect anew (mysql_replication_witness).",
        )


def ages(seen: Seen, checked: Checked, observed: Observed) -> dict[str, int]:
    """Return how many seconds old the newest heartbeats on a server are, by who wrote them.

    They are told by the server's own clock.
    """
    found = {}
    for name in checked.heartbeats:
        source = observed.servers.get(name)
        age = _newest(seen, source) if source else None
        if age is not None:
            found[name] = round(age)
    return found


def _newest(seen: Seen, source: Seen) -> float | None:
    """Return how old the newest heartbeat of ``source`` is on a server; None: there is none."""
    return seen.heartbeats.get(int(source.identity.get("server_id") or 0))
