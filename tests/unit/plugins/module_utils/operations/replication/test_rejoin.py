"""Options of a rejoin are judged before a server is asked, and files are not written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication import rejoin
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.rejoin import (
    Rejoin,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused


def params(**changes: Any) -> dict[str, Any]:
    keys = {"port": 3306, "datacenter": "", "replication_user": "", "replication_password": None}
    return {
        **{"name": "fabric", "member": "f1", "durability": "available", "max_lag_seconds": 5},
        "members": [{"name": name, "host": f"10.0.0.{name[1]}", **keys} for name in ("f1", "f2")],
        **{"operator_user": "operator", "operator_password": "hushed", "operator_tls": True},
        **{"operator_ca_cert": None, "datadir": "/srv/f1/data", "errant": "ask", "save_to": None},
        **{"owner": ""},
        **{"donor": "", "gtid_domain_id": 201, "applied": "", **changes},
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"donor": "f1"}, "donor is f1, which is no other member of fabric"),
        ({"donor": "f9"}, "donor is f9, which is no other member of fabric"),
        ({"member": "f9"}, "member is f9, which is none of members"),
        (
            {"members": params()["members"][:1]},
            "fabric has one member; there is none to copy from.",
        ),
    ],
)
def test_bad_options(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        Rejoin().desired(params(**changes))


def test_only_the_member_itself_may_take_long() -> None:
    desired = Rejoin().desired(params())
    logins = Rejoin().logins(desired, Login(unix_socket="/run/s.sock", read_timeout=None))
    assert (logins["f1"].read_timeout, logins["f2"].read_timeout) == (None, 60.0)
    assert Rejoin().read_timeout(desired) is None
    # One that only looks how far it is must not wait for ever for an answer.
    assert Rejoin().read_timeout(Rejoin().desired(params(applied="201-201-7"))) == 60.0
    assert (logins["f2"].host, logins["f2"].user) == ("10.0.0.2", "operator")
    assert set(Rejoin().may_be_unreachable(desired)) == {"f1", "f2"}
    assert Rejoin().journal_on(desired) is None and Rejoin().name(desired) == "replica set fabric"


def test_the_file_is_beside_the_data_or_where_one_says() -> None:
    desired = Rejoin().desired(params())
    assert desired.file("201-201-7,9-1-2") == Path("/srv/f1/data.errant-201-201-7_9-1-2.txt")
    assert Rejoin().desired(params(owner="mysql")).folder.user == "mysql"
    chosen = Rejoin().desired(params(save_to="/srv/rows.txt"))
    assert chosen.file("201-201-7") == Path("/srv/rows.txt")


def test_a_file_of_something_else_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    assert not rejoin._is_saved(file, "201-201-7")
    file.write_text("# Transactions that this server alone had: 201-201-7\nrows\n")
    assert rejoin._is_saved(file, "201-201-7")
    with pytest.raises(Refused, match="is there already, and has something else; name another"):
        rejoin._is_saved(file, "201-201-8")
