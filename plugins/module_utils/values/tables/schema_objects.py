# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema is made of, as short texts that two servers' can be compared by."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What differs between two servers that have the same objects: the next number of a table, who made
# something, and where an event runs.
_NEXT_NUMBER = re.compile(r"^(\).*?) AUTO_INCREMENT=\d+", re.MULTILINE)
_DEFINER = re.compile(r"\bDEFINER=(`(?:[^`]|``)*`|\S+?)(@(`(?:[^`]|``)*`|\S+))?\s+", re.IGNORECASE)
_EVENT_STATE = re.compile(
    r"\s(ENABLE|DISABLE ON (SLAVE|REPLICA)|DISABLE)(?=\s+(COMMENT|DO)\b)", re.IGNORECASE
)


@dataclass(frozen=True)
class SchemaObjects:
    """A schema of a server: each object's fingerprint, by kind and name; None: it is not there."""

    name: str
    objects: Mapping[str, str] | None = field(default_factory=dict)

    @property
    def fingerprint(self) -> str | None:
        """One text for all of them; None without the schema."""
        if self.objects is None:
            return None
        return _short("\n".join(f"{name} {one}" for name, one in sorted(self.objects.items())))

    def told(self) -> dict[str, Any]:
        """Return it as a module's result."""
        return {
            "schema": self.name,
            "fingerprint": self.fingerprint,
            "objects": None if self.objects is None else dict(sorted(self.objects.items())),
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> SchemaObjects:
        """Return what a module has told."""
        return cls(told["schema"], told["objects"])


def comparable(definition: str) -> str:
    """Return the statement that would make an object without what may differ between servers."""
    text = _NEXT_NUMBER.sub(r"\1", definition)
    text = _DEFINER.sub("", text, count=1)
    return _EVENT_STATE.sub("", text, count=1)


def fingerprint(definition: str) -> str:
    """Return the fingerprint of an object by the statement that would make it."""
    return _short(comparable(definition))


def differences(
    source: Sequence[SchemaObjects], here: Sequence[SchemaObjects], source_name: str
) -> list[str]:
    """Say in what the schemas of a server differ from those of another, by name."""
    mine = {schema.name: schema.objects for schema in here}
    found = []
    for schema in source:
        theirs, own = schema.objects, mine.get(schema.name)
        if theirs is None or own is None:
            if theirs is not own:
                where = f"is not on {source_name}" if theirs is None else "is not here"
                found.append(f"schema {schema.name} {where}")
            continue
        for name in sorted({*theirs, *own}):
            kind, _space, rest = name.partition(" ")
            title = f"{kind} {schema.name}.{rest}"
            if name not in own:
                found.append(f"{title} is not here")
            elif name not in theirs:
                found.append(f"{title} is not on {source_name}")
            elif theirs[name] != own[name]:
                found.append(f"{title} is made otherwise than on {source_name}")
    return found


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
