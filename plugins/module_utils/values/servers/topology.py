# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole topology on paper: what can be wrong with it before a server is touched."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.grammar import (
    LONGEST,
    is_kept,
    size,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import (
    Autoinc,
    NamedAutoinc,
    problems_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers import mysqld
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    BY_NAME,
    KINDS,
    MEMBER,
    READ,
    VARIABLES,
    WRITE,
    Variable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.value_types import (
    is_integer,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.value_types import (
    problems as value_problems,
)


@dataclass(frozen=True)
class Member:
    """A server as the inventory describes it.

    ``given`` holds its variables without their prefix dbrw_; one that is not
    defined, or null, or cannot be worked out, is not in it. ``unknown`` are those
    of them that are null or cannot be worked out. ``mysqld`` holds the variables
    of the role mysqld, without prefix, where that role sets the server up. ``of_shard``: it is in
    the group shard_servers.
    """

    name: str
    kind: str
    given: Mapping[str, Any]
    unknown: frozenset[str] = frozenset()
    mysqld: Mapping[str, Any] = field(default_factory=dict)
    of_shard: bool = False

    def value(self, name: str) -> Any:
        """Return what counts of a variable: what is given, or else its default."""
        return self.given.get(name, BY_NAME[name].default)

    @property
    def gtid_domain_id(self) -> Any:
        """MariaDB's domain: the server's own number where nothing else is said."""
        return self.given.get("gtid_domain_id", self.given.get("server_id"))

    @property
    def address(self) -> tuple[Any, Any] | None:
        """Address and port, if there is an address that can be one."""
        if grammar.address(self.given.get("address")):
            return None
        # Names of hosts are one in upper and in lower case.
        return str(self.given["address"]).lower(), str(self.value("port"))

    @property
    def replication_user(self) -> Any:
        """The account of a server that follows others, there."""
        return self.given.get("replication_user", f"replication_{self.name}")

    @property
    def replica_set(self) -> str:
        """The replica set that it is a member of."""
        return str(self.value("replica_set"))

    def of_its_set(self, key: str) -> Any:
        """Return what counts of a key of its replica set."""
        sets = self.value("replica_sets")
        given = sets.get(self.replica_set) if isinstance(sets, Mapping) else None
        value = given.get(key) if isinstance(given, Mapping) else None
        return _SET_KEYS[key].default if value is None else value


_SET_KEYS = {key.name: key for key in BY_NAME["replica_sets"].keys}
# The replica set that has the common data, and the channel by which read servers get them.
FABRIC, COMMON = "fabric", "common"
# Channels that the collection makes besides those that are named after hosts and sets.
RESERVED = re.compile(r"common|move_.*", re.IGNORECASE)


def problems(members: Sequence[Member]) -> list[str]:
    """Return everything that is wrong with the topology, as sentences."""
    found = []
    for member in members:
        found.extend(_of_one(member))
        found.extend(_replication_password(member))
    found.extend(_long_users(members))
    found.extend(_of_values(members))
    found.extend(_kinds(members))
    found.extend(_reserved(members))
    for name, of_set in sets(members).items():
        found.extend(_of_set(name, of_set))
    found.extend(_shards(members))
    found.extend(_common_data(members))
    writers = [member for member in members if member.kind == WRITE]
    pairs = [
        NamedAutoinc(member.name, Autoinc(*_pair(member)))
        for member in writers
        if all(isinstance(number, int) for number in _pair(member))
    ]
    for pair in pairs:
        found.extend(pair.pair.problems(pair.name))
    found.extend(problems_between(pairs))
    found.extend(
        _shared(
            [(member.name, member.given.get("server_id")) for member in members],
            "the same dbrw_server_id {value}; they would disconnect each other from their sources. "
            "Give each its own number.",
        )
    )
    found.extend(
        _shared(
            [
                (member.name, member.gtid_domain_id)
                for member in members
                if member.kind in (WRITE, MEMBER)
            ],
            "the same GTID domain {value}; on MariaDB channels would break at their first "
            "reconnection. Give each its own dbrw_gtid_domain_id.",
        )
    )
    found.extend(
        _shared(
            [(member.name, member.address) for member in members],
            "the same address {value[0]}:{value[1]}; give each server its own.",
        )
    )
    return found


def sets(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Return the members of each replica set, in the order of the inventory."""
    found: dict[str, list[Member]] = {}
    for member in members:
        if member.kind == MEMBER:
            found.setdefault(member.replica_set, []).append(member)
    return found


def warnings(members: Sequence[Member]) -> list[str]:
    """Return what works, and is not what a topology is for, as sentences."""
    found = []
    for name, of_set in sets(members).items():
        if len(of_set) == 1:
            found.append(
                f"{name}: it has one member, {of_set[0].name}; nothing takes over when that is "
                "lost. Put another server into the inventory."
            )
        elif len({str(member.given.get("datacenter")) for member in of_set}) == 1:
            found.append(
                f"{name}: all its members are in data centre {of_set[0].given.get('datacenter')}; "
                "when that is lost, the set is. Put one of them elsewhere."
            )
    return found


def _of_set(name: str, members: Sequence[Member]) -> Iterator[str]:
    """Judge the members of a replica set beside each other."""
    increment: Any = members[0].of_its_set("increment")
    offsets = [(member.name, member.given.get("set_offset")) for member in members]
    if is_integer(increment):
        for member, offset in offsets:
            if is_integer(offset) and not 1 <= int(offset or 0) <= increment:
                yield (
                    f"{member}: dbrw_set_offset {offset} is outside 1..{increment}, the increment of "
                    f"{name}; choose one inside."
                )
    yield from _shared(
        offsets,
        "the same dbrw_set_offset {value}; after a failover both would give the same ids. Give each "
        "one of its own.",
    )
    hosts = {str(member.value("account_host")) for member in members}
    if len(hosts) > 1:
        yield (
            f"{', '.join(member.name for member in members)}: they have different "
            f"dbrw_account_host ({', '.join(sorted(hosts))}), and the accounts of {name} are the same "
            "on all its members; give them one."
        )


def _shards(members: Sequence[Member]) -> Iterator[str]:
    """Judge which sets are shards, and who is in them."""
    numbers = []
    for name, of_set in sets(members).items():
        number = of_set[0].of_its_set("shard_number")
        numbers.append((name, number))
        shards = [member.name for member in of_set if member.of_shard]
        others = [member.name for member in of_set if not member.of_shard]
        if shards and name == FABRIC:
            yield (
                f"{', '.join(shards)}: shard_servers are members of shards, and dbrw_replica_set is {name}; "
                "name the shard."
            )
        elif shards and number is None:
            yield (
                f"{', '.join(shards)}: {name} has no shard_number in dbrw_replica_sets; give it one that no "
                "other shard has or had."
            )
        if shards and others and name != FABRIC:
            yield (
                f"{name}: {', '.join(shards)} are in shard_servers, and {', '.join(others)} are not; put all "
                "members of a shard there."
            )
    yield from _shared(
        numbers,
        "the same shard_number {value} in dbrw_replica_sets; a number is one shard's for good. Give each "
        "its own.",
    )


def common_schemas(members: Sequence[Member]) -> list[str]:
    """Return the schemas that read servers get of the fabric, each once, in the order given."""
    return list(dict.fromkeys(name for member in members for name in _common_to(member)))


def heartbeats(members: Sequence[Member], installed: Collection[str]) -> list[Member]:
    """Return the write servers that are to write heartbeats, if they can be told by a number.

    ``installed`` are the servers that the collection installs. On those of others it turns nothing on
    that nobody has asked for.
    """
    return [
        member
        for member in members
        if member.kind == WRITE
        and member.given.get("heartbeat", member.name in installed) is True
        and is_integer(member.given.get("server_id"))
    ]


def has_common_data(member: Member) -> bool:
    """Whether common data is brought to a write server."""
    return member.kind == WRITE and member.value("common_data") is True


def _common_to(member: Member) -> list[str]:
    given = member.value("common_schemas") if member.kind in (READ, MEMBER) else ()
    return list(map(str, given)) if isinstance(given, (list, tuple)) else []


def _common_data(members: Sequence[Member]) -> Iterator[str]:
    """Judge the schemas that read servers get of the fabric, beside everything else."""
    schemas = common_schemas(members)
    asked = [member.name for member in members if has_common_data(member)]
    if not schemas:
        if asked:
            yield (
                f"{', '.join(asked)}: dbrw_common_data is set, and dbrw_common_schemas has no schemas that "
                "could be brought there. Name them, for all hosts."
            )
        return
    if FABRIC not in sets(members):
        yield (
            f"dbrw_common_schemas has {', '.join(schemas)}, and there is no replica set {FABRIC} that "
            "could hold them; put its members into the group fabric_servers."
        )
    differing = [
        member.name
        for member in members
        if member.kind in (READ, MEMBER) and set(_common_to(member)) != set(schemas)
    ]
    if differing:
        yield (
            f"{', '.join(differing)}: dbrw_common_schemas is not {', '.join(schemas)} as elsewhere; it "
            "must be the same on read servers and members. Set it once, for all hosts."
        )
    usage = {
        str(table.get("schema")).lower()
        for member in members
        for table in _listed(member.value("usage_tables"))
        if isinstance(table, Mapping)
    }
    both = [name for name in schemas if name.lower() in usage]
    if both:
        yield (
            f"dbrw_common_schemas has {', '.join(both)}, where usage tables are, and their rows come "
            "from write servers. Keep the two in schemas of their own."
        )
    without = [
        member.name
        for member in members
        if member.kind == READ and not member.value("replication_filters_file")
    ]
    if without:
        yield (
            f"{', '.join(without)}: dbrw_replication_filters_file is not set; the channel {COMMON} has "
            "filters, which a restart would forget without a file. Name one that the server includes."
        )


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _reserved(members: Sequence[Member]) -> Iterator[str]:
    """Judge names of hosts and sets: all become names of channels."""
    names = sets(members)
    for member in members:
        if RESERVED.fullmatch(member.name):
            yield (
                f"{member.name}: the collection's own channels have such names (common, move_*); "
                "rename the host."
            )
        if member.name in names:
            yield f"{member.name}: a replica set has this name, too; rename the host."
    for name in names:
        if RESERVED.fullmatch(name):
            yield (
                f"dbrw_replica_set is {name}: the collection's own channels have such names (common, "
                "move_*); rename the set."
            )


def too_long_for(members: Sequence[Member]) -> dict[str, int]:
    """Return how many bytes channels keep, by flavour, where a replication password has more."""
    longest = max((_password_size(member) for member in members), default=0)
    keeps = {flavour: limits["source_password"] for flavour, limits in LONGEST.items()}
    return {flavour: limit for flavour, limit in keeps.items() if longest > limit}


def _password_size(member: Member) -> int:
    return size(str(member.given.get("replication_password") or ""))


def _replication_password(member: Member) -> list[str]:
    """Judge what a channel stores, which is found out last of all, after accounts have changed."""
    found, bytes_ = [], _password_size(member)
    # Where nobody has said which flavour it is, the server itself is asked before a change.
    flavour = str(member.mysqld.get("flavour"))
    longest = {name: keeps["source_password"] for name, keeps in LONGEST.items()}
    keeps = longest.get(flavour, max(longest.values()))
    if bytes_ > keeps:
        found.append(
            f"{member.name}: dbrw_replication_password has {bytes_} bytes, and channels of "
            f"{flavour if flavour in longest else 'any server'} keep {keeps} at most; choose a "
            "shorter one."
        )
    password = member.given.get("replication_password") or ""
    if not (password and grammar.secret(password)) and not all(map(is_kept, str(password))):
        found.append(
            f"{member.name}: dbrw_replication_password has a line feed, a NUL, or a character "
            "beyond U+FFFF in it, which channels do not keep; choose another one."
        )
    return found


def _pair(member: Member) -> tuple[Any, Any]:
    return member.given.get("increment"), member.given.get("offset")


def _required(member: Member) -> list[Variable]:
    return [one for one in VARIABLES if one.required and member.kind in one.kinds]


def _of_one(member: Member) -> list[str]:
    required = _required(member)
    found = [
        f"{member.name}: {variable.full_name} is not set ({variable.why})."
        for variable in required
        if not variable.secret and variable.name not in member.given
    ]
    for variable in VARIABLES:
        given = variable.required or member.given.get(variable.name)
        if variable.secret and member.kind in variable.kinds and given:
            found += _secret_problems(member, variable)
    return found + _number_problems(member)


def _number_problems(member: Member) -> list[str]:
    no_numbers, too_low, outside = [], [], []
    for variable in VARIABLES:
        number = member.given.get(variable.name)
        if number is None or not variable.is_number:
            continue
        label = f"{member.name}: {variable.full_name}"
        lowest, highest = variable.range or (-math.inf, math.inf)
        if not variable.is_whole_number:
            # What is no number at all, such as NaN, is not above anything either.
            is_number = is_integer(number) or isinstance(number, float) and math.isfinite(number)
            if not is_number or number < lowest:
                too_low.append(
                    f"{label} is {number!r}; it must be a number, and not below {lowest}."
                )
        elif not is_integer(number):
            no_numbers.append(f"{label} is {number!r}; it must be a whole number.")
        elif not lowest <= number <= highest:
            outside.append(f"{label} {number} is outside {lowest}..{highest}; choose one inside.")
    return [*no_numbers, *too_low, *outside]


def _secret_problems(member: Member, variable: Variable) -> list[str]:
    value = member.given.get(variable.name, "")
    label = f"{member.name}: the secret {variable.full_name}"
    if value == "":
        return [f"{label} is missing or empty ({variable.why}); put it into a vault."]
    return grammar.told(label, value, grammar.secret)


def _of_values(members: Sequence[Member]) -> list[str]:
    """Return which values are not what their kind can be, once for all servers that share one."""
    names: dict[str, list[str]] = {}
    for member in members:
        for problem in (
            *_wrong_values(member),
            *_wrong_contents(member),
        ):
            names.setdefault(problem, []).append(member.name)
    return [f"{', '.join(sharing)}: {problem}" for problem, sharing in names.items()]


def _wrong_values(member: Member) -> list[str]:
    required = {variable.name for variable in _required(member)}
    found = [
        f"dbrw_{name} is null, or refers to something that does not exist; correct it, or leave it "
        f"out."
        for name in sorted(member.unknown - required)
        # A secret that stands for all servers is missed by those that need it.
        if not BY_NAME[name].secret or member.kind in BY_NAME[name].kinds
    ]
    for variable in VARIABLES:
        if variable.type != "str" or variable.secret or not variable.judge:
            continue
        if variable.name in member.given:
            found += grammar.told(variable.full_name, member.given[variable.name], variable.judge)
    found += mysqld.problems(member.mysqld)
    if member.kind in (WRITE, MEMBER):
        found += grammar.told("its name", member.name, grammar.channel_name)
    if member.kind in (READ, MEMBER) and "replication_user" not in member.given:
        found += grammar.told("the name of its account", member.replication_user, _account_name)
    return found


def _wrong_contents(member: Member) -> list[str]:
    """Judge values that are no text and no number, and all that they contain."""
    found = []
    for variable in VARIABLES:
        if variable.type in ("bool", "list", "dict") and member.kind in variable.kinds:
            found += value_problems(variable.full_name, variable, member.given.get(variable.name))
    return found


def _account_name(value: Any) -> str | None:
    wrong = grammar.account_name(value)
    return wrong and f"{wrong}; set dbrw_replication_user to another"


def _long_users(members: Sequence[Member]) -> list[str]:
    """Return accounts that are too long for the flavour of the servers that they are made on."""
    flavours = {member.mysqld.get("flavour") for member in members if member.kind != READ}
    return [
        f"{member.name}: its account {member.replication_user} has more than the {longest} "
        f"characters that {flavour} takes; set dbrw_replication_user to a shorter one."
        for flavour, longest in grammar.LONGEST_USER.items()
        if flavour in flavours
        for member in members
        if member.kind in (READ, MEMBER) and longest < len(str(member.replication_user))
    ]


def _kinds(members: Sequence[Member]) -> list[str]:
    names = {kind: {member.name for member in members if member.kind == kind} for kind in KINDS}
    found = [
        f"{name} is in write_servers and in read_servers; a read server would then number rows "
        "itself. Choose one."
        for name in sorted(names[WRITE] & names[READ])
    ]
    found += [
        f"{member.name} is in {'shard' if member.of_shard else 'fabric'}_servers and in {kind}_servers; a "
        "server is of one kind. Choose one."
        for kind in (WRITE, READ)
        for member in members
        if member.kind == MEMBER and member.name in names[kind]
    ]
    of_shards = {member.name for member in members if member.of_shard}
    found += [
        f"{member.name} is in fabric_servers and in shard_servers; it is a member of one set. Choose one."
        for member in members
        if member.kind == MEMBER and not member.of_shard and member.name in of_shards
    ]
    if names[READ] and not names[WRITE] or not (names[WRITE] or names[MEMBER]):
        found.append("No host is in the group write_servers; put one there.")
    return found


def _shared(values: Sequence[tuple[str, Any]], text: str) -> list[str]:
    names: dict[Any, list[str]] = {}
    for name, value in values:
        # What is neither a number nor an address is told by itself.
        comparable = is_integer(value) or isinstance(value, tuple)
        if comparable and name not in names.get(value, []):
            names.setdefault(value, []).append(name)
    return [
        f"{', '.join(sharing)}: {text.format(value=value)}"
        for value, sharing in names.items()
        if len(sharing) > 1
    ]
