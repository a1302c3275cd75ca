# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: server_accounts
short_description: The accounts of a kind of server, each with what it may do
version_added: 0.1.0
description:
  - Gives the accounts of application, monitoring and maintenance, on a member of a replica set those
    of application, monitoring and operator, and on a write server and a member those of its
    replicas, what each needs there and no more.
  - Without a password there is no such account, but for replicas, which have one each.
positional: _input, server, schemas
options:
  _input:
    description:
      - Variables C(account_host), C(require_tls), C(application_user), C(application_password),
        and so on of the role C(write_server), C(read_server) or C(replica_set), without the prefix of
        their names.
    type: dict
    required: true
  server:
    description: Which kind of server they are for.
    type: str
    choices: [write_server, read_server, replica_set_member]
    required: true
  schemas:
    description: The schemas with usage tables, or those of the replica set.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Read server | Ensure the account of applications
  dbrw.sharding.mysql_account:
    accounts: "{{ variables | dbrw.sharding.server_accounts('read_server', ['usage_data']) }}"
  vars:
    variables:
      account_host: "%"
      require_tls: true
      application_user: application
      application_password: "{{ application_password }}"
      monitor_password: ""
      maintenance_password: ""
"""

RETURN = r"""
_value:
  description: The accounts, as M(dbrw.sharding.mysql_account) takes them.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts import (
    server_accounts as values,
)


def server_accounts(
    variables: Mapping[str, Any], server: str, schemas: Sequence[str]
) -> list[dict[str, Any]]:
    return values.server_accounts(server, variables, schemas)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"server_accounts": server_accounts}
