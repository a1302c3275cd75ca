# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of plugins that ask the directory, on the control node."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the directory's members."""

    DOCUMENTATION = r"""
options:
  members:
    description:
      - Members of the replica set C(fabric), each as C(host) or C(host:port).
      - All are asked at once, and the answer of the newest version counts. One of them is enough.
      - One that has an older version than any of them has told before in this run is not believed.
    type: list
    elements: str
    required: true
    env:
      - name: DBRW_DIRECTORY_MEMBERS
    vars:
      - name: fabric_members
  user:
    description: The account to ask as. It needs the role C(fabric_directory) and nothing else.
    type: str
    default: directory
    env:
      - name: DBRW_DIRECTORY_USER
    vars:
      - name: fabric_user
  password:
    description: Its password.
    type: str
    required: true
    env:
      - name: DBRW_DIRECTORY_PASSWORD
    vars:
      - name: dbrw_directory_password
  ca_cert:
    description:
      - File on the control node with the authority that signed the members' certificates.
      - Given this, connections use TLS and certificates are verified.
      - Required, unless O(require_tls=false).
    type: path
    env:
      - name: DBRW_DIRECTORY_CA_CERT
    vars:
      - name: fabric_ca_cert
  check_hostname:
    description: Whether a member's certificate must name the host as it is written in O(members).
    type: bool
    default: true
    env:
      - name: DBRW_DIRECTORY_CHECK_HOSTNAME
    vars:
      - name: fabric_check_hostname
  require_tls:
    description: Set it to V(false) to ask without O(ca_cert), on a network that you trust.
    type: bool
    default: true
    env:
      - name: DBRW_DIRECTORY_REQUIRE_TLS
    vars:
      - name: dbrw_require_tls
  timeout_seconds:
    description: Seconds after which a member that has not answered is done without.
    type: float
    default: 5
    env:
      - name: DBRW_DIRECTORY_TIMEOUT_SECONDS
    vars:
      - name: fabric_timeout_seconds
requirements:
  - PyMySQL on the control node, for the Python that runs Ansible
  - cryptography there too, for accounts with caching_sha2_password on connections without TLS
"""
