# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line of a configuration file a server that did not come up complains of."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values.option_file import option_name
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK

# Settings that are secrets themselves, such as wsrep_sst_auth.
_SECRET = re.compile(r"passw|secret|_auth$")


def is_secret(name: str) -> bool:
    """Tell whether nobody may see the value of a setting."""
    return bool(_SECRET.search(option_name(name)))


@dataclass(frozen=True)
class Line:
    """A line that is new, or (number 0) one that is gone."""

    number: int
    text: str

    @property
    def name(self) -> str:
        """The option that it sets, as servers call it; empty for a comment or a group."""
        found = re.match(r"\s*([A-Za-z][\w.-]*)", self.text)
        return option_name(found[1]) if found else ""

    def __str__(self) -> str:
        text = self.text.strip()
        if is_secret(self.name):
            text = f"{self.name} = {MASK}"
        return f"line {self.number}: {text}" if self.number else f"the line that is gone: {text}"


def changed_lines(before: str, after: str) -> list[Line]:
    """Return the options that one text has and the other has not, as lines."""
    old, new = before.splitlines(), after.splitlines()
    found = []
    for word, left, to_left, right, to_right in difflib.SequenceMatcher(
        a=old, b=new, autojunk=False
    ).get_opcodes():
        if word == "equal":
            continue
        found += [Line(0, text) for text in old[left:to_left]]
        found += [Line(number + 1, new[number]) for number in range(right, to_right)]
    return [line for line in found if line.name]


def at_fault(before: str, after: str, said: str) -> str:
    """Return a sentence that names the lines at fault, by what a server ``said``; empty: unknown.

    Of the lines that have changed those that it names, else all of them; where none
    has changed, any that it names in a complaint.
    """
    complaints = "\n".join(
        line for line in said.splitlines() if re.search("error|fatal|unknown", line, re.IGNORECASE)
    )
    changed = changed_lines(before, after)
    named = _named(changed or changed_lines("", after), complaints)
    if named:
        return f"At fault: {'; '.join(map(str, named))}."
    if changed:
        return f"At fault is one of these: {'; '.join(map(str, changed))}."
    return ""


def _named(lines: list[Line], complaints: str) -> list[Line]:
    return [line for line in lines if re.search(_pattern(line.name), complaints, re.IGNORECASE)]


def _pattern(name: str) -> str:
    """Return a pattern for a name however a server writes it.

    MariaDB says "unknown default time zone" of default_time_zone.
    """
    return rf"(?<![\w-]){'[-_ ]'.join(map(re.escape, name.split('_')))}(?![\w-])"
