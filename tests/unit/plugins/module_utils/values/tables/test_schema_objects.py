"""Fingerprints of what schemas are made of."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.schema_objects import (
    SchemaObjects,
    differences,
    fingerprint,
)

TABLE = (
    "CREATE TABLE `t` (\n  `id` int NOT NULL COMMENT ') AUTO_INCREMENT=7'\n) ENGINE=InnoDB{} C=x"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TABLE.format(""), TABLE.format(" AUTO_INCREMENT=12")),
        ("CREATE DEFINER=`root`@`localhost` VIEW `v`", "CREATE DEFINER=`a``b`@`%` VIEW `v`"),
        ("CREATE DEFINER=`a role` VIEW `v`", "CREATE VIEW `v`"),
        (
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE ENABLE DO SELECT 1",
            "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE ON REPLICA "
            "DO SELECT 1",
        ),
    ],
)
def test_what_servers_that_are_made_alike_may_differ_in(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


def test_what_is_a_difference() -> None:
    assert fingerprint(TABLE.format("")) != fingerprint(TABLE.format(" ROW_FORMAT=DYNAMIC"))
    comment = TABLE.replace("=7", "=8")
    assert fingerprint(TABLE) != fingerprint(comment)


def test_a_schema_that_is_not_there() -> None:
    there, gone = SchemaObjects("a", {}), SchemaObjects("a", None)
    assert gone.fingerprint is None and there.fingerprint
    assert differences([there], [gone], "f1") == ["schema a is not here"]
    assert differences([gone], [there], "f1") == ["schema a is not on f1"]
    assert differences([gone], [gone], "f1") == differences([there], [there], "f1") == []
    assert SchemaObjects.read(there.told()) == there
