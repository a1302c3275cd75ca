# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with servers by themselves and beside each other: answers, ids, clocks, versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import (
    clock_risks,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import (
    judge as judge_zones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    Observed,
    Seen,
    on,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    MEMBER,
    READ,
    WRITE,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.identity import (
    REMEDIES,
    shared,
)

# Below these the collection's statements are not known to work.
_OLDEST = {"mysql": (8, 0, 23), "mariadb": (10, 11)}
_DAY_SECONDS = 24 * 3600


def judge(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Judge every server that answers, name those that do not, and compare them."""
    for server in checked.servers:
        seen = observed.servers.get(server.name)
        if seen is None:
            yield from _silent(server, observed)
        else:
            yield from _alone(server, seen, checked, observed)
    yield from _identities(checked, observed)
    yield from _time_zones(checked, observed)
    yield from _flavours(checked, observed)
    yield from _versions(checked, observed)


def _silent(server: CheckedServer, observed: Observed) -> Iterator[Finding]:
    # What an absent member means to its set, the set's diagnosis says.
    if server.replica_set not in observed.sets:
        yield Finding(
            "server.unreachable",
            CRITICAL,
            server.name,
            f"It does not answer at {server.address}: {observed.silent[server.name]}",
            "Look whether its process runs and its disk has room; if it does, whether the account "
            "monitor may log in from here.",
        )


def _alone(
    server: CheckedServer, seen: Seen, checked: Checked, observed: Observed
) -> Iterator[Finding]:
    yield from (on(server.name, finding) for finding in seen.findings)
    if seen.refused:
        said = "; ".join(
            f"{subject} ({answer})" for subject, answer in sorted(seen.refused.items())
        )
        yield Finding(
            "check.not_read",
            WARNING,
            server.name,
            f"Nothing is known of what could not be read: {said}.",
            "Let site.yml give the account monitor what it needs.",
        )
    if server.kind == WRITE:
        yield from _writes(server, seen)
    if server.kind in (WRITE, MEMBER):
        yield from _binary_log(server, seen, checked)
    yield from _clock(server, seen, checked)
    yield from _certificate(server, seen, checked, observed)
    oldest = _OLDEST[seen.flavour]
    if seen.numbers < oldest:
        yield Finding(
            "server.version_unsupported",
            CRITICAL,
            server.name,
            f"It is {seen.flavour} {seen.version}, and versions before "
            f"{'.'.join(map(str, oldest))} are not supported.",
            "Upgrade it, read servers before write servers.",
        )


def _writes(server: CheckedServer, seen: Seen) -> Iterator[Finding]:
    if server.pair and seen.variables and seen.pair != server.pair:
        yield Finding(
            "ids.pair_differs",
            CRITICAL,
            server.name,
            f"It gives ids with offset {seen.pair.offset} of {seen.pair.increment}, and the "
            f"inventory has offset {server.pair.offset} of {server.pair.increment}: its new rows get "
            "ids of other servers.",
            f"Run site.yml with --limit {server.name}, which also deals with sessions that are "
            "open, and look for rows that were written meanwhile.",
        )
    if seen.variables and not seen.takes_writes:
        yield Finding(
            "server.closed",
            CRITICAL,
            server.name,
            "It is a write server, and read_only keeps applications from writing.",
            "If nobody is at work on it, open it: SET GLOBAL read_only = 0.",
        )


def _binary_log(server: CheckedServer, seen: Seen, checked: Checked) -> Iterator[Finding]:
    kept, least = seen.binary_log_seconds, checked.limits.binary_log_seconds
    if kept is not None and kept < least:
        yield Finding(
            "binary_log.expires_early",
            WARNING,
            server.name,
            f"It removes its binary logs after {_days(kept)}, and a server that follows it and is "
            "away for longer has to be built anew.",
            f"Set binlog_expire_logs_seconds to {least} at least.",
        )


def _clock(server: CheckedServer, seen: Seen, checked: Checked) -> Iterator[Finding]:
    seconds = seen.clock_ahead_seconds
    if abs(seconds) > checked.limits.max_clock_seconds:
        yield Finding(
            "server.clock_differs",
            WARNING,
            server.name,
            f"Its clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the one of "
            "the host that asks.",
            "Set it by NTP, on both hosts; lags and months are told by it.",
        )


def _certificate(
    server: CheckedServer, seen: Seen, checked: Checked, observed: Observed
) -> Iterator[Finding]:
    until = seen.certificate_until
    if until is None or not checked.require_tls:
        return
    left = until - (observed.at or datetime.min)
    if left < timedelta(days=checked.limits.certificate_days):
        over = left < timedelta()
        yield Finding(
            "server.certificate_expires",
            CRITICAL if over else WARNING,
            server.name,
            f"Its certificate {'has expired' if over else 'expires'} on {until:%Y-%m-%d}; "
            "those who verify it do not connect any more after that.",
            "Give it a new one, and let it read it (MySQL: ALTER INSTANCE RELOAD TLS; MariaDB: "
            "FLUSH SSL).",
        )


def _identities(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Say which servers cannot be told apart; in a set, others write in a member's domain, too."""
    told = []
    for server in checked.servers:
        seen = observed.servers.get(server.name)
        if seen:
            shown = {**seen.identity, "name": server.name}
            if server.kind != WRITE:
                shown.pop("gtid_domains", None)
            told.append(shown)
    for what, value, names in shared(told):
        yield Finding(
            "server.identity_shared",
            CRITICAL,
            ", ".join(names),
            f"They have the same {what}, {value}:",
            REMEDIES[what],
        )


def _time_zones(checked: Checked, observed: Observed) -> Iterator[Finding]:
    writers = [observed.servers.get(server.name) for server in checked.of_kind(WRITE)]
    zones = [seen.zones for seen in writers if seen and seen.zones]
    for one in zones:
        yield from (on(one.server, finding) for finding in clock_risks(one.clock))
    if zones:
        # Beside each other alone: what a read server lacks, its own preflight says.
        yield from judge_zones(False, zones[0], zones, ()).findings


def _flavours(checked: Checked, observed: Observed) -> Iterator[Finding]:
    names: dict[str, list[str]] = {}
    for server in checked.servers:
        if server.name in observed.servers:
            names.setdefault(observed.servers[server.name].flavour, []).append(server.name)
    if len(names) > 1:
        said = " and ".join(
            f"{', '.join(those)} {flavour}" for flavour, those in sorted(names.items())
        )
        yield Finding(
            "server.flavours_mixed",
            CRITICAL,
            "",
            f"The servers are of different flavours ({said}), and neither can use the other's GTIDs.",
            "Use one flavour in a topology.",
        )


def _versions(checked: Checked, observed: Observed) -> Iterator[Finding]:
    """Say which read servers are older than a write server, whose events they may not know."""
    writers = [(one.name, observed.servers.get(one.name)) for one in checked.of_kind(WRITE)]
    for reader in checked.of_kind(READ):
        seen = observed.servers.get(reader.name)
        newer = [
            f"{name} ({one.version})"
            for name, one in writers
            if seen and one and one.flavour == seen.flavour and one.numbers[:2] > seen.numbers[:2]
        ]
        if seen and newer:
            yield Finding(
                "server.versions_mixed",
                WARNING,
                reader.name,
                f"It has version {seen.version}, and follows newer servers: {', '.join(newer)}. "
                "Servers are not made to replicate from newer ones.",
                "Upgrade it; read servers come before write servers.",
            )


def _days(seconds: int) -> str:
    return f"{seconds / _DAY_SECONDS:.1f} days" if seconds >= _DAY_SECONDS else f"{seconds} s"
