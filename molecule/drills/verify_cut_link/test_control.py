"""What becomes of a channel whose tries are counted, in the same cut of the link."""

from __future__ import annotations

import pytest
from lab.servers import Server, read_servers

(READER,) = [reader for reader in read_servers() if reader.name == "r2"]


@pytest.mark.parametrize(("tries", "running"), [(10, "No"), (2147483647, "Yes")])
def test_a_channel_ends_when_its_tries_are_used_up(tries: int, running: str) -> None:
    told = READER.shell(
        f"mariadb --socket=/var/lib/control{tries}/socket --execute 'SHOW SLAVE STATUS\\G'"
    )
    assert f"Slave_IO_Running: {running}\n" in told


@pytest.mark.parametrize("reader", read_servers(), ids=lambda reader: reader.name)
def test_a_read_server_tries_for_a_lifetime(reader: Server) -> None:
    assert "--master_retry_count=2147483647\n" in reader.shell("my_print_defaults --mariadbd")
