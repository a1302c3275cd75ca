"""What the role mysqld refuses before it touches anything."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.filter.mysqld_problems import FilterModule

mysqld_problems = FilterModule().filters()["mysqld_problems"]

RIGHT: dict[str, Any] = {
    "service": "mariadb",
    "user": "mysql",
    "config_file": "/etc/mysql/mariadb.conf.d/90-dbrw.cnf",
    "include_dir": "",
    "client_config_file": "",
    "datadir": "/var/lib/mysql",
    "socket": "/run/mysqld/mysqld.sock",
    "log_error": "/var/log/mysql/error.log",
    "bind_address": "*",
    "port": 3306,
    "server_id": 1,
    "gtid_domain_id": 1,
    "binlog_expire_days": 14.0,
    "tls": {},
    "settings": {},
}


def test_the_roles_defaults_are_right() -> None:
    assert mysqld_problems(RIGHT) == []
    tls = {"ca": "/etc/mysql/tls/ca.pem", "cert": "cert.pem", "key": "key.pem"}
    assert mysqld_problems({**RIGHT, "tls": tls, "settings": {"event_scheduler": True}}) == []
    assert mysqld_problems({}) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bind_address": "a\nb"}, "mysqld_bind_address is 'a\\nb': it has a line break"),
        ({"datadir": "data"}, "mysqld_datadir is 'data': it must be a path that begins with /"),
        ({"socket": "/a\nuser = root"}, "mysqld_socket is '/a\\nuser = root': it has a line break"),
        ({"include_dir": "conf.d"}, "mysqld_include_dir is 'conf.d'"),
        ({"port": 0}, "mysqld_port is 0: it is outside 1..65535"),
        ({"server_id": 2**32}, "mysqld_server_id is 4294967296: it is outside"),
        ({"gtid_domain_id": -1}, "mysqld_gtid_domain_id is -1: "),
        ({"binlog_expire_days": float("inf")}, "mysqld_binlog_expire_days is inf: "),
        ({"settings": {"x": ["a"]}}, "mysqld_settings: x is not a single value; "),
        ({"settings": ["x"]}, "mysqld_settings: it is not a dictionary of settings"),
        ({"tls": {"capath": "/a"}}, "mysqld_tls has 'capath': it knows only ca, cert, key."),
        ({"tls": {"ca": "/a\n"}}, "mysqld_tls, ca, is '/a\\n': it has a line break"),
        ({"tls": "/a"}, "mysqld_tls is '/a': it must be a dictionary"),
    ],
)
def test_what_is_wrong(wrong: dict[str, Any], said: str) -> None:
    (problem,) = mysqld_problems({**RIGHT, **wrong})
    assert said in problem


def test_all_mistakes_are_told_at_once() -> None:
    assert len(mysqld_problems({**RIGHT, "port": 0, "datadir": "", "settings": {"x": []}})) == 3
