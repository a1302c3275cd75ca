# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: mysqld_problems
short_description: What is wrong with variables of the role mysqld
version_added: 0.1.0
description:
  - Judges the variables that reach a server's configuration file by what they can be, before the
    file, or anything else, is touched.
options:
  _input:
    description: Variables of the role C(mysqld), without the prefix C(mysqld_) of their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Server | Ensure that its variables can be written into its configuration
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: >-
      {{ {'port': mysqld_port, 'settings': mysqld_settings} | dbrw.sharding.mysqld_problems }}
"""

RETURN = r"""
_value:
  description: What is wrong, as sentences; empty when nothing is.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.mysqld import problems


def mysqld_problems(variables: Mapping[str, Any]) -> list[str]:
    return problems(variables)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"mysqld_problems": mysqld_problems}
