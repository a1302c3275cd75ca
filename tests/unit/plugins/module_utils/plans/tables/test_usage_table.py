"""From one description to two shapes, and how a table differs from its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables import (
    usage_table as planning,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_indexes import (
    DraftedIndex,
    TableSize,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.usage_table import (
    Current,
    Wanted,
    wanted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    RANGE_COLUMNS,
    UNIX_TIMESTAMP,
    Partition,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    WRITE,
    Check,
    Column,
    Index,
    TableShape,
    UsageTable,
)

ID = Column(
    "Id", "bigint(20) unsigned", "bigint(20) unsigned NOT NULL", "NOT NULL", None, False, True
)
AT = Column("At", "datetime", "datetime NOT NULL", "NOT NULL", None, False)
WHO = Column("Who", "char(2)", "char(2)", "", "utf8mb4_bin")
WRITTEN = TableShape(
    (ID, AT, WHO), ("Id",), options=(("ENGINE", "InnoDB"), ("AUTO_INCREMENT", "77"))
)
TABLE = UsageTable("s", "t", "CREATE TABLE ...", READ, "id", "at", (Index("k", ("who", "at")),))
MONTHS = (Partition("p", datetime(2013, 2, 1)),)


def test_write_shape_is_what_is_written() -> None:
    found = wanted(replace(TABLE, shape=WRITE), WRITTEN, MONTHS)
    assert found.shape == WRITTEN and found.partitions == ()


def test_read_shape() -> None:
    found = wanted(TABLE, WRITTEN, MONTHS)
    assert found.shape.columns == WRITTEN.columns
    assert found.shape.primary_key == ("Id", "At")
    assert found.shape.indexes == (Index("k", ("Who", "At")),)
    assert found.shape.options == (("ENGINE", "InnoDB"),)
    assert (found.scheme, found.partitions) == (RANGE_COLUMNS, MONTHS)
    stamped = replace(WRITTEN, columns=(ID, replace(AT, type="timestamp"), WHO))
    assert wanted(TABLE, stamped, MONTHS).scheme == UNIX_TIMESTAMP


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": (AT, WHO)}, ["the column id, which id_column names, does not exist"]),
        (
            {"columns": (ID, WHO)},
            ["the column at, which time_column", "k names at, which the definition does not have"],
        ),
        ({"columns": (ID, AT)}, ["indexes: k names who, which the definition does not have."]),
        (
            {"columns": (replace(ID, numbered=False, type="varchar(9)"), AT, WHO)},
            [
                "Id is varchar(9); ids that advance by an increment need BIGINT",
                "Id is not AUTO_INCREMENT; write servers number the rows. Add it.",
            ],
        ),
        (
            {"columns": (ID, replace(AT, nullable=True, type="year(4)"), WHO)},
            [
                "At is year(4); a month's partition needs DATE, DATETIME or TIMESTAMP.",
                "At may be NULL; it is part of the read servers' primary key. Make it NOT NULL.",
            ],
        ),
        (
            {"columns": (ID, replace(AT, type="timestamp(3)"), WHO)},
            ["At is timestamp(3); a TIMESTAMP with a fraction cannot"],
        ),
        ({"primary_key": ()}, ["its primary key is (none); a write server's is (id) alone"]),
        (
            {"indexes": (Index("a", ("b",)), Index("b", ("c",)))},
            ["it has KEY a (b); a write server has its primary key only", "it has KEY b (c); a"],
        ),
        (
            {"foreign_keys": ("FOREIGN KEY (who)",)},
            ["it has FOREIGN KEY (who); usage tables have no foreign keys. Leave it out."],
        ),
        (
            {"unknown": ("PERIOD FOR x",)},
            ["PERIOD FOR x is not supported in a usage table. Leave it out."],
        ),
        (
            {"options": (("ENGINE", "Aria"),)},
            ["its engine is Aria; only InnoDB loses nothing in a crash"],
        ),
        ({"options": ()}, ["its engine is None; only InnoDB loses nothing in a crash"]),
    ],
)
def test_no_write_shape(change: dict[str, Any], said: list[str]) -> None:
    for shape in (READ, WRITE):
        with pytest.raises(Refused) as refusal:
            wanted(replace(TABLE, shape=shape), replace(WRITTEN, **change), MONTHS)
        found = refusal.value.problems
        assert len(found) == len(said), found
        assert all(part in text for part, text in zip(said, found, strict=True)), found


READ_SHAPE = wanted(TABLE, WRITTEN, MONTHS)


def differences(existing: TableShape, desired: Wanted = READ_SHAPE) -> list[tuple[str, bool]]:
    found = planning.differences(desired, existing)
    return [(difference.what, difference.harmless) for difference in found]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"options": (*WRITTEN.options, ("COMMENT", "'x'"))}, [("table option COMMENT", True)]),
        ({"options": ()}, [("table option ENGINE", False)]),
        (
            {"options": (("ENGINE", "InnoDB"), ("CHARSET", "latin1"), ("ROW_FORMAT", "COMPACT"))},
            [("table option CHARSET", False), ("table option ROW_FORMAT", True)],
        ),
        ({"columns": (ID, WHO, AT)}, [("order of columns", False)]),
        ({"columns": (ID, AT)}, [("column Who", False)]),
        (
            {"columns": (ID, AT, WHO, replace(WHO, name="More"))},
            [("column More", False)],
        ),
        ({"columns": (ID, replace(AT, type="date"), WHO)}, [("column At, type", False)]),
        (
            {"columns": (ID, AT, replace(WHO, collation="latin1_bin"))},
            [("column Who, character set", False)],
        ),
        (
            {"columns": (ID, AT, replace(WHO, collation="utf8mb4_general_ci"))},
            [("column Who, collation", False)],
        ),
        ({"columns": (ID, AT, replace(WHO, definition="other text"))}, []),
        (
            {"columns": (ID, AT, replace(WHO, attributes="NOT NULL"))},
            [("column Who, attributes", False)],
        ),
        (
            {"columns": (replace(ID, numbered=False), AT, WHO)},
            [("column Id, numbering", False)],
        ),
        ({"primary_key": ("Id",)}, [("primary key", False)]),
        ({"partitioned": False}, [("partitions", False)]),
        (
            {"foreign_keys": ("f",), "unknown": ("u",)},
            [("foreign key", False), ("definition", False)],
        ),
        ({"indexes": ()}, [("index", False)]),
        ({"indexes": (Index("other", ("WHO", "at")),)}, [("name of index", True)]),
        ({"indexes": (Index("x", ("Who", "At")), Index("K", ("Who", "At")))}, [("index", True)]),
        (
            {"indexes": (Index("k", ("Who", "At"), "UNIQUE KEY"),)},
            [("index", False), ("index", False)],
        ),
        ({"checks": (Check("c", "(1)"),)}, [("check", False)]),
    ],
)
def test_differences(change: dict[str, Any], expected: list[tuple[str, bool]]) -> None:
    assert differences(replace(READ_SHAPE.shape, **change)) == expected


def test_differences_of_a_write_server() -> None:
    desired = wanted(replace(TABLE, shape=WRITE), replace(WRITTEN, checks=(Check("c", "(1)"),)), ())
    assert differences(desired.shape, desired) == []
    extra = replace(
        desired.shape, indexes=(Index("k", ("Who",)),), partitioned=True, checks=(), primary_key=()
    )
    assert differences(extra, desired) == [
        ("primary key", False),
        ("partitions", False),
        ("index", False),
        ("check", False),
    ]


def test_creates_what_is_missing() -> None:
    plan = planning.plan(READ_SHAPE, Current(WRITTEN, None, False))
    assert [step.action for step in plan.steps] == ["create schema", "create table"]
    assert plan.diff()["before"] == {"s": None, "s.t": None}
    assert plan.diff()["after"]["s.t"]["partitions"] == {"p": "everything below 2013-02-01"}
    plan = planning.plan(READ_SHAPE, Current(WRITTEN, None, True))
    assert [step.action for step in plan.steps] == ["create table"]
    write = wanted(replace(TABLE, shape=WRITE), WRITTEN, MONTHS)
    plan = planning.plan(write, Current(WRITTEN, None, True))
    assert "partitions" not in plan.diff()["after"]["s.t"]


def test_creates_no_schema_unasked() -> None:
    desired = replace(READ_SHAPE, table=replace(TABLE, create_schema=False))
    with pytest.raises(Refused, match="the schema s does not exist"):
        planning.plan(desired, Current(WRITTEN, None, False))


def test_leaves_a_table_alone() -> None:
    same = Current(WRITTEN, READ_SHAPE.shape, True)
    assert not planning.plan(READ_SHAPE, same).changed
    shape = replace(READ_SHAPE.shape, indexes=(*READ_SHAPE.shape.indexes, Index("x", ("Who",))))
    plan = planning.plan(READ_SHAPE, replace(same, existing=shape))
    assert not plan.changed and len(plan.warnings) == 1
    missing = replace(READ_SHAPE.shape, indexes=(Index("x", ("Who",)),))
    with pytest.raises(Refused) as refusal:
        planning.plan(READ_SHAPE, replace(same, existing=missing))
    assert len(refusal.value.problems) == 2
    said = "(slows queries); ALTER TABLE `s`.`t` ADD KEY `k` (`Who`, `At`) would correct it"
    assert said in refusal.value.problems[0]


def test_adds_what_is_missing_where_asked() -> None:
    asked = replace(READ_SHAPE, table=replace(TABLE, add_indexes=True))
    extra = Index("x", ("Who",))
    lacking = Current(WRITTEN, replace(READ_SHAPE.shape, indexes=(extra,)), True)
    plan = planning.plan(asked, lacking)
    (step,) = plan.steps
    assert step.action == "add indexes" and step.value.indexes == asked.shape.indexes
    assert len(plan.warnings) == 1 and "KEY x" in plan.warnings[0]
    sized = replace(lacking, size=TableSize(400_000, 1))
    assert planning.plan(asked, sized).steps[0].value.cost.seconds == 1.0
    # Nothing is added to a table that is wrong otherwise.
    wrong = replace(lacking, existing=replace(READ_SHAPE.shape, indexes=(), options=()))
    with pytest.raises(Refused, match="ENGINE"):
        planning.plan(asked, wrong)
    taken = replace(READ_SHAPE.shape, indexes=(Index("k", ("Who",)),))
    with pytest.raises(Refused, match="s.t: KEY k .Who, At. cannot be added"):
        planning.plan(asked, replace(lacking, existing=taken))
    assert not planning.plan(asked, Current(WRITTEN, asked.shape, True)).changed


def test_descriptions() -> None:
    assert TABLE.problems() == []
    unique = Index("u", ("who",), "UNIQUE KEY")
    twice = Index("primary", ("who", "WHO"))
    found = replace(TABLE, indexes=(unique, unique, twice, Index("e", ()))).problems()
    lacks = "is unique and lacks at; a table with a partition a month can only keep rows unique"
    said = (
        f"indexes: u {lacks}",
        "indexes: u is listed twice; give each its own name.",
        f"indexes: u {lacks}",
        "indexes: PRIMARY is the primary key's name; choose another.",
        "indexes: primary names a column twice.",
        "indexes: e has no columns; name at least one.",
    )
    assert len(found) == len(said), found
    assert all(text.startswith(part) for part, text in zip(said, found, strict=True)), found
    (problem,) = replace(TABLE, id_column="AT").problems()
    assert problem == "id_column and time_column are both AT; name two columns."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"primary_key": ("Id",)},
            "primary key: expected Id, At, found Id (a partition for each month is impossible, "
            "and rows are looked up differently)",
        ),
        (
            {"partitioned": False},
            "partitions: expected one a month, found none (no month can be dropped, and queries "
            "read the whole table)",
        ),
        (
            {"columns": (ID, AT, replace(WHO, attributes="DEFAULT 'xx'"))},
            "column Who, attributes: expected none, found DEFAULT 'xx' (accepts or stores other "
            "values than the other servers)",
        ),
        (
            {"columns": (ID, AT, replace(WHO, collation="utf8mb4_general_ci"))},
            "column Who, collation: expected utf8mb4_bin, found utf8mb4_general_ci (compares and "
            "sorts differently from the description)",
        ),
        (
            {"columns": (ID, AT, replace(WHO, collation="latin1_bin"))},
            "column Who, character set: expected utf8mb4, found latin1 (stops a channel, or "
            "changes what is replicated through it)",
        ),
        (
            {"columns": (replace(ID, numbered=False), AT, WHO)},
            "column Id, numbering: expected AUTO_INCREMENT, found none (rows are numbered "
            "differently from the other servers)",
        ),
        (
            {"options": (("ENGINE", "InnoDB"), ("ROW_FORMAT", "COMPACT"))},
            "table option ROW_FORMAT: expected none, found COMPACT (rows are stored differently; "
            "no channel stops)",
        ),
    ],
)
def test_what_is_said_of_a_read_server_s_table(change: dict[str, Any], said: str) -> None:
    asked = replace(READ_SHAPE.shape, options_asked=frozenset({"ROW_FORMAT"}))
    found = planning.differences(
        replace(READ_SHAPE, shape=asked), replace(READ_SHAPE.shape, **change)
    )
    assert [str(difference) for difference in found] == [said]


SILENT = replace(WHO, collation_asked=False)
DEFAULTS = (("ENGINE", "InnoDB"), ("CHARSET", "utf8mb4"), ("COLLATE", "utf8mb4_bin"))


@pytest.mark.parametrize(
    ("asked", "found", "expected"),
    [
        # What the definition leaves to the server: once for all columns, and no channel minds.
        (
            {"columns": (ID, AT, SILENT), "options": DEFAULTS},
            {
                "columns": (ID, AT, replace(WHO, collation="utf8mb4_general_ci")),
                "options": (*DEFAULTS[:2], ("COLLATE", "utf8mb4_general_ci")),
            },
            [("collation of the table, Who, which the definition does not name", True)],
        ),
        (
            {"columns": (ID, AT, SILENT)},
            {"columns": (ID, AT, replace(WHO, collation="latin1_swedish_ci"))},
            [("column Who, character set", False)],
        ),
        (
            {"columns": (ID, AT, SILENT)},
            {"columns": (ID, AT, replace(WHO, type="char(3)", collation="utf8mb4_general_ci"))},
            [("column Who, type", False)],
        ),
        ({"columns": (ID, AT, SILENT)}, {"columns": (ID, AT)}, [("column Who", False)]),
        # What it says.
        (
            {"options": DEFAULTS, "options_asked": frozenset({"COLLATE"})},
            {"options": (*DEFAULTS[:2], ("COLLATE", "utf8mb4_general_ci"))},
            [("table option COLLATE", False)],
        ),
        (
            {"options": DEFAULTS},
            {"options": (DEFAULTS[0], ("CHARSET", "latin1"), ("COLLATE", "latin1_bin"))},
            [("table option CHARSET", False)],
        ),
        ({}, {"options": (("ENGINE", "MyISAM"),)}, [("table option ENGINE", False)]),
        # What a server gives without being asked.
        (
            {"options": (*DEFAULTS, ("ENCRYPTION", "'Y'"))},
            {"options": DEFAULTS},
            [],
        ),
        (
            {"options": DEFAULTS},
            {"options": (*DEFAULTS, ("ENCRYPTION", "'Y'"))},
            [("table option ENCRYPTION", True)],
        ),
        # In how many digits clients may show an integer.
        (
            {},
            {"columns": (replace(ID, type="bigint unsigned"), AT, WHO)},
            [("column Id, type", True)],
        ),
        (
            {},
            {"columns": (replace(ID, type="bigint(20) unsigned zerofill"), AT, WHO)},
            [("column Id, type", False)],
        ),
        # Checks go by what they say, not by the session that made them.
        (
            {"checks": (Check("c", "(Who <> _utf8mb4'x')", "( Who <> 'x' )"),)},
            {"checks": (Check("d", "(Who <> _latin1'x')", "( Who <> 'x' )"),)},
            [],
        ),
    ],
)
def test_only_what_was_asked_for_is_demanded(
    asked: dict[str, Any], found: dict[str, Any], expected: list[tuple[str, bool]]
) -> None:
    desired = replace(READ_SHAPE, shape=replace(READ_SHAPE.shape, **asked))
    existing = replace(desired.shape, **found)
    assert differences(existing, desired) == expected


def test_a_collation_that_nobody_named_can_be_named() -> None:
    desired = replace(READ_SHAPE, shape=replace(READ_SHAPE.shape, columns=(ID, AT, SILENT)))
    there = replace(desired.shape, columns=(ID, AT, replace(WHO, collation="utf8mb4_general_ci")))
    plan = planning.plan(desired, Current(WRITTEN, there, True, notes=("careful",)))
    assert plan.steps == () and plan.warnings == (
        "s.t: collation of Who, which the definition does not name: expected utf8mb4_bin, found "
        "utf8mb4_general_ci; a server where the table is made anew gives it the expected one; name "
        "a collation in the definition (COLLATE utf8mb4_general_ci) to have one everywhere.",
        "s.t: server says of the definition: careful",
    )
    made = planning.plan(desired, Current(WRITTEN, None, True, notes=("careful",)))
    assert made.warnings == ("s.t: server says of the definition: careful",)


def test_an_index_that_is_there_twice_is_told() -> None:
    indexes = tuple(Index(name, columns) for name, columns in (("a", ("who",)), ("b", ("WHO",))))
    desired = wanted(replace(TABLE, indexes=indexes), WRITTEN, MONTHS)
    made = planning.plan(desired, Current(WRITTEN, None, True))
    assert made.warnings == (
        "s.t: KEY b (Who) is the same as KEY a (Who), and slows each insert; remove one of the "
        "two.",
    )


def test_an_index_is_wanted_as_the_server_makes_it() -> None:
    asked = Index("k", ("Who",), "KEY", ("(2)",))
    whole = Index("k", ("Who",))
    table = replace(TABLE, indexes=(Index("k", ("who",), "KEY", ("(2)",)),))
    found = wanted(table, WRITTEN, MONTHS, [DraftedIndex(asked, whole)])
    assert found.shape.indexes == (whole,)
    assert wanted(table, WRITTEN, MONTHS).shape.indexes == (asked,)


def test_an_index_that_the_server_makes_otherwise_is_refused() -> None:
    drafted = DraftedIndex(Index("k", ("Who",)), None, "error 1071: too long")
    with pytest.raises(Refused) as refusal:
        wanted(TABLE, replace(WRITTEN, primary_key=()), MONTHS, [drafted])
    assert len(refusal.value.problems) == 2
    assert refusal.value.problems[1] == (
        "indexes: KEY k (Who) is not accepted by this server (error 1071: too long); leave the "
        "index out, or name other columns."
    )


def test_names_as_a_server_has_them() -> None:
    table = replace(TABLE, schema="Usage_Data", name="Calls")
    assert table.named(Names()) == table
    assert str(table.named(Names(ignores_case=True))) == "usage_data.calls"


def test_a_schema_of_the_server_itself_is_refused() -> None:
    (problem,) = replace(TABLE, schema="MySQL").problems()
    assert problem == "schema: MySQL is a system schema; name one of your own."
    (problem,) = replace(TABLE, indexes=(Index("k", ("who",), "KEY", ("(0)",)),)).problems()
    assert problem == "indexes: k has a prefix of 0; give it 1 at least."


def test_what_is_said_of_what_is_missing_or_too_much() -> None:
    unique = Index("u", ("Who", "At"), "UNIQUE KEY")
    desired = wanted(replace(TABLE, indexes=(unique,)), WRITTEN, MONTHS)
    found = planning.differences(desired, replace(desired.shape, indexes=()))
    assert [str(one) for one in found] == [
        "index: expected UNIQUE KEY u (Who, At), found none (duplicates are accepted, and queries "
        "are slow); ALTER TABLE `s`.`t` ADD UNIQUE KEY `u` (`Who`, `At`) would correct it, "
        "as add_indexes does"
    ]
    checked = replace(READ_SHAPE, shape=replace(READ_SHAPE.shape, checks=(Check("c", "(Id > 0)"),)))
    found = planning.differences(checked, READ_SHAPE.shape)
    assert [str(one) for one in found] == [
        "check: expected (Id > 0), found none (accepts other rows than the other servers)"
    ]
    written = wanted(replace(TABLE, shape=WRITE), WRITTEN, MONTHS)
    found = planning.differences(written, replace(written.shape, primary_key=("At",)))
    assert [str(one) for one in found] == [
        "primary key: expected Id, found At (the ids of a write server are no longer what makes "
        "its rows unique)"
    ]
    found = planning.differences(written, replace(written.shape, partitioned=True))
    assert [str(one) for one in found] == [
        "partitions: expected none, found some (an insert for which there is none fails (error "
        "1526))"
    ]
    keyless = replace(READ_SHAPE.shape, primary_key=())
    with pytest.raises(Refused) as refusal:
        planning.plan(READ_SHAPE, Current(WRITTEN, keyless, True))
    assert refusal.value.problems[0].startswith(
        "s.t is not what its description says, and is left as it is. primary key: expected Id, At, "
    )
