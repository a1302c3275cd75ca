# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is known by while work goes on, so that another one in its place is noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    is_applied,
    numbers_in_log,
)


@dataclass(frozen=True)
class Pin:
    """A server's identity, and the transactions that it had written or applied by then.

    ``known_by`` are variables that stay as they are as long as it is the same server. A copy or
    a restored server may have them all: it is told by ``position`` (MySQL: gtid_executed;
    MariaDB: gtid_binlog_state), which never loses a transaction.
    """

    known_by: Mapping[str, str]
    position: str = ""

    @property
    def text(self) -> str:
        """The pin as the journal keeps it."""
        return json.dumps({"known_by": dict(self.known_by), "position": self.position})

    @classmethod
    def parse(cls, text: str) -> Pin:
        """Read what ``text`` has written."""
        read = json.loads(text)
        return cls(read["known_by"], read["position"])

    def differs_from(self, now: Pin) -> str:
        """Say why ``now`` is another server, or this one set back; empty: it is the same."""
        other = [
            f"{name} was {value} and is {now.known_by.get(name)}"
            for name, value in sorted(self.known_by.items())
            if now.known_by.get(name) != value
        ]
        if other:
            return "another server answers: " + ", ".join(other)
        if not _contains(now.position, self.position):
            return (
                "it has lost transactions (restored, copied, or its binary log was reset): it had "
                f"{self.position} and has {now.position or 'none'}"
            )
        return ""


def _contains(now: str, before: str) -> bool:
    if not before:
        return True
    if (":" in before) != (":" in now):
        return False
    if ":" in before:
        return is_applied(before, now)
    numbers = numbers_in_log(now)
    return all(numbers.get(pair, -1) >= number for pair, number in numbers_in_log(before).items())
