"""Authorities and certificates of servers, made by openssl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.lines import TestServer, run

KINDS = ("pem", "key")


def make_authority(folder: Path, name: str) -> None:
    """Make an authority: ``name``.pem and ``name``.key in the folder."""
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        # Python 3.13 and later refuse an authority that does not say that it is one.
        *("-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"),
    )


def make_certificate(folder: Path, name: str, names: str, authority: str = "ca") -> None:
    """Make a certificate for ``names`` (IP:... or DNS:...) that the authority has signed."""
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName={names}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-CA", f"{folder}/{authority}.pem", "-CAkey", f"{folder}/{authority}.key"),
        *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"),
    )


@contextmanager
def shows_another(server: TestServer, folder: Path, name: str, other: str) -> Iterator[None]:
    """Let a server whose certificate is ``name`` show ``other`` while the block runs."""
    reload = "ALTER INSTANCE RELOAD TLS" if server.flavour == "mysql" else "FLUSH SSL"
    kept = {kind: (folder / f"{name}.{kind}").read_bytes() for kind in KINDS}
    try:
        for kind in KINDS:
            (folder / f"{name}.{kind}").write_bytes((folder / f"{other}.{kind}").read_bytes())
        server.rows(reload)
        yield
    finally:
        for kind, text in kept.items():
            (folder / f"{name}.{kind}").write_bytes(text)
        server.rows(reload)
