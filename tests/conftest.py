"""Settings of the property tests: how fast the machine is says nothing of the code.

EXAMPLES says which examples they try. Without it they are the same each time, so that a change is
judged by what it changes; ``new`` are others each time (make test-all), ``few`` is for make quick.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", ANY_MACHINE, derandomize=True)
settings.register_profile("new", ANY_MACHINE)
settings.register_profile("few", ANY_MACHINE, derandomize=True, max_examples=10)
settings.load_profile(os.environ.get("EXAMPLES", "same"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-line",
        action="store_true",
        help="run every test on every line of servers, not only on those that its file is about",
    )
    parser.addoption(
        "--seconds",
        type=float,
        help="begin no further test after as many seconds, and say how many are left",
    )
