"""Taking CREATE TABLE apart and putting it together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.create_table import (
    NotACreateTable,
    create_statement,
    definition_of,
    index_clause,
    not_null,
    shape_of,
    tokens,
    written,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    READ,
    Check,
    Column,
    Index,
    TableShape,
    UsageTable,
)

SQL = st.text(st.sampled_from(list("a(),;'\"`\\-#/*!%\n 1")), max_size=40)
NAMES = st.text(st.sampled_from(list("aé`%' (),;.\"-#")), min_size=1, max_size=8)


@given(SQL)
def test_tokens_lose_nothing(sql: str) -> None:
    assert "".join(token.text for token in tokens(sql)) == sql


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@given(NAMES, st.text(st.sampled_from(list("ab'(),;`-#/*% \n\\")), max_size=20))
def test_what_is_quoted_is_no_syntax(name: str, comment: str) -> None:
    text = "'" + comment.replace("\\", "\\\\").replace("'", "''") + "'"
    body = f"({quoted(name)} INT COMMENT {text}, PRIMARY KEY ({quoted(name)}))"
    found = written(f"CREATE TABLE {quoted(name)} {body} COMMENT={text};")
    assert (found.schema, found.table, found.body) == (None, name, body)
    sql = found.temporary("s").sql % ()
    assert sql == (
        f"CREATE TEMPORARY TABLE `s`.{quoted(name)} {body} COMMENT={text}"
        "\nDEFAULT CHARACTER SET utf8mb4"
    )


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("create table t (id int)", (None, "t")),
        ("CREATE TABLE IF NOT EXISTS `a.b` (id int)", (None, "a.b")),
        ("/* one */ CREATE -- two\n TABLE s . `t` (id int)", ("s", "t")),
        ("CREATE TABLE if (id int)", (None, "if")),
    ],
)
def test_heads(sql: str, names: tuple[str | None, str]) -> None:
    found = written(sql)
    assert (found.schema, found.table) == names


@pytest.mark.parametrize(
    ("tail", "added"),
    [
        ("", True),
        ("ENGINE=InnoDB; -- done", True),
        ("COMMENT='character set latin1'", True),
        ("/* charset */", True),
        ("CHARSET=latin1", False),
        ("default character set latin1", False),
        ("COLLATE utf8mb4_bin", False),
        ("/*!40100 DEFAULT CHARSET=latin1 */", False),
    ],
)
def test_character_set_of_a_table_without_one(tail: str, added: bool) -> None:
    sql = written(f"CREATE TABLE t (c CHAR(1) CHARACTER SET ascii) {tail}").temporary("s").sql
    assert sql.endswith("\nDEFAULT CHARACTER SET utf8mb4") == added


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1",
        "CREATE TEMPORARY TABLE t (id INT)",
        "CREATE TABLE (id INT)",
        "CREATE TABLE a.b.c (id INT)",
        "CREATE TABLE t LIKE u",
        "CREATE TABLE t (id INT",
        "CREATE TABLE t (id INT COMMENT ')'",
        "CREATE TABLE t (id INT); DROP TABLE t",
        "CREATE TABLE t (id INT);;",
        "CREATE TABLE t (id INT) SELECT 1",
        "CREATE TABLE t (id INT) /*!50000 AS SELECT 1 */",
        "CREATE TABLE t (id INT) PARTITION BY HASH (id)",
        "CREATE TABLE t (id INT) UNION=(u)",
        "CREATE TABLE t (id INT) WITH SYSTEM VERSIONING",
    ],
)
def test_no_plain_create_table(sql: str) -> None:
    with pytest.raises(NotACreateTable):
        written(sql)


MARIADB = r"""CREATE TEMPORARY TABLE `plain` (
  `a b` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `d` decimal(5,2) DEFAULT 3.10,
  `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`j`)),
  `e` enum('a)','b,''') NOT NULL COMMENT 'x`y%\n''z"',
  PRIMARY KEY (`a b`),
  UNIQUE KEY `u` (`d` DESC) COMMENT 'k%',
  KEY `b` (`e`(10),`d`),
  CONSTRAINT `big` CHECK (`d` < 100),
  CONSTRAINT `f` FOREIGN KEY (`d`) REFERENCES `o` (`d`),
  PERIOD FOR `p` (`x`, `y`)
) ENGINE=InnoDB AUTO_INCREMENT=77 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='t''%'
 PARTITION BY RANGE  COLUMNS(`t`)
(PARTITION `p0` VALUES LESS THAN ('2013-01-01') ENGINE = InnoDB)"""
MYSQL = r"""CREATE TABLE `plain` (
  `a b` bigint unsigned NOT NULL AUTO_INCREMENT,
  `d` decimal(5,2) DEFAULT '3.10',
  `j` json DEFAULT NULL /*!80023 INVISIBLE */,
  `e` enum('a)','b,''') COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (`a b`),
  CONSTRAINT `big` CHECK ((`d` < 100))
) /*!50100 TABLESPACE `innodb_system` */ ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC
/*!50500 PARTITION BY RANGE  COLUMNS(t)
(PARTITION p0 VALUES LESS THAN ('2013-01-01') ENGINE = InnoDB) */"""


def details(*types: str) -> dict[str, tuple[str, str | None, bool]]:
    return {name: (type_, None, True) for name, type_ in zip(["a b", *"dje"], types, strict=True)}


def test_mariadbs_text() -> None:
    shape = shape_of(
        MARIADB, details("bigint(20) unsigned", "decimal(5,2)", "longtext", "enum('a)','b,''')")
    )
    assert [(column.name, column.attributes) for column in shape.columns] == [
        ("a b", "NOT NULL"),
        ("d", "DEFAULT 3.10"),
        ("j", "DEFAULT NULL CHECK ( json_valid ( `j` ) )"),
        ("e", "NOT NULL"),
    ]
    assert shape.columns[0].numbered and not shape.columns[1].numbered
    assert shape.columns[3].definition == r"""enum('a)','b,''') NOT NULL COMMENT 'x`y%\n''z"'"""
    assert shape.primary_key == ("a b",)
    assert shape.indexes == (
        Index("u", ("d",), "UNIQUE KEY", (" DESC",)),
        Index("b", ("e", "d"), "KEY", ("(10)", "")),
    )
    assert shape.checks == (Check("big", "(`d` < 100)"),)
    assert len(shape.foreign_keys) == len(shape.unknown) == 1
    assert shape.options == (
        ("ENGINE", "InnoDB"),
        ("AUTO_INCREMENT", "77"),
        ("CHARSET", "utf8mb4"),
        ("COLLATE", "utf8mb4_general_ci"),
        ("COMMENT", "'t''%'"),
    )
    assert shape.partitioned


def test_mysqls_text() -> None:
    shape = shape_of(MYSQL, details("bigint unsigned", "decimal(5,2)", "json", "enum('a)','b,''')"))
    assert [column.attributes for column in shape.columns] == [
        "NOT NULL",
        "DEFAULT '3.10'",
        "DEFAULT NULL INVISIBLE",
        "NOT NULL",
    ]
    assert shape.columns[2].definition == "json DEFAULT NULL /*!80023 INVISIBLE */"
    assert shape.options == (
        ("TABLESPACE", "`innodb_system`"),
        ("ENGINE", "InnoDB"),
        ("CHARSET", "utf8mb4"),
        ("ROW_FORMAT", "DYNAMIC"),
    )
    assert shape.partitioned


def test_apart_and_together_is_the_same() -> None:
    given_details = details("bigint unsigned", "decimal(5,2)", "json", "enum('a)','b,''')")
    shape = shape_of(MYSQL.replace("/*!50100 TABLESPACE `innodb_system` */ ", ""), given_details)
    statement = create_statement("s%", "t", shape, ("\nPARTITION BY x", ()))
    assert statement.shown.startswith("CREATE TABLE `s%`.`t` (\n  `a b` bigint unsigned NOT NULL")
    again = shape_of(statement.shown, given_details)
    assert again == shape


def test_index_clause() -> None:
    assert index_clause(Index("a`b", ("c", "d"), "UNIQUE KEY")) == "UNIQUE KEY `a``b` (`c`, `d`)"
    index = Index("a", ("c", "d"), "KEY", ("(10) DESC", ""))
    assert index_clause(index) == "KEY `a` (`c`(10) DESC, `d`)"


def test_parts_of_indexes_that_are_no_columns() -> None:
    shape = shape_of(
        "CREATE TABLE `t` (\n  `a` int,\n  PRIMARY KEY (`a`(3) DESC),\n"
        "  KEY `k` ((`a` + 1),`a`),\n  UNIQUE KEY `h` (`a`) USING HASH\n)",
        {"a": ("int", None, True)},
    )
    assert shape.primary_key == ("a(3) DESC",)
    assert shape.indexes == (
        Index("k", ("( `a` + 1 )", "a")),
        Index("h", ("a",), "UNIQUE KEY", hashed=True),
    )


def test_the_session_s_character_set_is_no_part_of_a_rule() -> None:
    """MySQL writes that of whoever made the table in front of texts."""
    texts = [
        f"CREATE TABLE `t` (\n  `a` char(3) GENERATED ALWAYS AS (concat({text}))\n,"
        f"  CONSTRAINT `c` CHECK ((`a` <> {text}))\n)"
        for text in ("_latin1'it''s _x'", "_utf8mb4'it''s _x'", "'it''s _y'")
    ]
    shapes = [shape_of(text, {"a": ("char(3)", None, True)}) for text in texts]
    rules = [(shape.columns[0].attributes, shape.checks[0].rule) for shape in shapes]
    assert rules[0] == rules[1] != rules[2]
    assert shapes[0].checks[0].expression == "((`a` <> _latin1'it''s _x'))"


COLLATED = """CREATE TABLE t (
  id BIGINT PRIMARY KEY,
  a VARCHAR(3),
  `B c` VARCHAR(3) COLLATE latin1_bin,
  d CHAR(3) CHARACTER SET latin1 DEFAULT (a COLLATE utf8mb4_bin),
  e CHAR(3) CHAR SET latin1 COMMENT 'COLLATE',
  f CHAR(3) CHARACTER SET latin1 BINARY,
  g NCHAR(3), h JSON, i TEXT CHARSET utf8mb4, j BINARY(3),
  CHECK (a COLLATE utf8mb4_bin <> 'x'),
)"""


def test_what_a_definition_says_of_collations() -> None:
    said = written(COLLATED)
    assert said.columns_collated == {"b c", "f", "h", "j"}
    assert "COLLATE" not in said.options
    said = written(f"{COLLATED} CHARSET=utf8mb4 COLLATE=utf8mb4_bin")
    assert said.columns_collated >= {"id", "a", "b c", "f", "h", "j"}
    assert not said.columns_collated & {"d", "e", "g", "i"}
    assert said.options >= {"CHARSET", "COLLATE"}
    said = written("CREATE TABLE t (id INT) DEFAULT CHARACTER SET=utf8mb4 `Page_Compressed`=1")
    assert said.options >= {"CHARSET", "PAGE_COMPRESSED"}


def test_what_was_asked_for_is_marked() -> None:
    names = ("a", "b")
    shape = TableShape(tuple(Column(name, "char(3)", "char(3)") for name in names), ("a",))
    said = written("CREATE TABLE t (A CHAR(3) COLLATE latin1_bin, b CHAR(3)) ROW_FORMAT=DYNAMIC")
    asked = said.asked(shape)
    assert [column.collation_asked for column in asked.columns] == [True, False]
    assert "ROW_FORMAT" in asked.options_asked and "COLLATE" not in asked.options_asked


def test_a_definition_of_another_table_is_refused() -> None:
    table = UsageTable("s", "t", "CREATE TABLE x.u (id INT)", READ, "id", "at")
    with pytest.raises(Refused) as refusal:
        definition_of(table)
    assert refusal.value.problems == [
        "definition: it names table u, but name is t. Use one name.",
        "definition: it names schema x, but schema is s. Leave the schema out there.",
    ]


GENERATED = "date GENERATED ALWAYS AS (if(`b` is null,NULL,cast(`b` as date)))"


@pytest.mark.parametrize(
    ("line", "type_", "made"),
    [
        # As MariaDB 10.11, MariaDB 11.8 and MySQL 9.7 write them.
        ("datetime(6) DEFAULT NULL", "datetime(6)", "datetime(6) NOT NULL"),
        ("int(10) unsigned DEFAULT NULL", "int(10) unsigned", "int(10) unsigned NOT NULL"),
        ("timestamp NULL DEFAULT NULL", "timestamp", "timestamp NOT NULL"),
        (
            "timestamp NULL DEFAULT NULL ON UPDATE current_timestamp()",
            "timestamp",
            "timestamp NOT NULL ON UPDATE current_timestamp()",
        ),
        (
            "datetime(3) DEFAULT current_timestamp(3) COMMENT 'DEFAULT NULL, it''s'",
            "datetime(3)",
            "datetime(3) NOT NULL DEFAULT current_timestamp(3) COMMENT 'DEFAULT NULL, it''s'",
        ),
        (
            "datetime /* mariadb-5.3 */ DEFAULT NULL",
            "datetime /* mariadb-5.3 */",
            "datetime NOT NULL /* mariadb-5.3 */",
        ),
        (
            "datetime DEFAULT NULL CHECK (`at` is not null or 1)",
            "datetime",
            "datetime NOT NULL CHECK (`at` is not null or 1)",
        ),
        ("date DEFAULT NULL /*!80023 INVISIBLE */", "date", "date NOT NULL /*!80023 INVISIBLE */"),
        (
            f"{GENERATED} STORED NULL COMMENT 'x'",
            "date",
            f"{GENERATED} STORED NOT NULL COMMENT 'x'",
        ),
        ("date NOT NULL DEFAULT '2013-01-01'", "date", "date NOT NULL DEFAULT '2013-01-01'"),
    ],
)
def test_not_null_leaves_all_else_as_it_is(line: str, type_: str, made: str) -> None:
    assert not_null(Column("at", type_, line)) == made


def test_another_type_leaves_all_else_as_it_is() -> None:
    line = "timestamp(3) NULL DEFAULT current_timestamp(3) COMMENT 'c'"
    assert not_null(Column("at", "timestamp(3)", line), "datetime(3)") == (
        "datetime(3) NOT NULL DEFAULT current_timestamp(3) COMMENT 'c'"
    )
