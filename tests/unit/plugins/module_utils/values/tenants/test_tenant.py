from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    Place,
    SchemaSize,
    Stamp,
    WantedTenant,
    scope_of,
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": ""}, "a name"),
        ({"name": "x" * 129}, "has 129 characters, and the directory keeps 128"),
        ({"schema": "x" * 65}, "longer than 64"),
        ({"schema": "MySQL"}, "schema MySQL is not for tenants"),
        ({"schema": "dbrw_tenants"}, "is not for tenants"),
        ({"schema": "c%"}, "has a %, by which the rights on it would open others"),
        ({"present": False, "locked": True}, "locked is for tenants that are there"),
        ({"keep_days": -1}, "keep_days is -1; it must not be below 0"),
    ],
)
def test_a_tenant_that_cannot_be(given: dict[str, Any], said: str) -> None:
    (problem,) = WantedTenant(**{"name": "T", "schema": "t", **given}).problems()
    assert said in problem


def test_one_that_can() -> None:
    assert WantedTenant("Customer 1", "customer_1").problems() == []
    assert scope_of("a`b") == "`a``b`.*"
    assert Place("p", schemas={"a": SchemaSize(1, 2**30), "b": SchemaSize(1, 2**29)}).gib == 1.5
    assert Stamp(7, "moved", moved_to="s2").told() == {
        "epoch": 7,
        "stamp": "moved",
        "moved_to": "s2",
    }
