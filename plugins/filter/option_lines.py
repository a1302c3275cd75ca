# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: option_lines
short_description: Settings as lines of a server's configuration file
version_added: 0.1.0
description:
  - Writes each setting so that the servers of both flavours read the value that was meant.
  - True and false are C(ON) and C(OFF), null is a setting without a value, and text is in quotes
    where it needs them. Settings are in the order of their names.
options:
  _input:
    description:
      - Settings with their values. A value is text of one line, a number, true, false or null.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Server | Ensure its settings
  ansible.builtin.copy:
    content: |
      [mysqld]
      {{ {'event_scheduler': true, 'init_connect': 'SET @a = "#1"'} | dbrw.sharding.option_lines }}
    dest: /etc/mysql/mariadb.conf.d/91-settings.cnf
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The lines, without a line break at the end.
  type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import (
    line_of,
    problems,
)


def option_lines(settings: Mapping[str, Any]) -> str:
    found = problems(settings)
    if found:
        raise AnsibleFilterError("; ".join(found))
    return "\n".join(line_of(name, value) for name, value in sorted(settings.items()))


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"option_lines": option_lines}
