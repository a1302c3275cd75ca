"""After the repair, the table that was made anew is merged as before."""

from __future__ import annotations

import pytest
from lab.servers import Server, read_servers, wait_until


@pytest.mark.parametrize("reader", read_servers(), ids=lambda reader: reader.name)
def test_every_message_is_there(reader: Server) -> None:
    count = "SELECT COUNT(*) AS n FROM usage_data.messages"
    wait_until(
        lambda: reader.rows(count, user="application") == [{"n": 101}],
        10,
        f"{reader.name} has not the 101 messages",
    )
