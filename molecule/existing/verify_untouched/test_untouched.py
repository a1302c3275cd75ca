"""Check mode has changed nothing at all, on any host."""

from __future__ import annotations

import pytest
from existing.looks import HOSTS, changes


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_has_changed(host: str) -> None:
    assert changes(host) == (set(), set())
