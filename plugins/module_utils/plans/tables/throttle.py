# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long to pause between two chunks of work, so that others' commits stay fast."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

# So many commits are judged at a time.
_WINDOW = 100
# A commit below this harms nobody, whatever it was before.
_FAST_SECONDS = 0.005
_SHORTEST, _LONGEST = 0.002, 1.0


def p99(seconds: Sequence[float]) -> float:
    """Return what 99 of 100 are not above; 0 of none."""
    ordered = sorted(seconds)
    return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0.0


class Throttle:
    """Pauses that grow while commits take longer than before, and shrink again.

    ``before`` are seconds of commits without the work; ``growth`` is how much longer the slowest
    of a hundred may take, as a part of what it took (1.0: twice as long).
    """

    def __init__(self, before: Sequence[float], growth: float) -> None:
        self.limit = max(_FAST_SECONDS, p99(before) * (1 + growth))
        self._heard: deque[float] = deque(maxlen=_WINDOW)
        self._pause = 0.0

    def pause_after(self, seconds: float) -> float:
        """Hear how long a commit took during the work; return how long to pause now."""
        self._heard.append(seconds)
        if seconds > self.limit and p99(self._heard) > self.limit:
            self._pause = min(_LONGEST, max(_SHORTEST, 2 * self._pause))
        elif seconds <= self.limit:
            self._pause = 0.9 * self._pause if self._pause > _SHORTEST else 0.0
        return self._pause
