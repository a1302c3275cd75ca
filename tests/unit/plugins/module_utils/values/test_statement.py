"""Statements: bound in clear, shown masked; identifiers and values quoted."""

from __future__ import annotations

import re
from decimal import Decimal

import pymysql.converters
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK, Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    opening_words,
    quote_columns,
    quote_identifier,
    quote_table,
    shown_identifier,
    shown_table,
)

names = st.text(min_size=1).filter(lambda name: "\0" not in name)


def executed(statement: Statement) -> str:
    """Return what PyMySQL sends for a statement."""
    args = statement.executed_args
    return statement.sql % tuple(pymysql.converters.escape_item(arg, "utf8mb4") for arg in args)


def unquoted(quoted: str) -> list[str]:
    """Read backquoted identifiers as a server does."""
    assert re.fullmatch(r"`(?:[^`]|``)+`(?:\.`(?:[^`]|``)+`)*", quoted, re.DOTALL), quoted
    found = re.findall(r"`((?:[^`]|``)+)`", quoted, re.DOTALL)
    return [name.replace("``", "`") for name in found]


@given(names)
def test_an_identifier_comes_back_as_it_was(name: str) -> None:
    statement = Statement(f"DROP SCHEMA {quote_identifier(name)}")
    assert unquoted(executed(statement).removeprefix("DROP SCHEMA ")) == [name]
    assert statement.shown == executed(statement)


@given(names, names)
def test_a_table_comes_back_as_schema_and_table(schema: str, table: str) -> None:
    assert unquoted(executed(Statement(quote_table(schema, table)))) == [schema, table]


@given(names, names)
def test_what_a_person_is_to_run_is_no_template(schema: str, table: str) -> None:
    assert unquoted(shown_identifier(table)) == [table]
    assert unquoted(shown_table(schema, table)) == [schema, table]


def test_columns_stand_as_in_a_key() -> None:
    assert quote_columns(["id", "a`b"]) == "(`id`, `a``b`)"


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an identifier"):
        quote_identifier(name)


@given(st.lists(st.text()), st.text())
def test_values_are_counted(args: list[str], more: str) -> None:
    sql = "x = %s " * len(args) + "LIKE 'a%%s'"
    Statement(sql, tuple(args))
    with pytest.raises(ValueError, match="does not take"):
        Statement(sql, (*args, more))


@given(st.text(), st.text())
def test_a_secret_is_executed_and_not_shown(one: str, other: str) -> None:
    def made(secret: str) -> Statement:
        return Statement("SET PASSWORD = %s, x = %s", (Secret(secret), 1))

    assert made(one).executed_args == (one, 1)
    assert made(one).shown == made(other).shown == f"SET PASSWORD = '{MASK}', x = 1"
    assert repr(made(one)) == repr(made(other))


@given(st.text())
def test_a_text_that_is_no_secret_is_shown_as_one_literal(text: str) -> None:
    shown = Statement("x = %s", (text,)).shown
    assert re.fullmatch(r"x = '(?:[^'\\]|''|\\\\)*'", shown, re.DOTALL)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "NULL"),
        (True, "1"),
        (False, "0"),
        (0, "0"),
        (-3, "-3"),
        (2.5, "2.5"),
        ("it's", "'it''s'"),
        ("a\\b", "'a\\\\b'"),
        ("100 %s", "'100 %s'"),
    ],
)
def test_values_are_shown_as_sql(value: object, shown: str) -> None:
    assert Statement("x = %s", (value,)).shown == f"x = {shown}"


@given(
    st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=0, max_value=10**6)
)
def test_a_number_is_shown_as_it_is_executed(value: int | Decimal) -> None:
    """A statement in a result can be run by hand: CHANGE takes 2.5 and not '2.5' (1064)."""
    statement = Statement("MASTER_HEARTBEAT_PERIOD = %s", (value,))
    assert statement.shown == executed(statement)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE `shop`.t SET email = 'a@b.c'", "UPDATE `shop`.t SET"),
        ("UPDATE t SET x = 'secret'", "UPDATE t SET"),
        ("INSERT INTO shop.t VALUES ('secret')", "INSERT INTO shop.t"),
        ("CALL p('secret')", "CALL"),
        ("SET PASSWORD = 'secret'", "SET PASSWORD"),
        ("/* secret */ DELETE FROM t", "a statement"),
        ("ALTER USER 'x' IDENTIFIED BY 'secret'", "ALTER USER"),
        ("", "a statement"),
    ],
)
def test_how_a_statement_begins(sql: str, said: str) -> None:
    assert opening_words(sql) == said
