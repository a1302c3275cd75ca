# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that work on tenants."""

from __future__ import annotations


class ModuleDocFragment:
    """How modules for tenants reach the shards."""

    DOCUMENTATION = r"""
options:
  shards:
    description: The shards that tenants are on, or may get to, with all their members.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the replica set.
        type: str
        required: true
      members:
        description: Its members; which of them is the active writer they say themselves.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          host:
            description: Where it is reached.
            type: str
            required: true
          port:
            description: Its port.
            type: int
            default: 3306
  operator_user:
    description: The account by which members are reached.
    type: str
    default: operator
  operator_password:
    description: Its password.
    type: str
  operator_tls:
    description: Whether they are reached over TLS.
    type: bool
    default: true
  operator_ca_cert:
    description: File with the authority that their certificates are verified with, and their names.
    type: path
  operators:
    description: Names of accounts that may write into all tenants' schemas, besides O(operator_user).
    type: list
    elements: str
    default: [root, mysql]
  reason:
    description: Why, for the directory's log of changes.
    type: str
    default: ''
"""
