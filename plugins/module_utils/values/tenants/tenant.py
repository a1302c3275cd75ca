# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants: each has a schema on one shard, accounts that end there, and a stamp that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import is_system_schema

# What a stamp says of a tenant on its shard: it is here and open, here and closed to its accounts,
# or on another shard.
HERE, FENCED, MOVED = "here", "fenced", "moved"
STAMP_STATES = (HERE, FENCED, MOVED)
# Why it is fenced. A move has reasons of its own, and lifts none of these.
NEW, LOCKED, DROPPED = "new", "locked", "dropped"
# Longest name of a tenant in the directory, in characters.
LONGEST_TENANT = 128
# The collection's own schemas, which no tenant may have.
OWN_SCHEMAS = ("dbrw", "dbrw_tenants", "fabric")
_GIB = 1024**3


def scope_of(schema: str) -> str:
    """Return a schema as privileges on it are written."""
    quoted = schema.replace("`", "``")
    return f"`{quoted}`.*"


@dataclass(frozen=True)
class Stamp:
    """What a shard says of a tenant. ``epoch`` grows with each move; ``moved_to`` is a shard."""

    epoch: int
    state: str
    reason: str = ""
    moved_to: str | None = None

    def told(self) -> dict[str, Any]:
        """Return it as a part of a diff."""
        return {
            name: value
            for name, value in (
                ("epoch", self.epoch),
                ("stamp", self.state),
                ("reason", self.reason),
                ("moved_to", self.moved_to),
            )
            if value
        }


@dataclass(frozen=True)
class WantedTenant:
    """What is asked for of one tenant.

    ``shard`` None: it is chosen, or stays. ``locked`` None: it stays as it is. ``delete_data`` lets
    a tenant go that has tables, ``keep_days`` after it has been fenced.
    """

    name: str
    schema: str
    shard: str | None = None
    present: bool = True
    locked: bool | None = None
    accounts: tuple[DesiredAccount, ...] = ()
    delete_data: bool = False
    keep_days: int = 7

    def problems(self) -> list[str]:
        """Say what is wrong with it on paper."""
        found = grammar.told("tenants: a name", self.name, grammar.text)
        if len(self.name) > LONGEST_TENANT:
            found.append(
                f"tenants: {self.name[:20]}...: the name has {len(self.name)} characters, and the "
                f"directory keeps {LONGEST_TENANT}; shorten it."
            )
        found += grammar.told(f"tenants: {self.name}: schema", self.schema, grammar.identifier)
        if is_system_schema(self.schema) or self.schema.lower() in OWN_SCHEMAS:
            found.append(
                f"tenants: {self.name}: schema {self.schema} is not for tenants; name one of its own."
            )
        if "%" in self.schema:
            found.append(
                f"tenants: {self.name}: schema {self.schema} has a %, by which the rights on it would "
                "open others; choose another name."
            )
        if not self.present and self.locked is not None:
            found.append(
                f"tenants: {self.name}: locked is for tenants that are there; leave it out."
            )
        if self.keep_days < 0:
            found.append(
                f"tenants: {self.name}: keep_days is {self.keep_days}; it must not be below 0."
            )
        return found


@dataclass(frozen=True)
class KnownTenant:
    """A tenant as the directory has it. ``drop_after``: it is gone, and its schema goes then."""

    name: str
    schema: str
    shard: str
    locked: bool = False
    epoch: int = 1
    drop_after: datetime | None = None


@dataclass(frozen=True)
class Shard:
    """A shard as the directory has it. ``capacity_gib`` None: not limited."""

    name: str
    state: str = "open"
    weight: float = 1.0
    capacity_gib: int | None = None


@dataclass(frozen=True)
class SchemaSize:
    """What is in a schema: how many tables and views, and bytes by the server's statistics."""

    tables: int = 0
    size: int = 0


@dataclass(frozen=True)
class Owned:
    """An account that a shard has noted as a tenant's, and what holds of it there.

    It may not be there (yet): it is noted before it is made.
    """

    account: Account
    exists: bool = True
    locked: bool = False
    sessions: int = 0
    may_ask_stamp: bool = True


@dataclass(frozen=True)
class Place:
    """What the active writer of a shard has, as far as tenants are concerned.

    ``member`` is its name. ``stamps`` is None where there is no table of them yet. ``writers`` are
    accounts that can write into a schema and are nobody's own, by the schema; ``events`` are those
    that run, by the schema; ``kept_events`` those that a lock has turned off.
    """

    member: str
    stamps: Mapping[str, Stamp] | None = None
    schemas: Mapping[str, SchemaSize] = field(default_factory=dict)
    owned: Mapping[str, Sequence[Owned]] = field(default_factory=dict)
    writers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    events: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept_events: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def gib(self) -> float:
        """How much is in all its schemas."""
        return sum(one.size for one in self.schemas.values()) / _GIB
