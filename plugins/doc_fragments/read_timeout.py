# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Option of every module that asks for the status of channels."""

from __future__ import annotations


class ModuleDocFragment:
    """How long an answer may take."""

    DOCUMENTATION = r"""
options:
  read_timeout_seconds:
    description:
      - How long one answer of the server may take. MariaDB leaves a status query unanswered for as
        long as the disk of the relay log is full. MySQL answers, and reports no error.
    type: int
    default: 30
"""
