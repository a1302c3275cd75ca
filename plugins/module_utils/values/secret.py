# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that is used but never shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MASK = "********"


@dataclass(frozen=True)
class Secret:
    """A string that prints as a mask wherever it is shown.

    Only ``reveal()`` gives the text, and only the server layer calls it.
    """

    _text: str

    def reveal(self) -> str:
        """Return the secret text itself."""
        return self._text

    @property
    def size(self) -> int:
        """How long it is, in bytes of UTF-8."""
        return len(self._text.encode(errors="replace"))

    def consists_of(self, allowed: Callable[[str], bool]) -> bool:
        """Return whether every character of it is allowed."""
        return all(map(allowed, self._text))

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__
