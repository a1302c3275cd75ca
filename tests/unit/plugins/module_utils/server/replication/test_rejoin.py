"""What a member that returns is asked, and how a server copies another."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import rejoin
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.errant import Errant
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement


class FakeServer:
    """Remembers what it is told; ``logs`` are its binary logs and where each begins."""

    address = "f1"

    def __init__(self, logs: dict[str, str] | None = None, ca_cert: str = "", fails: bool = False):
        self.logs, self.ca_cert, self.fails = logs or {}, ca_cert, fails
        self.told: list[str] = []

    def variables(self, *names: str) -> dict[str, str | None]:
        known = {"log_bin_basename": "/srv/data/binlog", "clone_ssl_ca": self.ca_cert}
        return {name: known.get(name) for name in names}

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        if sql == "SHOW BINARY LOGS":
            return [{"Log_name": name} for name in self.logs]
        if sql.startswith("SHOW BINLOG EVENTS"):
            return [{"Event_type": "Gtid_list", "Info": f"[{self.logs[args[0]]}]"}]
        if "PLUGINS" in sql:
            return [{"1": 1}]
        self.told.append(sql % args if args else sql)
        return []

    def run(self, statement: Statement) -> None:
        if self.fails:
            raise ServerError(self.address, "no donor", 3862)
        self.told.append(statement.sql)


def server(fake: FakeServer) -> Server:
    return cast(Server, fake)


ERRANT = Errant("201-201-7", "201-201-5")


@pytest.mark.parametrize(
    ("logs", "names", "has_all"),
    [
        ({"a": "", "b": "201-201-3", "c": "201-201-6"}, ["b", "c"], True),
        ({"a": ""}, ["a"], True),
        # The log that had 201-201-6 is gone.
        ({"c": "201-201-6"}, ["c"], False),
        ({}, [], False),
    ],
)
def test_which_logs_have_them_and_whether_they_have_all(
    logs: dict[str, str], names: list[str], has_all: bool
) -> None:
    found = rejoin.logs_with(server(FakeServer(logs)), ERRANT)
    assert found == ([f"/srv/data/{name}" for name in names], has_all)


def clone(fake: FakeServer, tls: bool = True, ca_cert: str | None = "/etc/ca.pem") -> list[str]:
    rejoin.clone(
        server(fake),
        server(FakeServer()),
        ("10.0.0.2", 3306),
        "operator",
        Secret("hushed"),
        tls,
        ca_cert,
        "/srv/data.rejoin/data",
    )
    return [told for told in fake.told if "clone_ssl_ca" in told or "CLONE" in told]


def test_whom_a_server_copies_is_verified_where_an_authority_is_known() -> None:
    verified = clone(FakeServer(ca_cert="/its/own.pem"))
    assert verified[0] == "SET GLOBAL clone_ssl_ca = /etc/ca.pem"
    assert verified[1].endswith("REQUIRE SSL")
    # Its own setting is as it was before.
    assert verified[2:] == ["SET GLOBAL clone_ssl_ca = /its/own.pem"]
    assert "own.pem" not in "".join(clone(FakeServer(), True, None))
    plain = clone(FakeServer(), False)
    assert plain[0].endswith("REQUIRE NO SSL") and "/etc/ca.pem" not in "".join(plain)


def test_a_copy_that_fails_leaves_the_settings_as_they_were() -> None:
    fake = FakeServer(fails=True)
    with pytest.raises(ServerError, match="no donor"):
        clone(fake)
    assert fake.told[-2:] == [
        "SET GLOBAL clone_valid_donor_list = DEFAULT",
        "SET GLOBAL clone_ssl_ca = ",
    ]
