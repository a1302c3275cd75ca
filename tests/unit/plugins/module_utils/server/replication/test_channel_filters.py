"""Statements of filters, and rows that show them, of both flavours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pymysql.converters
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import FILTER
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import DIALECTS
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_filters import (
    LINES,
    WORDS,
    change,
    file,
    of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channels import (
    statements,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    PRESENT,
    Channel,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    Filters,
)

FULL = Filters.of(
    {
        "do_databases": ["a", "50%"],
        "ignore_databases": ["z"],
        "do_tables": ["a.b"],
        "ignore_tables": ["a.c"],
        "wild_do_tables": ["a.b%"],
        "wild_ignore_tables": [r"a\_.c"],
        "rewrite_databases": [{"from": "a", "to": "b"}, {"from": "c", "to": "d"}],
    }
)


def executed(flavour: str, filters: dict[str, Any], name: str = "w1") -> str:
    channel = Channel(name, PRESENT)
    server = cast(Server, SimpleNamespace(dialect=DIALECTS[flavour]))
    (made,) = statements(Step(FILTER, "channel", value=(channel, filters)), server)
    args = made.executed_args
    return made.sql % tuple(pymysql.converters.escape_item(arg, "utf8mb4") for arg in args)


def test_filters_on_mysql() -> None:
    assert executed("mysql", FULL.differing_from(None)) == (
        "CHANGE REPLICATION FILTER REPLICATE_DO_DB = (`50%`, `a`), REPLICATE_IGNORE_DB = (`z`), "
        "REPLICATE_DO_TABLE = (`a`.`b`), REPLICATE_IGNORE_TABLE = (`a`.`c`), "
        "REPLICATE_WILD_DO_TABLE = ('a.b%'), REPLICATE_WILD_IGNORE_TABLE = ('a\\\\_.c'), "
        "REPLICATE_REWRITE_DB = ((`a`, `b`), (`c`, `d`)) FOR CHANNEL 'w1'"
    )
    assert executed("mysql", {"do_databases": (), "wild_do_tables": ()}) == (
        "CHANGE REPLICATION FILTER REPLICATE_DO_DB = (), REPLICATE_WILD_DO_TABLE = () "
        "FOR CHANNEL 'w1'"
    )


def test_filters_on_mariadb() -> None:
    assert executed("mariadb", FULL.differing_from(None)) == (
        "SET GLOBAL `w1`.replicate_do_db = '50%,a', GLOBAL `w1`.replicate_ignore_db = 'z', "
        "GLOBAL `w1`.replicate_do_table = 'a.b', GLOBAL `w1`.replicate_ignore_table = 'a.c', "
        "GLOBAL `w1`.replicate_wild_do_table = 'a.b%', "
        "GLOBAL `w1`.replicate_wild_ignore_table = 'a\\\\_.c', "
        "GLOBAL `w1`.replicate_rewrite_db = 'a->b,c->d'"
    )
    assert executed("mariadb", {"do_databases": ()}, "w`1") == (
        "SET GLOBAL `w``1`.replicate_do_db = ''"
    )
    # The connection without a name.
    assert executed("mariadb", {"do_databases": ()}, "") == "SET GLOBAL replicate_do_db = ''"


@pytest.mark.parametrize("flavour", sorted(DIALECTS))
def test_every_kind_has_a_word(flavour: str) -> None:
    assert tuple(WORDS) == KINDS
    server = cast(Server, SimpleNamespace(flavour=flavour))
    made = file(server, ConfigFile("/f", None))
    assert (made.line, made.words) == (LINES[flavour], WORDS)


names = st.sampled_from(["a", "b", "c-d"])


@given(
    st.lists(names),
    st.lists(st.builds("{}.{}".format, names, names)),
    st.lists(st.tuples(names, names), unique_by=lambda pair: pair[0]),
    st.sampled_from(sorted(DIALECTS)),
)
def test_what_a_server_shows_is_read_as_it_was_set(
    databases: list[str], tables: list[str], pairs: list[tuple[str, str]], flavour: str
) -> None:
    wanted = Filters.of(
        {
            "ignore_databases": databases,
            "wild_do_tables": tables,
            "rewrite_databases": [{"from": old, "to": new} for old, new in pairs],
        }
    )
    shape = "({},{})" if flavour == "mysql" else "{}->{}"
    row = {
        "Replicate_Do_DB": "",
        "Replicate_Ignore_DB": ",".join(reversed(databases)),
        "Replicate_Wild_Do_Table": ",".join(tables),
        "Replicate_Rewrite_DB": ",".join(shape.format(*pair) for pair in pairs),
        "Master_Host": "h",
    }
    assert of(DIALECTS[flavour], row) == wanted


def test_a_server_that_shows_no_filters_has_none() -> None:
    for dialect in DIALECTS.values():
        assert of(dialect, {"Replicate_Do_DB": None}) == Filters()
        assert change(dialect, "w1", {"do_databases": ("a",)}).shown
