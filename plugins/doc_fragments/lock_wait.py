# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that change a table while others use it."""

from __future__ import annotations


class ModuleDocFragment:
    """How long a change waits for its table, and how often."""

    DOCUMENTATION = r"""
options:
  lock_wait_timeout_seconds:
    description:
      - How long each try of a change may wait for the table. Everyone else's queries on the table,
        and a channel's rows, wait behind it for as long, and get in between before the next try.
      - MariaDB waits a second time to clean up after a change of partitions that could not get the
        table, so it is given half the time for each, in whole seconds.
    type: int
    default: 5
  lock_wait_retries:
    description: How often a change that could not get the table in time is tried again.
    type: int
    default: 3
"""
