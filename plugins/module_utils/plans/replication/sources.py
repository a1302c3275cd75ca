# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging the sources of channels that a replica does not follow yet."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    GtidPosition,
    GtidSet,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import (
    MISSED_ROWS,
    OWN_UUID,
    sharing,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.server_settings import (
    judge,
)


@dataclass(frozen=True)
class Source:
    """What a server says of itself: its flavour and its global variables.

    ``position`` are the GTIDs in its binary log, ``uuid`` is its name in them on MySQL.
    """

    flavour: str
    variables: Mapping[str, str | None] = field(default_factory=dict)
    position: str = ""
    uuid: str = ""

    @property
    def server_id(self) -> int:
        """The number that must be its own (0: none)."""
        return int(self.variables.get("server_id") or 0)

    @property
    def server_uuid(self) -> str | None:
        """MySQL's name of it in GTIDs; None on a server that has none."""
        return self.variables.get("server_uuid") or None

    @property
    def domain(self) -> int | None:
        """The domain of what it writes; None on a server that knows no domains."""
        found = self.variables.get("gtid_domain_id")
        return None if found is None else int(found)


def to_judge(desired: Sequence[Channel], present: Sequence[ChannelStatus]) -> dict[str, Settings]:
    """Return by name the settings of the channels that are new or change their source.

    The others were judged when they were made: a run that changes nothing shall not
    log in everywhere.
    """
    known = {status.key: status.settings for status in present}
    found = {}
    for channel in desired:
        before = known.get(channel.key, Settings())
        after = replace(before, **channel.settings.given())
        if channel.state == ABSENT or not (after.source_host and after.source_user):
            continue
        if before.source != after.source:
            found[channel.name] = after
    return found


def to_compare(desired: Sequence[Channel], present: Sequence[ChannelStatus]) -> dict[str, Settings]:
    """Return by name the settings of the channels that a run starts where they stopped.

    One that was at work is not asked about; a start is the moment at which rows are left out.
    """
    known = {status.key: status for status in present}
    return {
        channel.name: replace(status.settings, **channel.settings.given())
        for channel in desired
        for status in [known.get(channel.key)]
        if status and channel.state == STARTED and not status.io_running
    }


def ahead_of(sources: Mapping[str, Source], applied: Sequence[str]) -> list[str]:
    """Say which sources know less of themselves than the replica does: they number on below.

    ``applied`` are GTIDs that count as applied on the replica, those of a seed too. What a
    source writes under a number that is among them is left out, without an error once it
    has passed them.
    """
    found = []
    for name, source in sorted(sources.items()):
        for text in applied:
            more = _more_than(source, text)
            if more:
                found.append(
                    f"channel {name}: this server counts {more} of its source as applied, and the "
                    f"source itself has {source.position or 'nothing'}: it has lost transactions "
                    "or was rebuilt, or the GTIDs here are those of another server. What it writes "
                    "next under the same numbers would be skipped without an error. Compare "
                    "the rows of both servers, then correct this server's GTIDs, or give the "
                    "source its own identity (gtid_domain_id on MariaDB, server_uuid on MySQL)."
                )
    return found


def _more_than(source: Source, applied: str) -> str:
    """Return the part of ``applied`` of a source itself, if that does not know all of it."""
    try:
        if source.uuid:
            gtids = GtidSet.parse(applied)
            own = gtids.only(
                name for name in gtids.intervals if name.partition(":")[0] == source.uuid.lower()
            )
            return "" if GtidSet.parse(source.position).contains(own) else str(own)
        position = GtidPosition.parse(applied)
        mine = position.only(position.domains.keys() & {source.domain})
        return "" if GtidPosition.parse(source.position).contains(mine) else str(mine)
    except ValueError:
        # GTIDs of the other flavour, which is told elsewhere.
        return ""


def problems_of(
    sources: Mapping[str, Source],
    replica: Source,
    desired: Sequence[Channel],
    present: Sequence[ChannelStatus],
    schemas: Sequence[str] = (),
) -> list[str]:
    """Say what would break the replica or lose rows.

    ``sources`` are by channel, those that were asked. What the other channels follow
    is known from their status, and those that are connected are judged by it. Rows of
    ``schemas`` must come from every source (none: nobody knows which).
    """
    by_gtid = {channel.name: channel.settings.auto_position is not False for channel in desired}
    found = []
    for name, source in sorted(sources.items()):
        if source.flavour != replica.flavour and by_gtid[name]:
            found.append(
                f"channel {name}: its source is a server of {source.flavour} and this one is of "
                f"{replica.flavour}; neither can use the other's GTIDs. Follow a source of "
                "the same flavour."
            )
            continue
        verdict = judge(WRITE_SERVER, _looked_at(source, by_gtid[name]), schemas=schemas)
        found.extend(f"channel {name}, its source: {problem}" for problem in verdict.problems)
        if source.server_id and source.server_id == replica.server_id:
            found.append(
                f"channel {name}: its source has the server_id {source.server_id}, which is this "
                "server's own; change one of the two."
            )
        if source.server_uuid and source.server_uuid == replica.server_uuid:
            found.append(
                f"channel {name}: its source has the server_uuid {source.server_uuid}, which is "
                "this server's own: they are one server, or one is a copy of the other. Name "
                f"another source, or {OWN_UUID}."
            )
    ended = {channel.key for channel in desired if channel.state in (ABSENT, STOPPED)}
    asked = {name.lower() for name in sources}
    rest = [one for one in present if one.key not in ended | asked]
    running = {channel.key for channel in desired} - ended
    return found + _shared(sources, rest, running, replica.domain is not None)


def _looked_at(source: Source, by_gtid: bool) -> dict[str, str | None]:
    left_out = () if by_gtid else ("gtid_mode",)
    return {name: value for name, value in source.variables.items() if name not in left_out}


# What two sources may not share, with what is said of the channels that follow them.
_SHARED = {
    "server_id": (
        "they are one server, or cannot be distinguished. Give each server its own number."
    ),
    "server_uuid": (
        "they are one server under two addresses, or one is a copy of the other, and this server "
        "takes the rows of one for those of the other and skips them while both channels run "
        f"without an error. Follow each server once, or {OWN_UUID}. {MISSED_ROWS}."
    ),
    "gtid_domain_id": (
        "that works until the first reconnect, then a channel stops (error 1236) or skips "
        "rows. Give each source its own domain."
    ),
}


def _shared(
    sources: Mapping[str, Source],
    rest: Sequence[ChannelStatus],
    running: Set[str],
    has_domains: bool,
) -> list[str]:
    """Compare sources with each other; of those only that one of ``running`` follows."""
    having: dict[str, list[tuple[str, Hashable]]] = {
        "server_id": [
            *((name, source.server_id) for name, source in sources.items()),
            *((status.name, status.source_server_id) for status in rest),
        ],
        "server_uuid": [
            *((name, source.server_uuid) for name, source in sources.items()),
            *((status.name, status.source_uuid) for status in rest),
        ],
        "gtid_domain_id": [
            *((name, _text(source.domain)) for name, source in sources.items()),
            *(
                (status.name, _text(domain))
                for status in (rest if has_domains else ())
                for domain in _written(status)
            ),
        ],
    }
    # Of a source that does not answer the status tells what was there before.
    known = {*sources, *(status.name for status in rest if status.connected)}
    return [
        f"channels {', '.join(followers)} have sources with the same {what}, {value}: "
        f"{_SHARED[what]}"
        for what, pairs in having.items()
        for value, followers in sharing(pairs)
        if set(followers) & set(sources)
        or (len(set(followers) & known) > 1 and {name.lower() for name in followers} & running)
    ]


def _written(status: ChannelStatus) -> set[int]:
    """Return the domains in which a channel's source writes.

    All that a channel has received names many domains; its source's own is the one
    whose last transaction that server wrote.
    """
    received = GtidPosition.parse(status.gtid_received)
    return received.domains_of(status.source_server_id)


def _text(domain: int | None) -> str | None:
    # Domain 0 is one as well.
    return None if domain is None else str(domain)
