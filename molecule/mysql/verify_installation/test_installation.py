"""MySQL's package failed on w2: what it had left there is kept, and the server serves."""

from __future__ import annotations

import re

from lab.servers import read_servers, write_servers


def test_the_unfinished_data_directory_is_put_aside() -> None:
    (w2,) = [server for server in write_servers() if server.name == "w2"]
    put_aside = w2.shell("find /var/lib -path '/var/lib/mysql-unfinished.*/mysql.ibd'")
    assert re.fullmatch(r"/var/lib/mysql-unfinished\.\w{6}/mysql\.ibd\n", put_aside), put_aside
    assert w2.shell("ls /usr/local/sbin") == ""


def test_the_package_is_configured_everywhere() -> None:
    for server in (*write_servers(), *read_servers()):
        assert server.shell("dpkg --audit") == ""
        assert server.variable("version").startswith("9.7.")
