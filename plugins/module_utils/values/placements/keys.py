# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of a row that is placed, and its hash."""

from __future__ import annotations

import hashlib
from typing import Any, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

Key = Union[str, int]
# A column of the directory holds a key, in four bytes a character.
MAX_CHARACTERS = 255
HASH_BYTES = 8
_SHOWN = 40


def key_text(key: Any) -> str:
    """Return a key as text: a text as it is, an integer in decimal.

    So 7 and "7" are one key. Case, spaces and the way in which an accent is composed all
    count. Raises ``Refused`` for what is neither, or cannot be stored.
    """
    # A bool is an int to Python; YAML makes one of a key that is "yes" or "on".
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise Refused([f"A key is {key!r}; it must be a text or an integer: quote it."])
    text = key if isinstance(key, str) else str(key)
    if len(text) > MAX_CHARACTERS:
        raise Refused(
            [
                f"The key {shown(text)} has {len(text)} characters; "
                f"it may have {MAX_CHARACTERS} at most."
            ]
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(
            [f"The key {shown(text)} is no text in UTF-8: half a character at {error.start + 1}."]
        ) from error
    return text


def key_hash(key: Any) -> int:
    """Return a key's hash, from 0 to 2**64 - 1.

    It is the first 8 bytes of SHA-256 over the key's UTF-8 bytes, big-endian. It can never be
    changed: rows lie where it says.
    """
    return hash_of(key_text(key))


def hash_of(text: str) -> int:
    """Return the hash of a key that ``key_text`` has given."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:HASH_BYTES], "big")


def shown(text: str) -> str:
    """Return a key as a message has it: quoted, escaped, and not too long."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
