# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a judgement has found: a sentence for people, with a code for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Union

# The worst first.
CRITICAL, WARNING, INFO = "critical", "warning", "info"


@dataclass(frozen=True)
class Finding:
    """What was found, where, and what to do.

    ``code`` is one of ``CODES`` (values/codes.py) and stays the same when the words change.
    ``where`` is a table, a channel, another server or an option; nothing for the server that was
    asked.
    ``text`` says what was found. ``todo`` says what to do; it is the next sentence after a text
    that ends with a full stop, and otherwise goes on in the same one.
    """

    code: str
    severity: str
    where: str
    text: str
    todo: str = ""

    def __str__(self) -> str:
        if not self.todo:
            return self._said
        return f"{self._said}{' ' if self.text.endswith(('.', ':')) else '; '}{self.todo}"

    def told(self) -> dict[str, str]:
        """Return it as a part of a module's result."""
        return {**asdict(self), "text": self.text.rstrip(":")}

    def at(self, where: str) -> Finding:
        """Return it with the place that it was found in, unless it names that by itself."""
        return self if where in str(self) else replace(self, where=where, text=self._said)

    @property
    def _said(self) -> str:
        """The text with its place in front, unless it begins with that."""
        named = not self.where or self.text.startswith(self.where)
        return self.text if named else f"{self.where}: {self.text}"


# Why something is refused: judgements that programs read are findings, all else is a sentence.
Reason = Union[str, Finding]
