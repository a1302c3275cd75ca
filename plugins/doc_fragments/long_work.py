# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module whose work on several servers takes long."""

from __future__ import annotations


class ModuleDocFragment:
    """When a call ends, and with which servers it goes on."""

    DOCUMENTATION = r"""
options:
  run_seconds:
    description:
      - Seconds after which the call ends, between two steps, with C(done) false; it takes one
        step at least. The same call goes on.
      - Without it, the call ends when the work is complete.
    type: float
  replaced_servers:
    description:
      - Names of servers that were replaced on purpose since the work was begun.
      - Without it, a server that is another one than at its last step, or has lost transactions
        since, is an error.
    type: list
    elements: str
    default: []
notes:
  - One call at a time works on a thing; a second one is refused, and says who is at work.
  - A call that was killed or has failed leaves what it has done, and the same call goes on from
    there. What of it cannot be seen is kept in the table C(dbrw.journal).
"""
