# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of modules that look after months of rows."""

from __future__ import annotations


class ModuleDocFragment:
    """How many months there must be, and (NOW) which month it is."""

    DOCUMENTATION = r"""
options:
  months_ahead:
    description: How many complete months after the current one must exist, at least 1.
    type: int
    default: 3
"""

    NOW = r"""
options:
  now:
    description:
      - What time it is, V(YYYY-MM-DD) or V(YYYY-MM-DD HH:MM:SS), in UTC.
      - Without it, what the server's clock says.
    type: str
"""
