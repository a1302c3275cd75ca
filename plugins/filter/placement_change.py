# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: placement_change
short_description: What a change of a placement would move
version_added: 0.1.0
description:
  - Compares where keys are in two versions of a placement. It changes nothing.
positional: _input, before, after
options:
  _input:
    description:
      - The keys, as a list, or as a text with a key in each line, whose spaces count. A key that is
        there twice counts once.
    type: raw
    required: true
  before:
    description: The placement as it is, as the filter P(dbrw.sharding.shard_for_key#filter) takes it.
    type: dict
    required: true
  after:
    description: The placement as it would be.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Placements | Report what a third shard would move
  ansible.builtin.debug:
    msg: "{{ (['a', 'b', 'c'] | dbrw.sharding.placement_change(two, three)).report }}"
  vars:
    two: {kind: ring, shards: {s1: {shard_number: 1}, s2: {shard_number: 2}}}
    three: "{{ two | combine({'shards': {'s3': {'shard_number': 3}}}, recursive=true) }}"
"""

RETURN = r"""
_value:
  description: What would move. With problems there is nothing else in it.
  type: dict
  contains:
    problems:
      description: Every mistake in either version and in the keys, as sentences.
      type: list
      elements: str
    keys:
      description: How many keys there are.
      type: int
    moved:
      description: How many of them would move.
      type: int
    percent:
      description: How many of a hundred would move.
      type: float
    between_old_shards:
      description: How many would move from a shard that stays to another one that was there before.
      type: int
    by_shards:
      description: How many keys would move, C(keys), C(from) which shard C(to) which.
      type: list
      elements: dict
    logical_shards:
      description:
        - The logical shards that would move as a whole, C(numbers), C(from) which shard C(to) which.
      type: list
      elements: dict
    moves:
      description:
        - Each C(key) that would move, C(from) which shard C(to) which; C(with_schema) when its
          logical shard moves.
      type: list
      elements: dict
    report:
      description: Lines to read.
      type: list
      elements: str
      sample:
        - "adds s5: 12,431 of 62,000 keys move (20.1 %); none between old shards"
        - "s1 to s5: 3,190"
"""

from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.change import (
    change_of,
    keys_of_lines,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.description import (
    placement_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.placements.placement import (
    Placement,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused, collect


def placement_change(keys: Any, before: Any, after: Any) -> dict[str, Any]:
    problems: list[Any] = []
    versions: list[Placement] = []
    for where, described in (("before", before), ("after", after)):
        with collect(problems, where):
            versions.append(placement_of(described))
    given: Any = []
    with collect(problems):
        given = _keys(keys)
    if not problems:
        try:
            return {"problems": [], **change_of(versions[0], versions[1], given).told()}
        except Refused as refusal:
            problems = refusal.problems
    return {"problems": [str(problem) for problem in problems]}


def _keys(given: Any) -> list[Any]:
    if isinstance(given, str):
        return list(keys_of_lines(given))
    if not isinstance(given, (list, tuple)):
        raise Refused([f"The keys are {given!r}; they must be a list, or a text with one a line."])
    return list(given)


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"placement_change": placement_change}
