# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a value of an inventory is of the type that its row in the table of variables says."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    Variable,
)

# As Ansible takes them for options of modules (its parsing.convert_bool).
_TRUE = {"y", "yes", "on", "1", "true", "t"}
_BOOLEANS = {*_TRUE, "n", "no", "off", "0", "false", "f"}


def is_integer(value: Any) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_true(value: Any) -> bool:
    """Whether Ansible takes it for true."""
    return str(value).lower() in _TRUE


def is_template(value: Any) -> bool:
    """Whether it is a text that Ansible works out later, before ansible-core 2.19 inside of others."""
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def problems(label: str, variable: Variable, value: Any) -> list[str]:
    """Return what is wrong with a value and all that it contains, as sentences about ``label``.

    Null is as good as not given; whether it may be left out is judged elsewhere.
    """
    if value is None or is_template(value):
        return []
    if variable.type == "list":
        return _of_list(label, variable, value)
    if variable.type == "dict":
        return _of_dict(label, variable, value)
    return _of_scalar(label, variable, value)


def _of_scalar(label: str, variable: Variable, value: Any) -> list[str]:
    wrong = _wrong_type(variable.type, value)
    if wrong:
        return [f"{label} is {value!r}; {wrong}."]
    if variable.is_number:
        value = float(value) if variable.type == "float" else int(value)
        judge = variable.judge or variable.in_range()
        return grammar.told(label, value, judge)
    return grammar.told(label, value, variable.judge) if variable.judge else []


def _wrong_type(wanted: str, value: Any) -> str:
    """Say what a value must be that is not of a type; empty where it is."""
    if wanted == "int":
        text = isinstance(value, str) and re.fullmatch(r"[0-9]+", value)
        return "" if text or is_integer(value) else "it must be a whole number"
    if wanted == "float":
        number = is_integer(value) or isinstance(value, float) and math.isfinite(value)
        text = isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)
        return "" if text or number else "it must be a number"
    if wanted == "bool":
        known = isinstance(value, (bool, str, int)) and str(value).lower() in _BOOLEANS
        return "" if known else "it must be true or false"
    return "" if isinstance(value, str) else "it must be text; put it in quotes"


def _of_list(label: str, variable: Variable, value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        entries = "one entry for each table" if variable.keys else "one entry for each"
        return [f"{label} is not a list; give it {entries}."]
    found = []
    for number, one in enumerate(value, 1):
        place = f"{label}, number {number}"
        if variable.keys:
            found += _of_keys(place, variable.keys, one)
        else:
            wrong = "it is empty" if one is None else _wrong_type(variable.elements or "str", one)
            found += [f"{place} is {one!r}; {wrong}."] if wrong and not is_template(one) else []
    if not found and variable.judge:
        found += grammar.told(label, value, variable.judge)
    return found


def _of_dict(label: str, variable: Variable, value: Any) -> list[str]:
    if variable.keys and variable.elements != "dict":
        return _of_keys(label, variable.keys, value)
    if not isinstance(value, Mapping):
        return [f"{label} is not a dictionary; give it names and values."]
    found = []
    for name, one in value.items():
        if not isinstance(name, str):
            found.append(f"{label} has the key {name!r}; it must be text; put it in quotes.")
        elif variable.keys:
            found += _of_keys(f"{label}: {name}", variable.keys, one)
    return found


def _of_keys(label: str, keys: Sequence[Variable], value: Any) -> list[str]:
    """Judge a dictionary that may have these keys and no other."""
    if is_template(value):
        return []
    required = [key.name for key in keys if key.required]
    if not isinstance(value, Mapping):
        names = ", ".join(required or [key.name for key in keys])
        return [
            f"{label} is not a dictionary; give it {names}"
            f"{'' if required else ', or {} for the defaults'}."
        ]
    found = []
    missing = [name for name in required if value.get(name) is None]
    if missing:
        found.append(f"{label}: it has no {', '.join(missing)}; add that.")
    for key in keys:
        found += problems(f"{label}: {key.name}", key, value.get(key.name))
    return found + _unknown_keys(label, value, keys)


def _unknown_keys(label: str, value: Mapping[Any, Any], keys: Sequence[Variable]) -> list[str]:
    """Return the keys that nothing reads, mostly misspelt ones.

    Variables are not judged so. A host's variables hold also what modules have registered,
    facts, and what --extra-vars sets, and a user's own may begin with dbrw_ too; nothing
    tells them from misspelt ones.
    """
    names = [key.name for key in keys]
    found = []
    for name in value:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, 1)
            known = f"did you mean {close[0]}?" if close else f"valid keys are {', '.join(names)}."
            found.append(f"{label}: {name!r} is not a valid key; {known}")
    return found
