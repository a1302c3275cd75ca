# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of option files, as both flavours' servers and clients read them (my_default.c).

Everything is bytes: the servers read bytes, and take 0xA0 for a space wherever it stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values.grammar import is_one_line

SPACES = b" \t\n\v\f\r\xa0"
# Bytes of a line that are read at once; the rest of a longer one would count as another line.
LONGEST_LINE = 4093
ESCAPES = {
    ord("n"): b"\n",
    ord("t"): b"\t",
    ord("r"): b"\r",
    ord("b"): b"\b",
    ord("s"): b" ",
    ord('"'): b'"',
    ord("'"): b"'",
    ord("\\"): b"\\",
}


@dataclass(frozen=True)
class Option:
    """A line of a group: an option with a value, or (None) without one."""

    line: int
    group: bytes
    name: bytes
    value: bytes | None


@dataclass(frozen=True)
class Include:
    """A line that names another file, or a folder of them."""

    line: int
    path: bytes
    is_folder: bool


class NotUnderstood(Exception):
    """A line that the clients refuse, or read otherwise than it looks.

    The message never quotes the line, which may hold a password.
    """

    def __init__(self, line: int, why: str) -> None:
        self.line = line
        super().__init__(why)


def entries(content: bytes) -> Iterator[Option | Include]:
    """Return what an option file holds, in its order.

    Raises ``NotUnderstood``.
    """
    group: bytes | None = None
    for number, whole in enumerate(content.split(b"\n"), 1):
        if len(whole) > LONGEST_LINE or b"\0" in whole:
            raise NotUnderstood(
                number,
                f"it has more than {LONGEST_LINE} bytes, or a zero byte, where the servers' "
                "clients stop reading",
            )
        text = whole.strip(SPACES)
        if not text or text[:1] in b"#;":
            continue
        if text[:1] == b"!":
            yield _include(number, text)
        elif text[:1] == b"[":
            name, bracket, _rest = text[1:].partition(b"]")
            if not bracket:
                raise NotUnderstood(number, "it begins a [group] without the closing bracket")
            group = name.rstrip(SPACES)
        elif group is None:
            raise NotUnderstood(number, "it comes before the first [group]")
        else:
            yield _option(number, group, text)


def _include(number: int, text: bytes) -> Include:
    directive = re.fullmatch(rb"!\s*include(dir)?\s+(\S.*)", text, re.DOTALL)
    if not directive:
        raise NotUnderstood(number, "it is neither !include nor !includedir with a path")
    return Include(number, directive[2], is_folder=bool(directive[1]))


def _option(number: int, group: bytes, text: bytes) -> Option:
    text = text[: _end(text)]
    name, sign, value = text.partition(b"=")
    if not name.rstrip(SPACES):
        # The clients read back beyond its beginning then, and take bytes of the line twice.
        raise NotUnderstood(number, "it has no name before its =")
    return Option(number, group, name.rstrip(SPACES), _value(value) if sign else None)


def _end(text: bytes) -> int:
    """Return where a comment begins that stands behind an option."""
    quote, escaped = 0, False
    for place, char in enumerate(text):
        if char in b"'\"" and not escaped:
            quote = char if not quote else 0 if quote == char else quote
        if not quote and char == ord("#"):
            return place
        escaped = bool(quote) and char == ord("\\") and not escaped
    return len(text)


def _value(text: bytes) -> bytes:
    value = text.strip(SPACES)
    if len(value) > 1 and value[0] == value[-1] and value[0] in b"'\"":
        value = value[1:-1]
    read, place = bytearray(), 0
    while place < len(value):
        if value[place] == ord("\\") and place + 1 < len(value):
            place += 1
            read += ESCAPES.get(value[place], b"\\" + value[place : place + 1])
        else:
            read.append(value[place])
        place += 1
    return bytes(read)


# Words of an option's name; a component's variables have a dot.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
# What is read as it is written, without quotes. In bytes of UTF-8 there may be 0xA0.
_PLAIN = re.compile(r"[!$-&(-\[\]-~]+( [!$-&(-\[\]-~]+)*")
# What YAML makes of the servers' own ON and OFF. A template works out text, before
# ansible-core 2.19.
_SWITCHES = {True: "ON", False: "OFF", "True": "ON", "False": "OFF"}


def option_name(name: str) -> str:
    """Return what a server calls an option: it does not tell - from _, nor what loose is for."""
    return re.sub(r"^(loose_)+", "", name.replace("-", "_").lower())


def line_of(name: Any, value: Any) -> str:
    """Return the line that gives an option its value, as servers read it.

    None is an option without a value. Raises ``ValueError`` for what no line can say.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of a setting; names have only letters, digits, _, - and ."
        )
    if value is None:
        return name
    line = f"{name} = {_written(name, value)}"
    if len(line.encode()) > LONGEST_LINE:
        raise ValueError(f"{name} is longer than the {LONGEST_LINE} bytes that a line may have")
    return line


def _written(name: str, value: Any) -> str:
    if isinstance(value, (bool, str)) and value in _SWITCHES:
        return _SWITCHES[value]
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{name} is {value!r}, which is not a number that a server accepts")
        return str(int(value)) if value.is_integer() else repr(float(value))
    if not isinstance(value, str):
        raise ValueError(
            f"{name} is not a single value; a setting is a text, a number, or true or false. "
            "Write a list as one text, as the server accepts it"
        )
    if not is_one_line(value):
        raise ValueError(f"{name} has a line break, or another control character; leave that out")
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def problems(settings: Any) -> list[str]:
    """Return what is wrong with settings that are to be lines of an option file."""
    if not isinstance(settings, Mapping):
        return ["it is not a dictionary of settings with their values"]
    found = []
    names: dict[str, str] = {}
    for name, value in settings.items():
        try:
            line_of(name, value)
        except ValueError as error:
            found.append(str(error))
            continue
        other = names.setdefault(option_name(name), name)
        if other != name:
            found.append(f"{other} and {name} are the same setting; give it once")
    return found
