"""The words of each flavour, and telling the flavours apart."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import (
    DIALECTS,
    MARIADB,
    MYSQL,
    Dialect,
    flavour_of,
    version_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    COMPARED,
)


@pytest.mark.parametrize(
    ("version", "comment", "flavour", "numbers"),
    [
        ("10.11.19-MariaDB-0+deb12u1-log", "Debian 12", MARIADB, (10, 11, 19)),
        ("11.8.6-MariaDB-0+deb13u1 from Debian", " -- Please help get ...", MARIADB, (11, 8, 6)),
        ("12.1.2-MariaDB", "mariadb.org binary distribution", MARIADB, (12, 1, 2)),
        ("11.8.6", "MariaDB Server", MARIADB, (11, 8, 6)),
        ("9.7.4-2", "(Debian)", MYSQL, (9, 7, 4)),
        ("8.4.3", "MySQL Community Server - GPL", MYSQL, (8, 4, 3)),
        ("26.1.0-cloud", "MySQL Enterprise", MYSQL, (26, 1, 0)),
        ("8.0.36-28", "Percona Server (GPL), Release 28", MYSQL, (8, 0, 36)),
    ],
)
def test_the_flavour_is_detected(
    version: str, comment: str, flavour: str, numbers: tuple[int, ...]
) -> None:
    assert flavour_of(version, comment) == flavour
    assert version_of(version) == numbers


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=str)
class TestDialect:
    def test_it_stands_under_its_own_name(self, dialect: Dialect) -> None:
        assert DIALECTS[dialect.flavour] is dialect

    def test_its_statements_take_what_they_are_given(self, dialect: Dialect) -> None:
        for name in ("start_channel", "stop_channel", "remove_channel"):
            assert getattr(dialect, name).count("{channel}") == 1, name
        assert dialect.change_channel.count("{channel}") == 1
        assert dialect.change_channel.count("{options}") == 1
        assert dialect.wait_for_position.count("%s") == 2

    def test_it_knows_only_settings_that_are_compared(self, dialect: Dialect) -> None:
        place = {"source_log_file", "source_log_position"}
        assert set(dialect.channel_options) <= {*COMPARED, "source_password", *place}
        assert set(dialect.auto_position_words) == {True, False}

    def test_what_can_be_set_can_be_read_back(self, dialect: Dialect) -> None:
        """Otherwise a difference would never be seen, or never go away."""
        unread = set(dialect.channel_options) - set(dialect.channel_columns)
        # Where a channel begins is no property of it: it goes on from there.
        unread -= {"source_log_file", "source_log_position"}
        # Read elsewhere on MySQL: performance_schema, mysql.slave_master_info.
        elsewhere = {"heartbeat_seconds", "require_row_format", "privilege_checks_user"}
        assert unread <= {"source_password", *elsewhere}
        assert ("heartbeat_seconds" in unread) == (dialect.flavour == MYSQL)


def test_only_one_flavour_says_master() -> None:
    def words(dialect: Dialect) -> str:
        values = (getattr(dialect, field.name) for field in fields(dialect))
        return " ".join(str(value) for value in values).lower()

    assert "master" in words(DIALECTS[MARIADB])
    assert "master" not in words(DIALECTS[MYSQL])
    assert "slave" not in words(DIALECTS[MYSQL])
