"""Password hashes against published vectors and against what servers stored."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts import password_hash
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.password_hash import (
    CACHING_SHA2,
    NATIVE,
)

QUOTES = "p'w\"%s\\`;--"
UNICODE = "pässwörd ☃ 🔑"
LONGEST = "0123456789abcdef" * 16

# Made by MySQL 9.7.4, whose salts are any 7-bit characters but NUL and '$'.
FROM_MYSQL = [
    (
        "s3cret",
        b"$A$00A$;o|\x18_`,m2s%\x01q\x0ch\x0c1+\x1ajobYoTFcLLbhxdm3C5U/0nuO2Xedj/QFZ5f2FzElG9K3",
    ),
    (
        QUOTES,
        b'$A$005$"!\x1e\x05~\\;&\x12;\x047\x19]oULuE\x15'
        b"ypalMrfHW0oo7AFy9zEV4rtI7qIfbaq1ua7FUx9FaSC",
    ),
    (
        UNICODE,
        b"$A$00A$P\x01!Cn\x1f@{s2QDl\x1arqWQ\x14\x05vGBrK9vIu846PnCNEKhxQexsxbSK8NXJVYE2BtPaye9",
    ),
    (
        LONGEST,
        b"$A$00A$gx\x0c\x10ud*oi*\x13x\\C\x06_\x1d\t\x117"
        b"aY47N43KySF5sMMacP37ejmGDwuBO.VxC7/H2VIWoa8",
    ),
    (
        "s3cret",
        b"$A$010$JguCw\x18A\x07p\x1d.4zH7%<3}\x01lSihJQY23aNhGNiA9OVS0NDRDPrm3Frm6TB2SQ6FN86",
    ),
    (
        "s3cret",
        b"$B$00A$\x11YWBJm0\x0bQ]i[7}]Q%\x15r:HUhFas7ZCQDpsgQo5OwTX4qXv5t94wczcs6Jp64DLwA0P9D8r+ortA"
        b"Mi0WgjkpzOqnVsMPSb9pa7VqZxAIhN8w==",
    ),
]


@pytest.mark.parametrize(
    ("password", "salt", "rounds", "digest"),
    [
        # Drepper's own, with the salts cut to 16 bytes as his rule has it.
        ("Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
        ("Hello world!", "saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
        (
            "This is just a test",
            "toolongsaltstrin",
            5000,
            "Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5",
        ),
        (
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            "anotherlongsalts",
            1400,
            "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
        ),
        (
            "we have a short salt string but not a short password",
            "short",
            77777,
            "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
        ),
        (
            "a short string",
            "asaltof16chars..",
            123456,
            "gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD",
        ),
    ],
)
def test_sha256_crypt(password: str, salt: str, rounds: int, digest: str) -> None:
    assert password_hash.sha256_crypt(password.encode(), salt.encode(), rounds) == digest


@pytest.mark.parametrize(("password", "stored"), FROM_MYSQL)
def test_knows_what_mysql_stored(password: str, stored: bytes) -> None:
    assert password_hash.matches(CACHING_SHA2, stored, password)
    assert not password_hash.matches(CACHING_SHA2, stored, password + "x")
    assert not password_hash.matches(CACHING_SHA2, stored, password[:-1])
    assert not password_hash.matches("sha256_password", stored, password)


@pytest.mark.parametrize(
    ("password", "stored"),
    [  # SELECT PASSWORD(...) on MariaDB 10.11.
        ("s3cret", "*B865CAE8F340F6CE1485A06F4492BB49718DF1EC"),
        (UNICODE, "*B9D28289B36B28D6F1604C7354B37F09CAB90131"),
    ],
)
def test_native(password: str, stored: str) -> None:
    assert password_hash.native(password) == stored
    assert password_hash.matches(NATIVE, stored.encode(), password)
    assert not password_hash.matches(NATIVE, stored.encode(), password.upper())


@pytest.mark.parametrize("plugin", [NATIVE, CACHING_SHA2, "unix_socket"])
@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"invalid",
        b"$A$005$",
        b"$A$000$" + b"x" * 63,
        b"$A$-01$" + b"x" * 63,
        b"$C$005$" + b"x" * 63,
        # MySQL's own accounts.
        b"$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED",
    ],
)
def test_what_is_no_hash_never_matches(plugin: str, stored: bytes) -> None:
    assert not password_hash.matches(plugin, stored, "s3cret")
    assert not password_hash.matches(plugin, stored, "")


@settings(max_examples=25)
@given(
    password=st.text(min_size=1, max_size=64),
    other=st.text(min_size=1, max_size=64),
    storage_format=st.sampled_from(sorted(password_hash.FORMATS)),
    # The server's variable need not be a whole number of thousands.
    rounds=st.integers(1000, 12000),
)
def test_a_new_hash_matches_its_password_only(
    password: str, other: str, storage_format: str, rounds: int
) -> None:
    stored = password_hash.caching_sha2(password, rounds, storage_format).encode()
    assert password_hash.matches(CACHING_SHA2, stored, password)
    assert password_hash.matches(CACHING_SHA2, stored, other) == (password == other)


def test_a_new_hash_is_of_the_servers_form() -> None:
    made = password_hash.caching_sha2("s3cret", 10000)
    assert re.fullmatch(r"\$A\$00A\$[./0-9A-Za-z]{63}", made)
    assert made != password_hash.caching_sha2("s3cret", 10000)
    made = password_hash.caching_sha2("s3cret", 7777, "PBKDF2_SHA512")
    assert re.fullmatch(r"\$B\$007\$[./0-9A-Za-z]{20}[+/0-9A-Za-z]{86}==", made)
