# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging whether old rows may leave a write server, and the steps that remove them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
    Finding,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.retention import (
    OldRows,
    Outlook,
    ReaderStanding,
    Replica,
)

PURGE = "purge"
_NOTHING = "nothing is purged"


def reader_findings(
    server: str,
    readers: Sequence[ReaderStanding],
    in_order: Mapping[str, datetime],
    outlook: Outlook,
) -> list[Finding]:
    """Say which read servers may lack rows of ``server``, why, since when, and what comes of it.

    ``in_order`` is when a purge last found each in order.
    """
    found = []
    for one in readers:
        since = (
            f"It was last in order at {in_order[one.name]} UTC."
            if one.name in in_order
            else "No purge has found it in order yet."
        )
        then = f"{since} {outlook}"
        if one.unknown:
            text = (
                f"it cannot be told what it has of {server} ({one.unknown}), so {_NOTHING}. {then}"
            )
            todo = f"Bring {one.name} back, or take it out of the inventory if it is gone for good."
            found.append(Finding("retention.reader_unknown", WARNING, one.name, text, todo))
        elif one.stopped:
            text = f"its channel from {server} does not run, so {_NOTHING}: {one.stopped}. {then}"
            found.append(
                Finding(
                    "retention.reader_stopped", WARNING, one.name, text, "Put the channel right."
                )
            )
        elif one.left_out:
            text = (
                f"a filter of its channel from {server} keeps out rows of "
                f"{', '.join(one.left_out)}, so {_NOTHING}."
            )
            todo = "Let them through, or give the table no days_kept."
            found.append(Finding("retention.rows_filtered", CRITICAL, one.name, text, todo))
    return found


def replica_findings(
    replicas: Sequence[Replica], known: Collection[str], expected: Collection[str]
) -> list[Finding]:
    """Say who reads the binary log and is none of the read servers, whose users are ``known``.

    Who does not see those of them that are ``expected`` sees nobody else either.
    """
    seen = {one.user for one in replicas}
    hidden = [
        Finding(
            "retention.replica_hidden",
            WARNING,
            user,
            f"no session of it is seen that reads the binary log, so others may not be seen either, and "
            f"{_NOTHING}.",
            "The account that asks needs PROCESS.",
        )
        for user in sorted(set(expected) - seen)
    ]
    return hidden + [
        Finding(
            "retention.replica_unknown",
            WARNING,
            one.host,
            f"{one.user} reads the binary log from {one.host} and is none of the read servers; "
            f"what it has is not known, so {_NOTHING}.",
            "End it, or make it one of the inventory's read servers.",
        )
        for one in sorted(set(replicas), key=lambda one: (one.host, one.user))
        if one.user not in known
    ]


@dataclass(frozen=True)
class Work:
    """The old rows of a table, and how many of them may go (None: all)."""

    old: OldRows
    limit: int | None = None

    @property
    def rows(self) -> int:
        """How many go, if nothing is in the way."""
        return self.old.rows if self.limit is None else min(self.limit, self.old.rows)


def plan(old: Sequence[OldRows], max_rows: int | None) -> Plan:
    """Return a step for each table that has old rows, until ``max_rows`` are named in all."""
    steps = []
    left = max_rows
    for one in old:
        if not one.rows or left == 0:
            continue
        going = one.rows if left is None else min(left, one.rows)
        steps.append(
            Step(
                PURGE,
                str(one),
                before={"rows": one.rows, "oldest": str(one.oldest)},
                after={"rows": one.rows - going},
                value=Work(one, left),
            )
        )
        left = None if left is None else left - going
    return Plan(tuple(steps))
