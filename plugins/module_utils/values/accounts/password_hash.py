# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers store of a password, computed here so that the password never travels.

A statement that carries a password can end in a general log, a process list or
a core dump; one that carries its hash cannot give the password away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import string

NATIVE = "mysql_native_password"
CACHING_SHA2 = "caching_sha2_password"

# The values of MySQL's caching_sha2_password_storage_format, with the letter
# that marks each in a stored string.
FORMATS = {"CRYPT5": "A", "PBKDF2_SHA512": "B"}
# A stored string has three hexadecimal digits for its thousands of rounds.
ROUNDS_UNIT = 1000

_SALT_LENGTH = 20
_CRYPT_ALPHABET = "./" + string.digits + string.ascii_uppercase + string.ascii_lowercase


def native(password: str) -> str:
    """Return what ``mysql_native_password`` stores: '*' and SHA1(SHA1(password)) in hex."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def caching_sha2(password: str, rounds: int, storage_format: str = "CRYPT5") -> str:
    """Return what ``caching_sha2_password`` stores, with a fresh salt.

    ``rounds`` counts whole thousands, 1000 to 4,095,000; ``storage_format`` is one
    of ``FORMATS``. The salt is 120 random bits in printable characters, so that
    the string survives any dump and any client; a server's own may have control bytes.
    """
    salt = "".join(secrets.choice(_CRYPT_ALPHABET) for _number in range(_SALT_LENGTH)).encode()
    rounds -= rounds % ROUNDS_UNIT
    return _caching_sha2(password.encode(), salt, rounds, FORMATS[storage_format]).decode()


def matches(plugin: str, stored: bytes, password: str) -> bool:
    """Tell whether ``password`` is the one that an account has stored.

    ``stored`` is the account's authentication string under ``plugin``. A plugin
    or a format that is not known here never matches.
    """
    if plugin == NATIVE:
        return hmac.compare_digest(stored, native(password).encode())
    if plugin != CACHING_SHA2:
        return False
    # Not split at every '$': nothing promises that a salt has none.
    head = re.match(rb"\$([AB])\$([0-9A-Fa-f]{3})\$", stored)
    if not head or int(head[2], 16) == 0:
        return False
    salt = stored[head.end() : head.end() + _SALT_LENGTH]
    rounds = int(head[2], 16) * ROUNDS_UNIT
    expected = _caching_sha2(password.encode(), salt, rounds, head[1].decode())
    return hmac.compare_digest(stored, expected)


def sha256_crypt(password: bytes, salt: bytes, rounds: int) -> str:
    """Return the digest of a sha256-crypt hash: 43 characters, without salt and rounds.

    Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", whose step
    numbers stand below. MySQL leaves out its limit of 16 bytes of salt.
    """
    alternate = hashlib.sha256(password + salt + password).digest()  # 4 to 8
    start = hashlib.sha256(password + salt + _repeat(alternate, len(password)))  # 1 to 3, 9, 10
    length = len(password)
    while length:  # 11
        start.update(alternate if length & 1 else password)
        length >>= 1
    digest = start.digest()  # 12
    p = _repeat(hashlib.sha256(password * len(password)).digest(), len(password))  # 13 to 16
    s = _repeat(hashlib.sha256(salt * (16 + digest[0])).digest(), len(salt))  # 17 to 20
    for turn in range(rounds):  # 21
        mixed = p if turn % 2 else digest
        if turn % 3:
            mixed += s
        if turn % 7:
            mixed += p
        mixed += digest if turn % 2 else p
        digest = hashlib.sha256(mixed).digest()
    return _crypt_base64(digest)  # 22


def _caching_sha2(password: bytes, salt: bytes, rounds: int, letter: str) -> bytes:
    if letter == FORMATS["CRYPT5"]:
        digest = sha256_crypt(password, salt, rounds).encode()
    else:
        digest = base64.b64encode(hashlib.pbkdf2_hmac("sha512", password, salt, rounds))
    return b"$%s$%03X$" % (letter.encode(), rounds // ROUNDS_UNIT) + salt + digest


def _repeat(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _crypt_base64(digest: bytes) -> str:
    """Write 32 bytes as sha256-crypt does: in its own order, low bits first."""
    groups = []
    a, b, c = 0, 10, 20
    for _number in range(10):
        groups.append((digest[a] << 16 | digest[b] << 8 | digest[c], 4))
        a, b, c = c + 1, a + 1, b + 1
    groups.append((digest[31] << 8 | digest[30], 3))
    return "".join(
        _CRYPT_ALPHABET[value >> 6 * position & 0x3F]
        for value, width in groups
        for position in range(width)
    )
