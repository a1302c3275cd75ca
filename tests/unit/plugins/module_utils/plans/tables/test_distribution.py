"""What keeps common data from being brought to a server, and the steps that bring it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.distribution import (
    COPY,
    CREATE,
    Distribution,
    Side,
    plan,
    problems,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.copied_table import (
    CopiedColumn,
    CopiedSchema,
    CopiedTable,
    RowCounts,
)

DEFINITION = "CREATE TABLE `t` (\n  `id` int NOT NULL,\n  PRIMARY KEY (`id`)\n) ENGINE=InnoDB{}"
TABLE = CopiedTable("prices", "t", DEFINITION.format(""), (CopiedColumn("id", "int"),), ("id",))
KEY = ("prices", "t")


def schema(*tables: CopiedTable, name: str = "prices") -> CopiedSchema:
    return CopiedSchema(name, "utf8mb4", "utf8mb4_bin", {table.name: table for table in tables})


def side(*schemas: CopiedSchema, **more: Any) -> Side:
    given = {"flavour": "mysql", "server_id": 1, "schemas": {one.name: one for one in schemas}}
    return Side(**{**given, **more})


def found(there: Side, here: Side, logged: bool = False) -> list[str]:
    return problems(replace(there, server_id=2), here, "f1", logged)


def of_tables(theirs: CopiedTable, mine: CopiedTable = TABLE) -> list[str]:
    return found(side(schema(theirs)), side(schema(mine)))


def test_nothing_keeps_equal_tables() -> None:
    numbered = replace(TABLE, definition=DEFINITION.format(" AUTO_INCREMENT=9"))
    assert of_tables(numbered) == []
    assert found(side(schema(TABLE)), side()) == []
    # The source has triggers of its own, and who names it there is its matter.
    assert of_tables(replace(TABLE, triggers=["x"], referencing=[("a", "b")])) == []
    both = [schema(TABLE), schema(name="other")]
    linked = replace(TABLE, referenced=[("other", "u")], referencing=[("other", "u")])
    assert found(side(schema(linked), both[1]), side(schema(linked), both[1])) == []


@pytest.mark.parametrize(
    ("there", "here", "logged", "text"),
    [
        ({"flavour": "mariadb"}, {}, False, "f1 is mariadb and this server mysql"),
        ({"closed": True}, {}, False, "f1 takes no writes"),
        ({"epoch_active": "f2"}, {}, False, "by its newest epoch that is f2"),
        ({}, {"closed": True}, True, "this server takes no writes"),
        ({}, {"epoch_active": "s1"}, False, "a member of a replica set"),
        ({}, {"channels": ["Common"]}, False, "has a channel common"),
    ],
)
def test_servers_that_are_refused(
    there: dict[str, Any], here: dict[str, Any], logged: bool, text: str
) -> None:
    (problem,) = found(side(**there), side(**here), logged)
    assert text in problem


def test_servers_that_are_not() -> None:
    assert found(side(epoch_active="f1"), side(epoch_active="s1", channels=["f1"]), True) == []
    (problem,) = problems(side(), side(), "f1", False)
    assert "has the server id 1 of this server" in problem


@pytest.mark.parametrize(
    ("theirs", "mine", "text"),
    [
        ({"type": "SYSTEM VERSIONED"}, {}, "prices.t is a system versioned on the source"),
        ({"engine": "Aria"}, {}, "of the engine Aria"),
        ({"key": ()}, {}, "has no primary key"),
        ({"columns": (CopiedColumn("id", "xmltype"),)}, {}, "values of id (xmltype)"),
        ({"referenced": [("usage", "u")]}, {}, "its foreign keys name usage.u, outside"),
        (
            {"definition": DEFINITION.format(" COMMENT='x'")},
            {},
            "there ) ENGINE=InnoDB COMMENT='x', here ) ENGINE=InnoDB. Make",
        ),
        ({}, {"triggers": ["a", "b"]}, "has triggers here (a, b)"),
        ({}, {"referencing": [("usage", "u")]}, "foreign keys of usage.u name it"),
        ({}, {"name": "mine"}, "table prices.mine is not on f1"),
    ],
)
def test_tables_that_are_refused(theirs: dict[str, Any], mine: dict[str, Any], text: str) -> None:
    (problem,) = of_tables(replace(TABLE, **theirs), replace(TABLE, **mine))
    assert text in problem


def test_what_one_definition_has_more() -> None:
    longer = DEFINITION.format("").replace("  PRIMARY", "  `a` int,\n  PRIMARY")
    (problem,) = of_tables(TABLE, replace(TABLE, definition=longer))
    assert "there nothing more, here `a` int. Make" in problem


def test_everything_is_told_at_once() -> None:
    bad = replace(TABLE, engine="Aria", key=())
    there = side(schema(bad, replace(bad, name="u")), closed=True)
    assert len(found(there, side(schema(TABLE), flavour="mariadb"))) == 6


def test_from_any_state_a_run_reaches_the_source_and_a_second_changes_nothing() -> None:
    other = replace(TABLE, name="u")
    there = side(schema(TABLE, other), schema(name="empty"))
    rows = {KEY: {1: "a", 2: "b", 3: "c"}, ("prices", "u"): {}}
    states: list[tuple[Side, dict[tuple[str, str], dict[int, str]]]] = [
        (side(), {}),
        (side(schema(other)), {("prices", "u"): {5: "x"}}),
        (side(schema(TABLE, other)), {KEY: {1: "a", 2: "x", 9: "y"}}),
    ]
    for here, mine in states:
        seen = []
        for _turn in range(5):
            made = plan(Distribution(there, here, counted(rows, mine)))
            if not made.changed:
                break
            seen.append(made.steps[0].action)
            if seen[-1] == CREATE:
                here = side(*there.schemas.values())
            else:
                for table in made.steps[0].value:
                    key = (table.schema, table.name)
                    mine = {**mine, key: rows[key]}
        assert here.tables.keys() == there.tables.keys()
        assert all(mine.get(key, {}) == rows[key] for key in rows)
        assert seen[-1] == COPY and len(seen) == len(set(seen)), seen


def counted(
    theirs: dict[tuple[str, str], dict[int, str]], mine: dict[tuple[str, str], dict[int, str]]
) -> dict[tuple[str, str], RowCounts]:
    counts = {}
    for key, rows in theirs.items():
        own = mine.get(key, {})
        counts[key] = RowCounts(
            len(rows),
            len(own),
            len(rows.keys() - own.keys()),
            sum(own.get(number, text) != text for number, text in rows.items()),
            len(own.keys() - rows.keys()),
        )
    return counts


def test_what_check_mode_shows() -> None:
    made = plan(Distribution(side(schema(TABLE)), side(), {KEY: RowCounts(there=3, missing=3)}))
    assert [step.action for step in made.steps] == [CREATE, COPY]
    assert made.diff() == {
        "before": {
            "what is missing": {"schema prices": "absent", "table prices.t": "absent"},
            "rows": {"prices.t": {"rows": 0}},
        },
        "after": {
            "what is missing": {"schema prices": "present", "table prices.t": "present"},
            "rows": {"prices.t": {"rows": 3, "inserted": 3, "changed": 0, "deleted": 0}},
        },
    }
    total = RowCounts(1, 2, 3, 4, 5) + RowCounts(1, 1, 1, 1, 1)
    assert total == RowCounts(2, 3, 4, 5, 6) and total.differ and not RowCounts(5, 5).differ
