# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each kind of value may be: addresses, names, accounts, paths, secrets.

Each judge takes a value and returns what is wrong with it, as the rest of a sentence
that begins with the value, or None. Only what is certain to be wrong is told. No value
that passes has a control character, so none adds a line to a configuration file, or to
the files in which MariaDB keeps a channel's host, user and password, a line each.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable
from typing import Any

Judge = Callable[[Any], "str | None"]

# Characters that the servers' system tables have room for.
LONGEST_HOST = 255
LONGEST_USER = {"mysql": 32, "mariadb": 128}
LONGEST_CHANNEL = 64
LONGEST_IDENTIFIER = 64

# RFC 1123, section 2.1, with the underscore that names inside of companies have.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NOT_TEXT = "it must be text; put it in quotes"


def text(value: Any) -> str | None:
    """Judge any text: one line of something that can be seen."""
    if not isinstance(value, str):
        return _NOT_TEXT
    if not value.strip():
        return "it must not be empty"
    if not is_one_line(value):
        return "it has a line break, or another control character; leave that out"
    if value != value.strip():
        return "it begins or ends with a space; leave that out"
    return None


def is_one_line(value: str) -> bool:
    """Tell whether a text has no control character, and can be written in UTF-8."""
    return not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in value)


def secret(value: Any) -> str | None:
    """Judge a password; what is said of it does not tell what it is."""
    if not isinstance(value, str):
        return _NOT_TEXT
    if not value:
        return "it must not be empty"
    if not is_one_line(value):
        return "it has a line break, or another control character; leave that out"
    return None


def address(value: Any) -> str | None:
    """Judge where a server is reached: an IP address, or a host's name (RFC 1123)."""
    wrong = text(value)
    if wrong:
        return wrong
    if len(value) > LONGEST_HOST:
        return f"it is longer than {LONGEST_HOST} characters"
    ip = _ip_address(value)
    if ip is not None:
        everywhere = "it is not the address of one server; give the one at which others reach it"
        return everywhere if ip.is_unspecified or ip.is_multicast else None
    if re.fullmatch(r"\[.*\](:\d+)?", value):
        return "an IPv6 address stands without brackets, and the port in a variable of its own"
    if re.fullmatch(r"[^:]*:\d*", value):
        return "it has a port, which has a variable of its own"
    if not value.isascii():
        return "it has letters that servers do not accept there; write it as DNS does (xn--...)"
    labels = value[:-1].split(".") if value.endswith(".") else value.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return "it is neither an IP address nor the name of a host"
    return None


def _ip_address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    plain, percent, zone = value.partition("%")
    if percent and not (":" in plain and re.fullmatch(r"[A-Za-z0-9._-]+", zone)):
        return None
    try:
        return ipaddress.ip_address(plain)
    except ValueError:
        return None


def bind_address(value: Any) -> str | None:
    """Judge what a server listens on: * or addresses, on MySQL each with a network namespace."""
    wrong = text(value)
    if wrong:
        return wrong
    for one in value.split(","):
        host, slash, namespace = one.strip().partition("/")
        if slash and not re.fullmatch(r"[A-Za-z0-9_.-]+", namespace):
            return f"{namespace!r} is no network namespace"
        ip = _ip_address(host)
        everywhere = host == "*" or (ip is not None and ip.is_unspecified)
        wrong = None if everywhere else address(host)
        if wrong:
            return f"of {one.strip()!r}: {wrong}" if one != value else wrong
    return None


def account_host(value: Any) -> str | None:
    r"""Judge a host of an account: a LIKE pattern, or a network (MySQL and MariaDB manuals).

    No client comes from a network whose address has bits outside of its mask.
    """
    wrong = text(value)
    if wrong:
        return wrong
    if len(value) > LONGEST_HOST:
        return f"it is longer than {LONGEST_HOST} characters"
    if not re.fullmatch(r"[^\s@,;'\"`\[\]]+", value):
        return (
            "it is not a pattern for one host or more, such as %, 10.1.% or 10.1.0.0/255.255.0.0; "
            "an account has one pattern, without quotes, brackets, spaces, commas and @"
        )
    if "/" in value:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            return (
                "it is not a network; write for example 10.1.0.0/255.255.0.0, with no bit outside"
            )
    return None


def account_name(value: Any) -> str | None:
    """Judge the name of an account."""
    wrong = text(value)
    if wrong:
        return wrong
    longest = max(LONGEST_USER.values())
    return f"it is longer than {longest} characters" if len(value) > longest else None


def channel_name(value: Any) -> str | None:
    """Judge the name of a channel."""
    wrong = text(value)
    if wrong:
        return wrong
    if len(value) > LONGEST_CHANNEL:
        return f"it is longer than the {LONGEST_CHANNEL} characters of a channel's name"
    return None


def identifier(value: Any) -> str | None:
    """Judge the name of a schema or table, which may be quoted in a statement."""
    wrong = text(value)
    if wrong:
        return wrong
    if len(value) > LONGEST_IDENTIFIER:
        return f"it is longer than {LONGEST_IDENTIFIER} characters"
    return None


def path(value: Any) -> str | None:
    """Judge the path of a file or folder that a server opens."""
    return text(value) or (
        None if value.startswith("/") else "it must be a path that begins with /"
    )


def file(value: Any) -> str | None:
    """Judge the path of a file that a module opens, which knows a home directory, too."""
    return text(value) or (
        None if value.startswith(("/", "~")) else "it must be a path that begins with / or ~"
    )


def between(lowest: float, highest: float) -> Judge:
    """Judge a number; whether it is one is known already where it is none."""

    def judge(value: Any) -> str | None:
        if not isinstance(value, (int, float)) or lowest <= value <= highest:
            return None
        return f"it is outside {lowest}..{highest}; choose one inside"

    return judge


def optional(judge: Judge) -> Judge:
    """Let a value be empty, too: what it names is not wanted."""
    return lambda value: None if value == "" else judge(value)


def told(name: str, value: Any, judge: Judge) -> list[str]:
    """Return what is wrong with the value of a variable, as a sentence or none."""
    wrong = judge(value)
    if not wrong:
        return []
    shown = "" if judge is secret else f" is {value!r}"
    return [f"{name}{shown}: {wrong}."]


# The longest texts that a channel keeps on each flavour, in bytes of UTF-8 (measured). Of
# what is longer MySQL cuts off the end silently, but for the password; CHANGE refuses
# the rest, after the channel has been stopped.
_LONGEST_OF_BOTH = {
    "source_host": 255,
    "source_ssl_ca": 511,
    "source_ssl_cert": 511,
    "source_ssl_key": 511,
    "source_public_key_path": 511,
    "source_log_file": 511,
}
LONGEST = {
    "mysql": {**_LONGEST_OF_BOTH, "source_user": 96, "source_password": 32},
    "mariadb": {**_LONGEST_OF_BOTH, "source_user": 128, "source_password": 96},
}


def is_kept(character: str) -> bool:
    """Return whether servers keep a character of a setting as it is.

    MySQL refuses a line feed; MariaDB writes each setting as a line of a file, and reads
    others there after its next start. Both end a text at a NUL, and make a question mark of
    what UTF-8 writes with four bytes. Half of a surrogate pair is no character at all.
    """
    number = ord(character)
    return character not in "\n\0" and number <= 0xFFFF and not 0xD800 <= number <= 0xDFFF


def size(text: str) -> int:
    """Return how long a text is to servers, in bytes of UTF-8."""
    return len(text.encode(errors="replace"))
