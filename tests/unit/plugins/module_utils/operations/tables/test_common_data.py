"""What is refused of mysql_common_data before a server is asked."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.common_data import (
    SOURCE,
    CommonData,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Login
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

PARAMS: dict[str, Any] = {
    **{"target": "w1", "schemas": ["prices"], "source_name": "f1", "source_host": "10.1.0.21"},
    **{"source_port": 3307, "source_user": "monitor", "source_password": "x y"},
    **{"source_ssl": True, "source_ssl_ca": None, "logged": False, "chunk_rows": 1000},
}


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {"schemas": ["mysql", "a", "a"], "chunk_rows": 0}
    with pytest.raises(Refused) as refusal:
        CommonData().desired({**PARAMS, **wrong})
    assert len(refusal.value.problems) == 3


def test_how_the_source_is_reached() -> None:
    operation = CommonData()
    desired = operation.desired(PARAMS)
    logins = operation.logins(desired, Login(unix_socket="/s", connect_timeout=3))
    assert logins[HERE].unix_socket == "/s"
    source = logins[SOURCE]
    assert (source.host, source.port, source.connect_timeout) == ("10.1.0.21", 3307, 3)
    assert source.unverified_tls and source.password and source.password.reveal() == "x y"
    assert "x y" not in repr(desired)
    verified = operation.desired({**PARAMS, "source_ssl_ca": "/ca", "source_password": None})
    source = operation.logins(verified, Login())[SOURCE]
    assert not source.unverified_tls and source.check_hostname and source.password is None
    # Two servers may be worked on at once, each by one call.
    other = operation.desired({**PARAMS, "target": "w2"})
    assert operation.name(desired) != operation.name(other)
    assert operation.journal_on(desired) is None
