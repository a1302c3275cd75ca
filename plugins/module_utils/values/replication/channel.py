# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A replication channel: one connection from a replica to a source."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.values import grammar
from ansible_collections.dbrw.sharding.plugins.module_utils.values.grammar import (
    LONGEST,
    is_kept,
    size,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

PRESENT, STARTED, STOPPED, ABSENT = "present", "started", "stopped", "absent"

# The settings of a channel that a server shows, in the order of CHANGE's options.
COMPARED = (
    "source_host",
    "source_port",
    "source_user",
    "source_ssl",
    "source_ssl_ca",
    "source_ssl_cert",
    "source_ssl_key",
    "source_ssl_verify_server_cert",
    "source_tls_version",
    "source_public_key_path",
    "get_source_public_key",
    "connect_retry_seconds",
    "heartbeat_seconds",
    "retry_count",
    "source_delay_seconds",
    "require_row_format",
    "privilege_checks_user",
    "auto_position",
)
# Settings that keep something from happening: one that a server has no word for
# must be told, because nobody would notice that it is not kept.
PROMISES = ("source_tls_version", "require_row_format", "privilege_checks_user")
TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")


# The settings that a login to the source depends on, beside the password.
CONNECTING = (
    "source_host",
    "source_port",
    "source_user",
    "source_ssl",
    "source_ssl_ca",
    "source_ssl_cert",
    "source_ssl_key",
    "source_ssl_verify_server_cert",
    "source_tls_version",
    "source_public_key_path",
    "get_source_public_key",
)

# Those of them that name a file on the replica; the last one is for logins without TLS.
PUBLIC_KEY = "source_public_key_path"
FILES = ("source_ssl_ca", "source_ssl_cert", "source_ssl_key", PUBLIC_KEY)

# Errors of a channel's connection that no waiting cures: access denied, host not
# allowed, account locked, TLS required, public key required.
DENIED = frozenset({1045, 1130, 1698, 2026, 2061, 3118, 3159})


# The client library's own numbers.
_NOT_REACHED = range(2000, 3000)

# What both flavours take and show again as it was given; they change other values
# silently, so that a second run would change them back, or fail (measured).
RANGES = {
    "source_port": (1, 65535),
    "connect_retry_seconds": (1, 2**31 - 1),
    "retry_count": (0, 2**31 - 1),
    # MariaDB 11.8 makes this of whatever is longer.
    "heartbeat_seconds": (0.001, 1000000),
    "source_delay_seconds": (0, 2**31 - 1),
}
# A log's first event is behind its first four bytes.
POSITIONS = (4, 2**63 - 1)
JUDGES: dict[str, grammar.Judge] = {
    "source_host": grammar.address,
    "source_user": grammar.account_name,
}


def host_key(host: str) -> str:
    """Return what two spellings of one host have in common: case, and forms of IPv6."""
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        return host.lower()


def versions_key(versions: str) -> str:
    """Return what two lists of the same versions of TLS have in common."""
    return ",".join(sorted({one.strip().lower() for one in versions.split(",")}))


def account_key(account: str) -> str:
    """Return an account as MySQL stores it: with its host in lower case."""
    user, at, host = account.rpartition("@")
    return f"{user}{at}{host.lower()}"


# How values of a setting are compared that a server takes for the same; the others as they are.
_KEYS: dict[str, Callable[[Any], Any]] = {
    "source_host": host_key,
    "source_tls_version": versions_key,
    "privilege_checks_user": account_key,
}


def _same(name: str, one: Any, other: Any) -> bool:
    key = _KEYS.get(name, lambda value: value)
    return bool(key(one) == key(other))


@dataclass(frozen=True)
class Settings:
    """What CHANGE REPLICATION SOURCE sets, but for the password.

    None means: not asked for (desired), or not shown by this server (current).
    ``auto_position`` is true for a channel that finds its place by GTID.
    """

    source_host: str | None = None
    source_port: int | None = None
    source_user: str | None = None
    source_ssl: bool | None = None
    source_ssl_ca: str | None = None
    source_ssl_cert: str | None = None
    source_ssl_key: str | None = None
    source_ssl_verify_server_cert: bool | None = None
    source_tls_version: str | None = None
    source_public_key_path: str | None = None
    get_source_public_key: bool | None = None
    connect_retry_seconds: int | None = None
    heartbeat_seconds: float | None = None
    retry_count: int | None = None
    source_delay_seconds: int | None = None
    require_row_format: bool | None = None
    privilege_checks_user: str | None = None
    auto_position: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return the settings that are not None."""
        return {name: getattr(self, name) for name in COMPARED if getattr(self, name) is not None}

    def in_words(self, words: Container[str]) -> Settings:
        """Return those that a server has a word for; without the others a channel does."""
        return Settings(**{name: one for name, one in self.given().items() if name in words})

    def differing_from(self, current: Settings) -> dict[str, Any]:
        """Return the settings asked for here that ``current`` shows otherwise.

        A setting that the server has no word for cannot differ, nor do two ways of
        writing what is the same to it.
        """
        shown = current.given()
        return {
            name: value
            for name, value in self.given().items()
            if name in shown and not _same(name, shown[name], value)
        }

    @property
    def tls_versions(self) -> tuple[str, ...]:
        """The versions of TLS that may be spoken; empty: all."""
        known = {version.lower(): version for version in TLS_VERSIONS}
        given = versions_key(self.source_tls_version or "").split(",")
        return tuple(known[version] for version in given if version in known)

    @property
    def source(self) -> tuple[str | None, int]:
        """What tells one source from another."""
        host = self.source_host
        return (None if host is None else host_key(host)), self.source_port or 3306


# What a new channel gets where nothing else is asked for. MySQL alone would give
# up after ten attempts and never come back; 0 means no end. Without TLS its
# accounts log in only with the source's public key (error 2061).
FOR_A_NEW_CHANNEL = Settings(
    source_port=3306,
    get_source_public_key=True,
    connect_retry_seconds=2,
    retry_count=0,
    auto_position=True,
)


@dataclass(frozen=True)
class Channel:
    """A channel as it shall be.

    ``source_log_file`` and ``source_log_position`` are where it begins to read,
    not where it is. ``filters`` None leaves those that it has.
    """

    name: str
    state: str
    settings: Settings = Settings()
    source_password: Secret | None = None
    update_password: str = "on_difference"
    source_log_file: str | None = None
    source_log_position: int | None = None
    filters: Filters | None = None

    @property
    def key(self) -> str:
        """What the servers compare names by: they do not tell upper case from lower."""
        return self.name.lower()

    def problems(self) -> list[str]:
        """Say which of the values no server would keep as they are."""
        found = [
            f"channel {self.name}: {option} {value} is outside {lowest} to {highest}; choose one "
            "inside."
            for option, (lowest, highest) in RANGES.items()
            for value in [getattr(self.settings, option)]
            if value is not None and not lowest <= value <= highest
        ]
        heartbeat = self.settings.heartbeat_seconds or 0.0
        # Servers keep it as a short floating-point number, and show milliseconds.
        if abs(heartbeat) < 2**32 and round(_short_float(heartbeat), 3) != heartbeat:
            found.append(
                f"channel {self.name}: heartbeat_seconds {heartbeat} is finer than what servers "
                "store, milliseconds up to 16384 s; round it."
            )
        found.extend(self._wrong_texts())
        found.extend(self._wrong_words())
        found.extend(self._wrong_place())
        if self.filters is not None:
            found.extend(self.filters.problems(self.name))
        return found

    def too_long(self, flavour: str) -> list[str]:
        """Say which texts a server of this flavour would not keep whole."""
        return [
            f"channel {self.name}: {option} has {bytes_} bytes, and {flavour} stores at most "
            f"{longest}; choose a shorter one."
            for option, longest in LONGEST[flavour].items()
            for bytes_ in [self._size(option)]
            if bytes_ > longest
        ]

    def _size(self, option: str) -> int:
        if option == "source_password":
            return self.source_password.size if self.source_password else 0
        own = option == "source_log_file"
        return size(str(getattr(self if own else self.settings, option) or ""))

    def _wrong_texts(self) -> list[str]:
        texts = {**self.settings.given(), "source_log_file": self.source_log_file}
        found = [
            name
            for name, text in texts.items()
            if not (name in JUDGES and JUDGES[name](text)) and not all(map(is_kept, str(text)))
        ]
        if self.source_password and not self.source_password.consists_of(is_kept):
            found.append("source_password")
        return [
            f"channel {self.name}: {name} has a line feed, a NUL, or a character beyond U+FFFF in "
            "it, which servers do not keep; leave it out."
            for name in found
        ]

    def _wrong_words(self) -> list[str]:
        found = []
        # The empty name is the servers' own channel. One that is to go may have any name.
        if self.name and self.state != ABSENT:
            found += grammar.told("channel", self.name, grammar.channel_name)
        for option, judge in JUDGES.items():
            value = getattr(self.settings, option)
            if value is not None:
                found += grammar.told(f"channel {self.name}: {option}", value, judge)
        versions = self.settings.source_tls_version
        # MySQL takes any word here, and then never connects.
        unknown = sorted(set(versions.split(",")) - set(TLS_VERSIONS)) if versions else []
        if unknown:
            found.append(
                f"channel {self.name}: source_tls_version {versions} names {', '.join(unknown)}, "
                f"which does not exist; known are {', '.join(TLS_VERSIONS)}, separated by commas, "
                "without spaces."
            )
        user = self.settings.privilege_checks_user
        if user and not all(user.rpartition("@")):
            found.append(
                f"channel {self.name}: privilege_checks_user {user} is not an account; write it as "
                "user@host, for example applier@%."
            )
        return found

    def _wrong_place(self) -> list[str]:
        file, position = self.source_log_file, self.source_log_position
        found = []
        if (file is None) != (position is None):
            found.append(
                f"channel {self.name}: source_log_file and source_log_position go together; give "
                "both or none."
            )
        if file is not None and self.settings.auto_position:
            found.append(
                f"channel {self.name}: source_log_file and auto_position exclude each other; a "
                "channel begins at a position, or finds it by GTID."
            )
        if file == "":
            found.append(f"channel {self.name}: source_log_file is empty; name a binary log.")
        lowest, highest = POSITIONS
        if position is not None and not lowest <= position <= highest:
            found.append(
                f"channel {self.name}: source_log_position {position} is outside {lowest} to "
                f"{highest}; choose one inside."
            )
        return found


def _short_float(number: float) -> float:
    (short,) = struct.unpack("f", struct.pack("f", number))
    return float(short)


@dataclass(frozen=True)
class Fault:
    """The last error of one of a channel's two threads (number 0: none).

    ``time`` is when it happened, in UTC, as text; None where the server does not tell.
    """

    number: int = 0
    message: str = ""
    time: str | None = None

    def __bool__(self) -> bool:
        return bool(self.number or self.message)


@dataclass(frozen=True)
class ChannelStatus:
    """A channel as it is.

    ``io_running`` is true as well for a thread that tries to connect;
    ``connected`` only for one that is connected. ``password`` is None where
    the server does not show the one that it has stored.
    """

    name: str
    settings: Settings = Settings()
    password: Secret | None = None
    io_running: bool = False
    connected: bool = False
    sql_running: bool = False
    # What the receiving and the applying thread do, in the server's words.
    io_state: str = ""
    sql_state: str = ""
    io_fault: Fault = Fault()
    sql_fault: Fault = Fault()
    seconds_behind_source: int | None = None
    gtid_received: str = ""
    gtid_applied: str = ""
    source_server_id: int | None = None
    source_uuid: str | None = None
    filters: Filters = Filters()
    left_out: LeftOut = LeftOut()
    # How far the source's binary log has been applied, and how far received.
    source_log_file: str | None = None
    source_log_position: int | None = None
    received_log_file: str | None = None
    received_log_position: int | None = None

    @property
    def key(self) -> str:
        """See ``Channel.key``."""
        return self.name.lower()

    @property
    def running(self) -> bool:
        """Whether both threads run."""
        return self.io_running and self.sql_running

    @property
    def denied(self) -> bool:
        """Whether the source refuses the channel's account."""
        return self.io_fault.number in DENIED

    @property
    def failed(self) -> bool:
        """Whether it shows an error that waiting does not cure.

        A receiving thread that does not reach its source goes on trying, or was stopped meanwhile.
        """
        ended = bool(self.io_fault) and not self.io_running
        return (
            bool(self.sql_fault)
            or self.denied
            or (ended and self.io_fault.number not in _NOT_REACHED)
        )

    @property
    def lacks_room(self) -> bool:
        """Whether the disk of the relay logs is full; MySQL calls it no error, and runs."""
        return self.io_state == "Waiting for disk space"

    @property
    def source(self) -> str:
        """The source as host:port."""
        return f"{self.settings.source_host}:{self.settings.source_port}"

    def stopped(self) -> ChannelStatus:
        """Return the same channel with both threads stopped."""
        return replace(self, io_running=False, sql_running=False, connected=False)


def shared_sources(channels: Sequence[tuple[str, Settings]]) -> list[str]:
    """Say which channels (name, settings) follow the same source: rows would come twice."""
    names: dict[tuple[str | None, int], list[str]] = {}
    for name, settings in channels:
        if settings.source_host:
            names.setdefault(settings.source, []).append(name)
    return [
        f"channels {', '.join(sorted(followers))} have the same source {host}:{port}: every row "
        "would arrive twice. Keep one of them."
        for (host, port), followers in sorted(names.items(), key=str)
        if len(followers) > 1
    ]
