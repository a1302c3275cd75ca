# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of a placement would move, said before anything is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.keys import (
    key_text,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    Place,
    Placement,
    PreSharded,
    Ring,
    ShardInId,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

# Of thousands of keys that are wrong in the same way, a person needs some.
_EXAMPLES = 10


@dataclass(frozen=True)
class Move:
    """A key that is elsewhere after a change."""

    key: str
    before: Place
    after: Place

    @property
    def with_schema(self) -> bool:
        """Whether it stays in its logical shard, which moves as a whole."""
        logical = self.before.logical_shard
        return logical is not None and logical == self.after.logical_shard


@dataclass(frozen=True)
class Change:
    """Two versions of a placement, and those of ``keys`` keys that are elsewhere in the second."""

    before: Placement
    after: Placement
    keys: int
    moves: tuple[Move, ...]

    @cached_property
    def by_shards(self) -> dict[tuple[str, str], int]:
        """How many keys move from which shard to which, the most first."""
        counts = Counter(
            (self.before.names[move.before.shard], self.after.names[move.after.shard])
            for move in self.moves
        )
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    @property
    def percent(self) -> float:
        """How many of a hundred keys move."""
        return 100 * len(self.moves) / self.keys

    @cached_property
    def between_kept(self) -> int:
        """How many keys move from a shard that stays to another one that was there before."""
        kept = self.before.names.keys() & self.after.names.keys()
        return sum(
            move.before.shard != move.after.shard
            and move.before.shard in kept
            and move.after.shard in kept
            for move in self.moves
        )

    @cached_property
    def logical_moves(self) -> dict[tuple[str, str], list[int]]:
        """The logical shards that move as a whole, by from where to where; with keys or without."""
        before, after = self.before.rule, self.after.rule
        if not isinstance(before, PreSharded) or not isinstance(after, PreSharded):
            return {}
        if before.count != after.count:
            return {}
        found: dict[tuple[str, str], list[int]] = {}
        for logical in sorted(before.shards.keys() & after.shards.keys()):
            pair = (
                self.before.names[before.shards[logical]],
                self.after.names[after.shards[logical]],
            )
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(logical)
        return found

    def report(self) -> list[str]:
        """Return it as lines to read, of which the first has all that decides."""
        lines = [
            f"{', '.join(self._what())}: {len(self.moves):,} of {self.keys:,} keys move "
            f"({self.percent:.1f} %){self._between()}"
        ]
        lines += [f"{old} to {new}: {count:,}" for (old, new), count in self.by_shards.items()]
        lines += [
            f"{old} to {new}: logical shards {ranges(numbers)}, which move as schemas"
            for (old, new), numbers in self.logical_moves.items()
        ]
        return lines

    def told(self) -> dict[str, Any]:
        """Return it as a part of a filter's result."""
        return {
            "keys": self.keys,
            "moved": len(self.moves),
            "percent": round(self.percent, 1),
            "between_old_shards": self.between_kept,
            "by_shards": [
                {"from": old, "to": new, "keys": count}
                for (old, new), count in self.by_shards.items()
            ],
            "logical_shards": [
                {"from": old, "to": new, "numbers": numbers}
                for (old, new), numbers in self.logical_moves.items()
            ],
            "moves": [
                {
                    "key": move.key,
                    "from": self.before.names[move.before.shard],
                    "to": self.after.names[move.after.shard],
                    "with_schema": move.with_schema,
                }
                for move in self.moves
            ],
            "report": self.report(),
        }

    @property
    def _added(self) -> list[str]:
        return _names(self.after.names, self.after.names.keys() - self.before.names.keys())

    @property
    def _removed(self) -> list[str]:
        return _names(self.before.names, self.before.names.keys() - self.after.names.keys())

    def _between(self) -> str:
        if not self._added and not self._removed:
            return ""
        shards = "shards that stay" if self._removed else "old shards"
        if not self.between_kept:
            return f"; none between {shards}"
        return f"; {self.between_kept:,} of them between {shards}"

    def _what(self) -> list[str]:
        before, after = self.before.rule, self.after.rule
        said = []
        if before.kind != after.kind:
            said.append(f"becomes {after.kind} (was {before.kind})")
        if self._added:
            said.append(f"adds {' and '.join(self._added)}")
        if self._removed:
            said.append(f"removes {' and '.join(self._removed)}")
        if isinstance(before, Ring) and isinstance(after, Ring):
            said += [
                f"gives {self.after.names[number]} the weight {float(weight):g} "
                f"(was {float(before.weights[number]):g})"
                for number, weight in sorted(after.weights.items())
                if number in before.weights and before.weights[number] != weight
            ]
        pins = self.before.pins.items() ^ self.after.pins.items()
        if pins:
            said.append(f"changes pins of {len({key for key, _place in pins}):,} keys")
        logical = sum(map(len, self.logical_moves.values()))
        if logical:
            said.append(f"moves {logical:,} logical shards")
        return said or ["keeps its shards"]


def change_of(before: Placement, after: Placement, keys: Iterable[Any]) -> Change:
    """Return what of ``keys`` a change from one placement to another moves.

    A key that is given twice counts once. Raises ``Refused`` when the two cannot be versions of
    one placement, and for keys that have no place in one of them.
    """
    refuse_if_any(_problems(before, after))
    texts: dict[str, None] = {}
    moves = []
    wrong: dict[str, None] = {}
    for key in keys:
        try:
            text = key_text(key)
            if text in texts:
                continue
            texts[text] = None
            move = Move(text, before.place(text), after.place(text))
        except Refused as refusal:
            wrong.update(dict.fromkeys(refusal.problems))
            continue
        old, new = move.before, move.after
        if (old.shard, old.logical_shard) != (new.shard, new.logical_shard):
            moves.append(move)
    refuse_if_any(_some(list(wrong)))
    if not texts:
        raise Refused(["No keys are given; a change cannot be judged without."])
    return Change(before, after, len(texts), tuple(moves))


def keys_of_lines(text: str) -> list[str]:
    """Return the keys of a file that has one in each line. Raises ``Refused``.

    Spaces count. An empty line, a byte order mark, and the ends of lines that Windows writes are
    never meant as a key or as a part of one.
    """
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    found = []
    if text.startswith("\ufeff"):
        found.append("The keys begin with a byte order mark; save them as UTF-8 without one.")
    for number, line in enumerate(lines, 1):
        if line in ("", "\r"):
            found.append(f"Line {number} of the keys is empty.")
        elif line.endswith("\r"):
            found.append(f"Line {number} of the keys ends with a carriage return; save it without.")
    refuse_if_any(_some(found))
    return lines


def ranges(numbers: Sequence[int]) -> str:
    """Return numbers that ascend as a person writes them: 0-3, 7."""
    runs = list(_runs(numbers))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        elif number != last + 1:
            yield first, last
            first = number
        last = number
    if first is not None and last is not None:
        yield first, last


def _problems(before: Placement, after: Placement) -> list[str]:
    """Return why two placements cannot be versions of one."""
    found = [
        f"shard_number {number} is {before.names[number]} before and {after.names[number]} after; "
        "a number is never given again."
        for number in sorted(before.names.keys() & after.names.keys())
        if before.names[number] != after.names[number]
    ]
    numbers = {name: number for number, name in before.names.items()}
    found += [
        f"{name} has the shard_number {numbers[name]} before and {number} after; "
        "a shard keeps its number."
        for number, name in after.names.items()
        if numbers.get(name, number) != number
    ]
    if isinstance(before.rule, ShardInId) and isinstance(after.rule, ShardInId):
        old, new = before.rule.bits, after.rule.bits
        if old != new:
            found.append(
                f"bits are {old.shard}, {old.type}, {old.local} before and "
                f"{new.shard}, {new.type}, {new.local} after; "
                "the ids that were given out would mean other shards."
            )
    return found


def _names(names: Mapping[int, str], numbers: Iterable[int]) -> list[str]:
    return [names[number] for number in sorted(numbers)]


def _some(problems: list[str]) -> list[str]:
    more = len(problems) - _EXAMPLES
    return problems if more <= 0 else [*problems[:_EXAMPLES], f"And {more:,} more like these."]
