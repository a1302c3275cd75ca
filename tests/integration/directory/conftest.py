"""Directories to ask: on a server of its own, and on two members over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.certificates import make_authority, make_certificate
from tests.integration.lines import TestServer, Topology
from tests.integration.modules import run_module
from tests.support.directory import ALL, MODULE, WANTED, as_active_writer, clean, fill


@pytest.fixture
def member(server: TestServer) -> Iterator[TestServer]:
    """A server as the active writer of a set leaves it: it knows its epoch."""
    as_active_writer(server)
    yield server
    clean(server)
    server.close()


@pytest.fixture
def made(member: TestServer) -> TestServer:
    """A directory whose servers are announced, with a tenant."""
    result = run_module(MODULE, member, **WANTED, announce=ALL)
    assert "failed" not in result and result["changed"], result
    member.rows("CALL fabric.register_tenant('Customer 1', 'customer_1', 's1')")
    return member


@pytest.fixture(scope="module")
def certificates(bare: Topology) -> Path:
    folder = bare.folder / "directory-tls"
    folder.mkdir(exist_ok=True)
    for authority in ("ca", "other"):
        make_authority(folder, authority)
    named = ",".join(f"IP:{bare.server(name).address}" for name in ("w1", "w2"))
    make_certificate(folder, "members", named)
    return folder


@pytest.fixture(scope="module")
def members(bare: Topology, certificates: Path) -> Iterator[tuple[TestServer, TestServer]]:
    """Two members, the active writer and one that has all but its last change."""
    files = {
        "ca": f"{certificates}/ca.pem",
        "cert": f"{certificates}/members.pem",
        "key": f"{certificates}/members.key",
    }
    both = bare.server("w1"), bare.server("w2")
    for one in both:
        one.kill()
    bare.playbook("servers.yml", "--limit", "w1,w2", mysqld_tls=files)
    try:
        for one in both:
            fill(one)
        both[0].rows("UPDATE fabric.servers SET state = 'draining' WHERE name = 'w2'")
        both[0].rows("CALL fabric.register_tenant('Customer 2', 'customer_2', 's1')")
        yield both
    finally:
        for one in both:
            if one.answers():
                clean(one)
                one.kill()
        bare.playbook("servers.yml", "--limit", "w1,w2")
        # One that a test has ended.
        clean(both[0])
        for one in both:
            one.close()
