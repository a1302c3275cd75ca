# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel leaves out of what its source sends, beside its filters.

A channel counts as applied what it leaves out so: its position moves on, and the
rows do not come when it is changed (measured).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LeftOut:
    """Numbers of domains (MariaDB) and of servers, as the server shows them.

    ``skip_counter`` is how many transactions are left out next. ``until`` is the
    kind of place at which the channel stops by itself; empty if it does not.
    """

    do_domain_ids: tuple[int, ...] = ()
    ignore_domain_ids: tuple[int, ...] = ()
    ignore_server_ids: tuple[int, ...] = ()
    skip_counter: int = 0
    until: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as a module's result."""
        return {
            "do_domain_ids": list(self.do_domain_ids),
            "ignore_domain_ids": list(self.ignore_domain_ids),
            "ignore_server_ids": list(self.ignore_server_ids),
            "skip_counter": self.skip_counter,
            "until": self.until or None,
        }

    def against(self, server_id: int | None, domains: Collection[int]) -> list[str]:
        """Say what leaves out the source's own transactions, or may.

        ``server_id`` and ``domains`` are the source's own; None and empty: not known.
        """
        found = []
        if self.ignore_server_ids and (server_id is None or server_id in self.ignore_server_ids):
            found.append(f"IGNORE_SERVER_IDS = ({_listed(self.ignore_server_ids)})")
        if self.ignore_domain_ids and not (domains and self._passes(domains)):
            found.append(f"IGNORE_DOMAIN_IDS = ({_listed(self.ignore_domain_ids)})")
        if self.do_domain_ids and not (domains and set(domains) <= set(self.do_domain_ids)):
            found.append(f"DO_DOMAIN_IDS = ({_listed(self.do_domain_ids)})")
        return found

    def _passes(self, domains: Collection[int]) -> bool:
        return not set(domains) & set(self.ignore_domain_ids)


def numbers(shown: Any) -> tuple[int, ...]:
    """Return the numbers that a server shows with commas between them."""
    return tuple(int(part) for part in str(shown or "").split(",") if part.strip())


def _listed(ids: tuple[int, ...]) -> str:
    return ", ".join(str(one) for one in ids)
