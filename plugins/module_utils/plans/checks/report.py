# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check reports: an observation for programs, and lines for people that compare cleanly."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.heartbeats import ages
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.topology import (
    SEVERITIES,
    Judged,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set_diagnosis import (
    status,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    Observed,
    Seen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    tell as tell_channels,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set_report import (
    tell as tell_set,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    PartitionedTable,
    text_of,
)

_WIDTH = 100
_NAMES = {"mysql": "MySQL", "mariadb": "MariaDB"}


def tell(checked: Checked, observed: Observed) -> dict[str, Any]:
    """Return what was seen, in one shape for both flavours."""
    directory = observed.directory
    return {
        "servers": [
            _server(checked, one, observed.servers.get(one.name), observed)
            for one in checked.servers
        ],
        "sets": [
            {"name": name, "status": status(state), **tell_set(state)}
            for name, state in sorted(observed.sets.items())
        ],
        "directory": None
        if directory is None
        else {
            "schema_version": directory.schema_version,
            "version": {"epoch": directory.version[0], "counter": directory.version[1]},
            "states": dict(sorted(directory.states.items())),
        },
    }


def _server(
    checked: Checked, server: CheckedServer, seen: Seen | None, observed: Observed
) -> dict[str, Any]:
    host = checked.hosts.get(server.name)
    told: dict[str, Any] = {
        "name": server.name,
        "kind": server.kind,
        "datacenter": server.datacenter,
        "address": server.address,
        "replica_set": server.replica_set or None,
        "answers": seen is not None,
        "unreachable": observed.silent.get(server.name),
        "disks": [asdict(disk) for disk in host.disks] if host else None,
    }
    if seen is None:
        return told
    until = seen.certificate_until
    return {
        **told,
        "flavour": seen.flavour,
        "version": seen.version,
        "clock_ahead_seconds": round(seen.clock_ahead_seconds),
        "takes_writes": seen.takes_writes,
        "increment": seen.pair.increment,
        "offset": seen.pair.offset,
        "binary_log_seconds": seen.binary_log_seconds,
        "certificate_until": until and text_of(until),
        "not_read": dict(seen.refused),
        "pending_restart": [asdict(one) for one in seen.pending],
        "channels": tell_channels(seen.channels),
        "heartbeat_seconds": ages(seen, checked, observed),
        "tables": [
            {
                "table": str(table),
                "exists": there.shape is not None,
                "months": [partition.name for partition in there.months.partitions]
                if isinstance(there.months, PartitionedTable)
                else None,
            }
            for table, there in zip(checked.tables, seen.tables)
        ],
        "ids": [
            {
                "table": column.table_name,
                "column": column.column,
                "highest": column.highest,
                "used_percent": column.used_percent,
            }
            for column in seen.id_columns
        ],
    }


def report(checked: Checked, observed: Observed, judged: Sequence[Judged]) -> str:
    """Return lines to read: what is wrong, the worst first, then all servers."""
    lines = [_summary(checked, observed, judged), ""]
    shown = [one for one in judged if one.mute is None]
    for one in shown:
        lines += [*_finding(one), ""]
    muted = [one for one in judged if one.mute]
    if muted:
        lines += ["Muted:"]
        lines += [
            f"  {one.finding.where}  {one.finding.code}, until {one.mute.until}"
            for one in muted
            if one.mute
        ]
        lines += [""]
    lines += _table([_row(server, checked, observed) for server in checked.servers])
    return "\n".join(lines)


def _summary(checked: Checked, observed: Observed, judged: Sequence[Judged]) -> str:
    shown = [one.finding.severity for one in judged if one.mute is None]
    counts = [f"{shown.count(one)} {one}" for one in SEVERITIES if one in shown]
    answering = len(observed.servers)
    servers = f"{answering} of {len(checked.servers)} servers answer"
    return f"{', '.join(counts)}; {servers}" if counts else f"Nothing is wrong; {servers}"


def _finding(one: Judged) -> list[str]:
    finding = one.finding
    where = finding.where or "topology"
    head = f"{finding.severity.upper():<8}  {where}  {finding.code}"
    return [head, *_wrapped(finding.told()["text"]), *_wrapped(finding.todo, "-> ")]


def _wrapped(text: str, mark: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=" " * 10 + mark,
        subsequent_indent=" " * (10 + len(mark)),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _row(server: CheckedServer, checked: Checked, observed: Observed) -> list[str]:
    seen = observed.servers.get(server.name)
    head = [server.name, server.replica_set or server.kind, server.datacenter]
    if seen is None:
        return [*head, "-", "does not answer"]
    version = f"{_NAMES[seen.flavour]} {seen.version.partition('-')[0]}"
    return [*head, version, "; ".join(_state(server, seen, checked, observed))]


def _state(
    server: CheckedServer, seen: Seen, checked: Checked, observed: Observed
) -> Iterator[str]:
    if server.kind == WRITE:
        yield f"ids {seen.pair.offset} of {seen.pair.increment}"
        used = [column.used_percent or 0 for column in seen.id_columns]
        if used:
            yield f"{max(used):.0f} % of the ids used"
    elif server.kind == READ:
        expected = len(checked.of_kind(WRITE)) + bool(checked.common_schemas)
        running = [one for one in seen.channels if one.connected and one.sql_running]
        yield f"{len(running)} of {expected} channels run"
    else:
        state = observed.sets.get(server.replica_set)
        member = state.members.get(server.name) if state else None
        if state and member:
            active = state.writer is member
            yield "active writer" if active else "open" if member.open else "closed"
            if member.epoch:
                yield f"epoch {member.epoch.number}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    ]
