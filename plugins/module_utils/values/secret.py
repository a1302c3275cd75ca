# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value that is used but never shown."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar

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
    def is_one_line(self) -> bool:
        """Whether it has no line break, and no other control character."""
        return grammar.is_one_line(self._text)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__
