# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection promises of a run."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of modules that change something, and (INFO) of those that only ask."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Predicts what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows what is and what would be.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
author:
  - The dbrw.sharding maintainers (@dbrw)
"""

    INFO = r"""
attributes:
  check_mode:
    description: Runs in check mode as it does otherwise, because it changes nothing.
    support: full
  diff_mode:
    description: There is never a difference to show.
    support: N/A
  idempotent:
    description: Changes nothing, however often it runs.
    support: full
author:
  - The dbrw.sharding maintainers (@dbrw)
"""
