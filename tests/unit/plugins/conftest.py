"""What tests of plugins share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.dbrw.sharding.plugins.plugin_utils import directory


@pytest.fixture
def told() -> Iterator[None]:
    """Nothing has been told by a directory yet, nor is it afterwards."""
    directory.forget()
    yield
    directory.forget()
