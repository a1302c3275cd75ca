# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which write server has given an id, also where the increment was another one before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    HIGHEST,
    LOWEST,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    Refused,
    refuse_if_any,
)

# As the directory's function takes them.
_ID = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Numbering:
    """An increment with the offset of each server, by which ids were given.

    ``below`` is the first id of a usage table that was given otherwise; None: up to now.
    """

    increment: int
    offsets: Mapping[str, int]
    below: int | None = None


def numberings_of(described: Mapping[str, Any]) -> list[Numbering]:
    """Return the present numbering and the former ones of one usage table. Raises ``Refused``.

    ``described`` has ``increment`` and ``offsets``, by server, and ``former``, a list of the same
    with ``below``.
    """
    former = described.get("former") or []
    refuse_if_any(
        [
            *_problems(described, "increment"),
            *(
                problem
                for number, one in enumerate(former, 1)
                for problem in _problems(one, f"former {number}: increment", is_former=True)
            ),
        ]
    )
    found = [Numbering(described["increment"], dict(described["offsets"]))]
    found += [Numbering(one["increment"], dict(one["offsets"]), one["below"]) for one in former]
    ends = _twice([one.below for one in found])
    refuse_if_any([f"below is {end} twice; an id is given once." for end in ends])
    return found


def server_for_id(row_id: Any, numberings: Sequence[Numbering]) -> str:
    """Return the server that has given an id. Raises ``Refused`` where there is none."""
    if isinstance(row_id, bool) or not _ID.fullmatch(str(row_id)):
        raise Refused([f"{row_id} is no id"])
    number = int(row_id)
    # The one that ended first after it; the present one has no end.
    one = min(
        (one for one in numberings if one.below is None or number < one.below),
        key=lambda one: (one.below is None, one.below),
    )
    for server, offset in one.offsets.items():
        if number % one.increment == offset % one.increment:
            return server
    raise Refused([f"no write server gives the id {number}"])


def _problems(given: Mapping[str, Any], what: str, is_former: bool = False) -> Iterator[str]:
    increment: Any = given.get("increment")
    offsets = given.get("offsets")
    if not _is_number(increment, LOWEST, HIGHEST):
        yield f"{what} is {increment!r}; it must be from {LOWEST} to {HIGHEST}."
        return
    if not isinstance(offsets, Mapping):
        yield f"{what} {increment}: offsets are {offsets!r}; give the offset of each server."
        return
    for server, offset in offsets.items():
        if not _is_number(offset, 1, increment):
            yield f"{what} {increment}: the offset of {server} is {offset!r}, outside 1..{increment}."
    for offset in sorted(map(str, _twice(list(offsets.values())))):
        yield f"{what} {increment}: two servers have the offset {offset}."
    if is_former and not _is_number(given.get("below"), 2, 10**19):
        yield f"{what} {increment}: below is {given.get('below')!r}; it is an id, from 2 on."


def _is_number(given: Any, least: int, most: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and least <= given <= most


def _twice(given: Sequence[Any]) -> set[Any]:
    return {one for one in given if given.count(one) > 1}
