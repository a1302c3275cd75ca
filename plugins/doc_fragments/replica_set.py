# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that work on a replica set."""

from __future__ import annotations


class ModuleDocFragment:
    """Which servers the set has, and how they are reached."""

    DOCUMENTATION = r"""
options:
  name:
    description: Name of the set. Its members' channels are called so, too.
    type: str
    required: true
  member:
    description:
      - The one of O(members) that the login is for. The others are reached over TCP at their own
        addresses, as O(operator_user).
    type: str
    required: true
  members:
    description:
      - Every server of the set. The first one becomes the active writer of a new set.
      - One that cannot be reached is a fact that is judged, and no error by itself.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server in the inventory; epochs and results call it so.
        type: str
        required: true
      host:
        description: Address at which the other members reach it.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 3306
      replication_user:
        description: Account with which it replicates from any other member.
        type: str
        default: ""
      replication_password:
        description: Password of O(members[].replication_user).
        type: str
  durability:
    description:
      - What an acknowledged write is worth.
      - V(available), it is on two servers as long as another member answers within two seconds;
        when none does, writes go on on one server (semi-synchronous replication that falls back).
      - V(strict), it is on two servers, always; a writer that is alone acknowledges nothing.
      - V(asynchronous), it is on the active writer, and elsewhere a moment later.
    type: str
    choices: [available, strict, asynchronous]
    default: available
  max_lag_seconds:
    description: How far a member may be behind before it is reported, and no switch goes to it.
    type: int
    default: 5
  operator_user:
    description: Account with all privileges on every member, with which the others are reached.
    type: str
    default: operator
  operator_password:
    description: Password of O(operator_user).
    type: str
  operator_tls:
    description: Whether to reach the others over TLS.
    type: bool
    default: true
  operator_ca_cert:
    description:
      - File with the authorities that the members' certificates are verified with, as well as their
        addresses. Without it TLS encrypts, and verifies nothing.
    type: path
"""
