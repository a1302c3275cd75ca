"""Accounts, the objects of grants, and the words for privileges."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Scope,
    Vocabulary,
    canonical,
)


@pytest.mark.parametrize(
    ("text", "schema", "table", "shown"),
    [
        ("*.*", None, None, "*.*"),
        ("usage_data.*", r"usage\_data", None, "usage_data.*"),
        (r"usage\_data.*", r"usage\_data", None, "usage_data.*"),
        ("tenant_%.*", r"tenant\_%", None, "tenant_%.*"),
        (r"half\%.*", r"half\%", None, r"half\%.*"),
        ("usage_data.calls", "usage_data", "calls", "usage_data.calls"),
        (r"usage\_data.calls", "usage_data", "calls", "usage_data.calls"),
        ("`a.b c`.`d``e`", "a.b c", "d`e", "a.b c.d`e"),
        ("`a``b`.*", "a`b", None, "a`b.*"),
    ],
)
def test_scope(text: str, schema: str | None, table: str | None, shown: str) -> None:
    scope = Scope.parse(text)
    assert (scope.schema, scope.table) == (schema, table)
    assert str(scope) == shown


@pytest.mark.parametrize(
    "text", ["", "*", "usage_data", "*.calls", "a.b.c", "a .*", "a. b", ".t", "a.", "`a.*", "a.*b"]
)
def test_no_scope(text: str) -> None:
    with pytest.raises(ValueError, match="is not an object of a grant; write"):
        Scope.parse(text)


@pytest.mark.parametrize(
    ("pattern", "covered", "wildcard"),
    [
        ("usage_data", True, True),
        (r"usage\_data", True, False),
        ("usage%", True, True),
        ("%", True, True),
        ("other%", False, True),
        (r"usage\%", False, False),
        ("usage_dat", False, True),
    ],
)
def test_patterns(pattern: str, covered: bool, wildcard: bool) -> None:
    assert Scope(pattern).covers(Scope.parse("usage_data.*")) == covered
    assert Scope(pattern).has_wildcard == wildcard


def test_only_schemas_are_patterns() -> None:
    assert not Scope().covers(Scope("usage"))
    assert not Scope("usage%").covers(Scope("usage_data", "calls"))
    assert not Scope("usage_data", "calls").has_wildcard
    assert Scope(r"usage\_data").literal() == Scope("usage_data")
    assert Scope("a%", "t").literal() == Scope("a%", "t")
    assert Scope().literal() == Scope()
    assert Scope("usage_data").same_as(Scope(r"usage\_data"))
    assert not Scope("usage_data", "t").same_as(Scope(r"usage\_data"))
    assert not Scope("a%").same_as(Scope(r"a\%"))


WORDS = Vocabulary(
    "mariadb",
    {
        canonical(word): word
        for word in (
            *("SELECT", "INSERT", "DELETE", "CREATE ROUTINE", "GRANT OPTION", "USAGE"),
            *("BINLOG ADMIN", "PROXY"),
            *("BINLOG MONITOR", "SLAVE MONITOR", "READ_ONLY ADMIN"),
        )
    },
    {
        "REPLICATION CLIENT": ("BINLOG MONITOR", "SLAVE MONITOR"),
        "SESSION VARIABLES ADMIN": ("BINLOG ADMIN",),
    },
)
EVERYTHING, SCHEMA, TABLE = Scope(), Scope("s"), Scope("s", "t")
COLUMNS = {"SELECT (a)", "INSERT (b, c)", "INSERT (d)", "INSERT (e`f)"}


@pytest.mark.parametrize(
    ("words", "scope", "meant"),
    [
        (["select", " Insert "], TABLE, {"SELECT", "INSERT"}),
        (["create_routine"], SCHEMA, {"CREATE ROUTINE"}),
        (["READ ONLY ADMIN"], EVERYTHING, {"READ ONLY ADMIN"}),
        (["REPLICATION CLIENT"], EVERYTHING, {"BINLOG MONITOR", "SLAVE MONITOR"}),
        (["SESSION_VARIABLES_ADMIN"], EVERYTHING, {"BINLOG ADMIN"}),
        (["USAGE"], EVERYTHING, set()),
        ([], SCHEMA, set()),
        (["ALL"], TABLE, {"SELECT", "INSERT", "DELETE"}),
        (["select(a)", "INSERT (`b, c`,d , `e``f`)"], TABLE, COLUMNS),
        (
            ["ALL PRIVILEGES", "GRANT OPTION"],
            SCHEMA,
            {
                "SELECT",
                "INSERT",
                "DELETE",
                "CREATE ROUTINE",
                "GRANT OPTION",
            },
        ),
        (
            ["all"],
            EVERYTHING,
            set(WORDS.spelling) - {"USAGE", "PROXY", "GRANT OPTION"},
        ),
    ],
)
def test_words(words: list[str], scope: Scope, meant: set[str]) -> None:
    assert WORDS.resolve(words, scope) == (frozenset(meant), [])


@pytest.mark.parametrize(
    ("word", "scope", "said"),
    [
        (
            "SELEKT",
            SCHEMA,
            "'SELEKT' is not a privilege of this mariadb server; did you mean SELECT?",
        ),
        ("x", SCHEMA, "'x' is not a privilege of this mariadb server; SHOW PRIVILEGES lists them."),
        ("PROXY", EVERYTHING, "'PROXY' is not a privilege of this mariadb server; "),
        (
            "SELECT (a",
            TABLE,
            "'SELECT (a' is not a privilege of this mariadb server; did you mean ",
        ),
        ("SELECT (a)", SCHEMA, "SELECT (a) cannot be granted on s.*, only on a table; write"),
        ("DELETE (a)", TABLE, "DELETE (a): only INSERT, REFERENCES, SELECT, UPDATE"),
        (
            "ALL (a)",
            TABLE,
            "ALL (a): only INSERT, REFERENCES, SELECT, UPDATE can be granted on columns.",
        ),
        ("SELECT ()", TABLE, "'SELECT ()' names no columns; separate them with commas, as in"),
        ("SELECT (a,)", TABLE, "'SELECT (a,)' names no columns; separate them with commas"),
        ("SELECT (a b)", TABLE, "'SELECT (a b)' names no columns; separate them with commas"),
        ("BINLOG ADMIN", SCHEMA, "BINLOG ADMIN cannot be granted on s.*, only on *.*."),
        ("REPLICATION CLIENT", SCHEMA, "REPLICATION CLIENT cannot be granted on s.*, only on *.*."),
        (
            "CREATE ROUTINE",
            TABLE,
            "CREATE ROUTINE cannot be granted on s.t, only on *.* or a whole schema.",
        ),
        ("GRANT OPTION", TABLE, "GRANT OPTION alone on s.t: there is nothing to pass on."),
    ],
)
def test_wrong_words(word: str, scope: Scope, said: str) -> None:
    _rest, problems = WORDS.resolve([word], scope)
    assert len(problems) == 1 and problems[0].startswith(said), problems
