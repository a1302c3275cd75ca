"""What a server's options say of its pair, as servers understand them."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.start_options import (
    INCREMENT,
    INIT_FILE,
    LOAD,
    OFFSET,
    StartOption,
    StartOptions,
)


def options(*lines: tuple[str, str | None]) -> StartOptions:
    return StartOptions(
        tuple(
            StartOption(name, value, f"my.cnf, line {number}")
            for number, (name, value) in enumerate(lines, 2)
        )
    )


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("auto_increment_increment", INCREMENT),
        ("auto-increment_incr", INCREMENT),
        ("loose-auto_increment_i", INCREMENT),
        ("loose_auto-increment-offset", OFFSET),
        ("auto_increment_o", OFFSET),
        ("init-f", INIT_FILE),
        ("skip-persisted-globals-load", LOAD),
        ("auto_increment_increments", None),
        ("auto_increment", None),
        ("init", None),
        ("persist_only_admin_x509_subject", None),
        ("x-auto_increment_offset", None),
    ],
)
def test_an_option_has_many_names(name: str, option: str | None) -> None:
    for one in (INCREMENT, OFFSET, LOAD, INIT_FILE):
        assert StartOption(name, "2", "").means(one) == (one == option)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *[("20", 20), (" 20 ", 20), ("1K", 1024), ("1m", 65535), ("0", 1), ("70000", 65535)],
        *[("", 1), (None, 1), ("x", 1)],
    ],
)
def test_a_number_is_the_nearest_that_can_be(value: str | None, number: int) -> None:
    assert StartOption(INCREMENT, value, "").number == number


def test_the_last_line_counts() -> None:
    assert options().pair == Autoinc(1, 1)
    told = options((INCREMENT, "20"), (OFFSET, "2"), ("loose_auto_increment_incr", "40"))
    assert told.pair == Autoinc(40, 2)
    assert told.last(INCREMENT) == StartOption("loose_auto_increment_incr", "40", "my.cnf, line 4")
    assert told.last(LOAD) is None


@pytest.mark.parametrize(
    ("name", "value", "is_on"),
    [
        ("persisted_globals_load", "OFF", False),
        ("persisted_globals_load", "0", False),
        ("persisted-globals-load", "false", False),
        ("persisted_globals_load", None, True),
        ("persisted_globals_load", "ON", True),
        ("skip-persisted-globals-load", None, False),
        ("loose_disable_persisted_globals_load", None, False),
        ("enable-persisted-globals-load", None, True),
    ],
)
def test_a_server_forgets_what_it_stores(name: str, value: str | None, is_on: bool) -> None:
    told = options((name, value)).forgets_stored
    assert told == ("" if is_on else f"{name} = {value or ''} in my.cnf, line 2")


def test_without_defaults_it_forgets_too() -> None:
    assert options().forgets_stored == ""
    assert StartOptions(no_defaults=True).forgets_stored == "--no-defaults on its command line"


def test_a_limit_is_one_where_it_is_below() -> None:
    told = options(("maximum-auto-increment-incr", "19"), ("loose_maximum_auto_increment_o", "2"))
    assert told.limits_of(Autoinc(19, 2)) == []
    (limit,) = told.limits_of(Autoinc(20, 2))
    assert limit == "my.cnf, line 2 has maximum-auto-increment-incr = 19"
    assert len(told.limits_of(Autoinc(20, 3))) == 2
    assert told.pair == Autoinc(1, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], ""),
        ([("skip_slave_start", None)], "skip_slave_start is in a"),
        ([("loose-skip-slave-st", "1")], "loose-skip-slave-st is in a"),
        ([("skip-slave-start", None), ("skip_slave_start", "OFF")], ""),
        ([("skip-name-resolve", None), ("slave-start", "1"), ("skip-s", None)], ""),
    ],
)
def test_what_leaves_channels_stopped(options: list[tuple[str, str | None]], said: str) -> None:
    given = tuple(StartOption(name, value, "a") for name, value in options)
    assert StartOptions(given).skips_start == said
