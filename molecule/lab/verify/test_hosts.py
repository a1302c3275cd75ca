"""Every host: its service, its files, and where it listens."""

from __future__ import annotations

from typing import Any

from lab.servers import FLAVOUR, read_servers, write_servers

testinfra_hosts = [f"docker://{server.container}" for server in (*write_servers(), *read_servers())]

CONFIGURATION = {
    "mariadb": "/etc/mysql/mariadb.conf.d/90-dbrw.cnf",
    "mysql": "/etc/mysql/mysql.conf.d/zz-dbrw.cnf",
}


def test_the_service_runs_and_starts_at_boot(host: Any) -> None:
    service = host.service(FLAVOUR)
    assert service.is_running and service.is_enabled
    assert host.check_output("systemctl --failed --no-legend") == ""


def test_the_configuration_is_roots(host: Any) -> None:
    file = host.file(CONFIGURATION[FLAVOUR])
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_the_key_is_for_the_server_alone(host: Any) -> None:
    key = host.file("/etc/mysql/tls/key.pem")
    assert (key.user, key.group, key.mode) == ("root", "mysql", 0o640)


def test_it_listens_on_its_own_address_only(host: Any) -> None:
    (server,) = [
        one
        for one in (*write_servers(), *read_servers())
        if one.name == host.check_output("cat /etc/hostname")
    ]
    assert host.socket(f"tcp://{server.address}:3306").is_listening
    assert not host.socket("tcp://127.0.0.1:3306").is_listening
