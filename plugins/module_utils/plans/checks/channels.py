# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the channels of a read server: those that are missing, stopped, late, or many."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.heartbeats import silent
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.left_out import (
    left_out,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    Observed,
    Seen,
    on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    FABRIC,
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explanation_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.topology import COMMON

_UNREACHABLE = "channel.source_unreachable"
# So many times the limit, a lag is no longer a load that passes.
_MUCH = 10
Sources = Mapping[str, Collection[CheckedServer]]


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Compare every read server's channels with those that it must have."""
    sources: dict[str, Collection[CheckedServer]] = {
        writer.name: (writer,) for writer in checked.of_kind(WRITE)
    }
    if checked.common_schemas:
        sources[COMMON] = [one for one in checked.servers if one.replica_set == FABRIC]
    for reader in checked.of_kind(READ):
        seen = observed.servers.get(reader.name)
        if seen and "its channels" not in seen.refused:
            yield from _of_reader(reader, seen, sources, checked, observed)


def _of_reader(
    reader: CheckedServer, seen: Seen, sources: Sources, checked: Checked, observed: Observed
) -> Iterator[Finding]:
    # Servers do not tell upper case from lower in the names of channels.
    expected = {name.lower(): those for name, those in sources.items()}
    there = {status.key for status in seen.channels}
    for name in sources:
        if name.lower() not in there:
            rows = "the common data" if name == COMMON else f"rows of {name}"
            yield Finding(
                "channel.missing",
                CRITICAL,
                reader.name,
                f"It has no channel {name}, and gets no {rows}.",
                f"Run site.yml; if {name} has removed its binary logs meanwhile, build "
                f"{reader.name} anew from another read server.",
            )
    for status in seen.channels:
        where = f"channel {status.name}"
        if status.key not in expected:
            yield Finding(
                "channel.not_in_inventory",
                WARNING,
                f"{reader.name}, {where}",
                f"It follows {status.source}, and no server of the inventory has the channel's name.",
                "Put the server back into the inventory, or remove the channel "
                "(mysql_replication_channel, state: absent).",
            )
        else:
            yield from (
                on(reader.name, finding)
                for finding in _of_channel(
                    status, where, expected[status.key], seen, checked, observed
                )
            )


def _of_channel(
    status: ChannelStatus,
    where: str,
    those: Collection[CheckedServer],
    seen: Seen,
    checked: Checked,
    observed: Observed,
) -> Iterator[Finding]:
    addresses = [Settings(source_host=one.host, source_port=one.port).source for one in those]
    if status.settings.source not in addresses:
        right = " or ".join(one.address for one in those)
        yield Finding(
            "channel.other_source",
            CRITICAL,
            where,
            f"It follows {status.source}, and the inventory has {right}.",
            "Run site.yml, which corrects it and starts it, if the inventory is right.",
        )
        # Whatever it is in, it is so with the wrong server.
        return
    if checked.require_tls and status.settings.source_ssl is False:
        yield Finding(
            "channel.without_tls",
            WARNING,
            where,
            "Its rows and its password travel unencrypted.",
            "Run site.yml, which corrects it.",
        )
    yield from _left_out(status, where, checked)
    if status.connected and status.sql_running and not status.lacks_room:
        late = [*_lag(status, where, those, checked, observed)]
        yield from late or silent(status, where, those, seen, checked, observed)
        return
    explanation = explanation_of(status)
    if explanation:
        # A source that does not answer here either is a finding by itself.
        unanswering = all(one.name in observed.silent for one in those)
        if not (unanswering and explanation.code == _UNREACHABLE):
            yield explanation.finding(where)
    elif status.running:
        yield Finding(
            "channel.connecting",
            WARNING,
            where,
            "It is not connected with its source yet, without an error.",
            "Look again in a minute.",
        )
    else:
        halves = {
            (False, False): "It is stopped",
            (True, False): "It receives and does not apply",
            (False, True): "It applies and does not receive",
        }
        yield Finding(
            "channel.stopped",
            CRITICAL,
            where,
            f"{halves[status.io_running, status.sql_running]}, without an error: somebody has "
            "stopped it, or it has given up.",
            "Start it when nobody is at work on it (site.yml, or mysql_replication_channel, "
            "state: started).",
        )


def _left_out(status: ChannelStatus, where: str, checked: Checked) -> Iterator[Finding]:
    """Say what a channel passes over while it is green."""
    tables = {
        str(table): kind
        for table in (() if status.key == COMMON else checked.tables)
        for kind in [status.filters.kind_against(str(table))]
        if kind
    }
    if tables:
        said = ", ".join(f"{table} ({kind})" for table, kind in tables.items())
        yield Finding(
            "channel.filters_rows",
            CRITICAL,
            where,
            f"Its filters leave out the rows of {said}, and count them as applied.",
            "Correct dbrw_replication_filters and run site.yml; then compare the rows with those of "
            "its source, and add what is missing outside the binary log.",
        )
    ways = left_out(status)
    if ways:
        yield Finding(
            "channel.skips_source",
            CRITICAL,
            where,
            f"It leaves out what its source has written itself ({', '.join(ways)}), and counts it as "
            "applied.",
            "Compare the rows of both servers, add those that are missing here outside the binary "
            "log, and then empty the list by hand (CHANGE ... = (), with the channel stopped).",
        )


def _lag(
    status: ChannelStatus,
    where: str,
    those: Collection[CheckedServer],
    checked: Checked,
    observed: Observed,
) -> Iterator[Finding]:
    seconds, most = status.seconds_behind_source or 0, checked.limits.max_lag_seconds
    sources = [observed.servers.get(one.name) for one in those]
    kept = min(
        (one.binary_log_seconds for one in sources if one and one.binary_log_seconds), default=0
    )
    if kept and seconds * 2 > kept:
        yield Finding(
            "channel.logs_expire",
            CRITICAL,
            where,
            f"It is {seconds} s behind its source, which removes binary logs after {kept} s: soon it "
            "will miss rows, and stop.",
            "Set the source's binlog_expire_logs_seconds to more at once (SET GLOBAL); then look "
            "what holds the channel up.",
        )
    elif seconds > most + (status.settings.source_delay_seconds or 0):
        yield Finding(
            "channel.lagging",
            CRITICAL if seconds > _MUCH * most else WARNING,
            where,
            f"It is {seconds} s behind its source; more than {most} s are reported.",
            "Look for a long transaction, a table without its primary key, or a slow disk there.",
        )
