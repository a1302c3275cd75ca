"""A source and a replica that follows it, of a line's bare servers."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.integration.lines import TestServer, Topology
from tests.support.replication import follow, followed


@pytest.fixture(scope="module")
def source(bare: Topology) -> TestServer:
    return bare.server("w1")


@pytest.fixture(scope="module")
def replica(bare: Topology) -> TestServer:
    return bare.server("r1")


@pytest.fixture
def schema(replica: TestServer, source: TestServer) -> Iterator[str]:
    """A schema with a table ``t`` on a source and on the replica that follows it."""
    name = f"test_{secrets.token_hex(4)}"
    with followed(replica, [source], name, "t (id INT PRIMARY KEY)"):
        made = follow(replica, source, wait=True)
        assert "failed" not in made, made
        yield name
