# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What members of the directory's set tell when they are asked, and which of it counts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

What = TypeVar("What")
# Epoch and counter; compared as a pair, for after a failover the counter alone may come again.
Version = tuple[int, int]
NOTHING_SAID: Version = (0, 0)
# What is told of a host that the directory knows, to playbooks.
VARIABLE, SET_VARIABLE, VERSION_VARIABLE = "fabric_server", "fabric_replica_set", "fabric_version"

_DEFAULT_PORT = 3306
_ADDRESS = re.compile(r"(?:\[([^\s\[\]]+)\]|([^\s:\[\]/@]+))(?::([0-9]{1,5}))?")


@dataclass(frozen=True)
class Address:
    """Where a member is asked."""

    host: str
    port: int = _DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def addresses_of(given: Sequence[Any]) -> list[Address]:
    """Return addresses written as host, host:port, an IPv6 address, or [IPv6 address]:port.

    Each is returned once. Raises ``Refused`` with all that are none.
    """
    found: dict[Address, None] = {}
    problems = []
    for one in given:
        text = str(one).strip()
        # Without brackets there is no telling where a port would begin.
        parts = _ADDRESS.fullmatch(f"[{text}]" if _is_ipv6(text) else text)
        port = int(parts[3] or _DEFAULT_PORT) if parts else 0
        if parts and 0 < port < 65536 and (not parts[1] or _is_ipv6(parts[1])):
            found[Address(parts[1] or parts[2], port)] = None
        else:
            problems.append(f"members: {text!r} is no address; give it as host or host:port.")
    if not given:
        problems.append("members is empty; name the members of the replica set fabric.")
    if problems:
        raise Refused(problems)
    return list(found)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class ToldServer:
    """A server as the directory tells applications of it; ``is_active`` of its replica set."""

    name: str
    kind: str
    datacenter: str
    host: str
    port: int
    weight: float
    id_increment: int | None
    id_offset: int | None
    replica_set: str | None
    state: str
    is_down: bool
    is_usable: bool
    is_active: bool = False

    @property
    def groups(self) -> list[str]:
        """The groups that it is in, not yet made safe."""
        in_set = [f"set_{self.replica_set}"] if self.replica_set else []
        return [f"dc_{self.datacenter}", f"kind_{self.kind}", f"state_{self.state}", *in_set]

    def told(self) -> dict[str, Any]:
        """Return what playbooks get of it."""
        return {name: value for name, value in asdict(self).items() if name != "name"}


@dataclass(frozen=True)
class ToldSet:
    """A replica set; without an active writer that the directory knows, it has no address."""

    name: str
    active: str | None
    host: str | None
    port: int | None
    durability: str

    @property
    def group(self) -> str:
        """The group of its members, not yet made safe."""
        return f"set_{self.name}"

    def told(self) -> dict[str, Any]:
        """Return what playbooks get of it."""
        return asdict(self)


@dataclass(frozen=True)
class ToldShard:
    """A shard, with the address of its active writer."""

    name: str
    host: str
    port: int

    def told(self) -> dict[str, Any]:
        """Return what playbooks get of it."""
        return asdict(self)


@dataclass(frozen=True)
class Told(Generic[What]):
    """What one member has told, and of which version.

    Without an answer, ``refusal`` is why the directory has none, or ``trouble`` why the member could
    not give it.
    """

    version: Version
    answer: What | None = None
    refusal: str = ""
    trouble: str = ""


def newest(told: Mapping[str, Told[What]], said: Version) -> Told[What]:
    """Return the answer that counts: of the newest version, and of equal ones the first.

    ``said`` is the newest version that anybody has told before. Raises ``Refused`` where nobody who
    could answer has one that is as new as that, and as what the others have told: what is older may
    be wrong by now.
    """
    said = max([said, *(one.version for one in told.values())])
    able = [name for name, one in told.items() if not one.trouble]
    if not able:
        raise Refused([f"No member of the directory could answer. {'; '.join(troubles(told))}"])
    best = max(able, key=lambda name: told[name].version)
    if told[best].version < said:
        raise Refused(
            [
                f"{best} has version {_shown(told[best].version)} of the directory, and version "
                f"{_shown(said)} has been seen; it is behind. Wait until it has caught up, or name "
                "a member that has.",
                *troubles(told),
            ]
        )
    return told[best]


def troubles(told: Mapping[str, Told[What]]) -> list[str]:
    """Return why some could not answer."""
    return [f"{name}: {one.trouble}" for name, one in told.items() if one.trouble]


def _shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
