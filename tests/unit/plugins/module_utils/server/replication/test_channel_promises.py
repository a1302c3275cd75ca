"""What a channel is promised that its server cannot keep."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_promises import (
    applier_settings,
    problems,
    user_and_host,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PRESENT,
    PROMISES,
    Channel,
    Settings,
)

ALL = Settings(source_tls_version="TLSv1.3", require_row_format=True, privilege_checks_user="a@b@%")


class Replica:
    """A server of a flavour with some accounts, or an error for whoever asks."""

    address = "r1"
    version_text = "10.11.19-MariaDB"

    def __init__(self, flavour: str, said: Any) -> None:
        self.dialect = DIALECTS[flavour]
        self.said = said

    def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        if isinstance(self.said, ServerError):
            raise self.said
        return [{"there": 1}] if args in self.said else []


def found(flavour: str, said: Any, *channels: Channel) -> list[str]:
    return problems(cast(Server, Replica(flavour, said)), channels)


def test_each_promise_is_refused_where_there_is_no_word_for_it() -> None:
    told = found("mariadb", (), Channel("w1", PRESENT, ALL))
    assert len(told) == len(PROMISES)
    for promise, one in zip(PROMISES, told, strict=True):
        assert f"channel w1: {promise} is asked for" in one and "10.11.19-MariaDB" in one


def test_what_promises_nothing_is_taken() -> None:
    nothing = Settings(source_tls_version="", require_row_format=False, privilege_checks_user="")
    for flavour in DIALECTS:
        assert found(flavour, (), Channel("w1", PRESENT, nothing), Channel("w2", ABSENT, ALL)) == []


def test_the_account_must_exist() -> None:
    channel = Channel("w1", PRESENT, ALL)
    assert found("mysql", [("a@b", "%")], channel) == []
    (told,) = found("mysql", [("a", "b@%")], channel)
    assert "privilege_checks_user a@b@% is not an account of server r1" in told


def test_a_login_that_may_not_look_leaves_it_to_the_server() -> None:
    channel = Channel("w1", PRESENT, ALL)
    assert found("mysql", ServerError("r1", "denied", 1142), channel) == []
    with pytest.raises(ServerError):
        found("mysql", ServerError("r1", "gone", 2013), channel)


def test_the_last_at_sign_is_the_one_between() -> None:
    assert user_and_host("a@b@%") == ("a@b", "%")


def test_an_error_that_is_no_refusal_is_told() -> None:
    for flavour, number in (("mysql", 1142), ("mariadb", 2013)):
        server = cast(Server, Replica(flavour, ServerError("r1", "said", number)))
        assert applier_settings(server) == {}
    with pytest.raises(ServerError):
        applier_settings(cast(Server, Replica("mysql", ServerError("r1", "gone", 2013))))
