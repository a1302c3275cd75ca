"""What the tests of all scenarios share."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from lab.servers import read_servers, write_servers


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed check how every server was at that moment."""
    report = yield
    if report.failed:
        for server in (*write_servers(), *read_servers()):
            report.sections.append((f"{server.name}: channels, logs", server.report()))
    return report
