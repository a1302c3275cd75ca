"""Directories as servers describe them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables.partition_directories import (
    data_directories,
    directories_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

# Measured on MySQL 9.7 and MariaDB 10.11.
MYSQL = """CREATE TABLE `t` (
  `at` datetime NOT NULL COMMENT 'x\\n PARTITION a VALUES LESS THAN DATA DIRECTORY = \\'/no\\''
) ENGINE=InnoDB
/*!50500 PARTITION BY RANGE  COLUMNS(`at`)
(PARTITION a VALUES LESS THAN ('2013-11-01') DATA DIRECTORY = '/srv/cold' ENGINE = InnoDB,
 PARTITION `b c` VALUES LESS THAN ('2013-12-01') ENGINE = InnoDB,
 PARTITION c VALUES LESS THAN (MAXVALUE) ENGINE = InnoDB) */"""
MARIADB = """CREATE TABLE `t` (
  `at` datetime NOT NULL
) ENGINE=InnoDB
 PARTITION BY RANGE  COLUMNS(`at`)
(PARTITION `a` VALUES LESS THAN ('2013-11-01') ENGINE = InnoDB,
 PARTITION `b` VALUES LESS THAN (MAXVALUE) DATA DIRECTORY = '/srv/it''s' ENGINE = InnoDB)"""


class Described:
    """A server that describes one table."""

    address = "here"

    def rows(self, sql: str) -> list[dict[str, Any]]:
        assert sql == "SHOW CREATE TABLE `s`.`t`"
        return [{"Create Table": MYSQL}]


def test_directories() -> None:
    assert directories_of(MYSQL) == ["/srv/cold", None, None]
    assert directories_of(MARIADB) == [None, "/srv/it''s"]


def test_a_partition_that_is_not_described_is_never_overlooked() -> None:
    server: Any = Described()
    assert data_directories(server, "s", "t", 3) == ["/srv/cold", None, None]
    with pytest.raises(Refused, match="has 4 partitions, and SHOW CREATE TABLE describes 3"):
        data_directories(server, "s", "t", 4)
