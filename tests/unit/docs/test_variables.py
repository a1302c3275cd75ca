"""docs/inventory.md has the variables that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import variables
from docs.variables import (
    ACCOUNTS_BEGIN,
    ACCOUNTS_END,
    BEGIN,
    END,
    PAGE,
    accounts,
    made,
    replaced,
)


def test_the_page_is_what_the_table_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == replaced(page), "run make docs"
    assert variables.main(["--check"]) is None


def test_an_older_page_is_found_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = f"before\n{BEGIN}old\n{END}after\n{ACCOUNTS_BEGIN}older{ACCOUNTS_END}"
    (tmp_path / "inventory.md").write_text(page)
    monkeypatch.setattr(variables, "PAGE", tmp_path / "inventory.md")
    assert "run make docs" in str(variables.main(["--check"]))
    assert variables.main([]) is None
    assert (tmp_path / "inventory.md").read_text() == (
        f"before\n{BEGIN}\n{made()}\n{END}after\n{ACCOUNTS_BEGIN}\n{accounts()}\n{ACCOUNTS_END}"
    )
    assert variables.main(["--check"]) is None


@pytest.mark.parametrize("page", ["", BEGIN, END, BEGIN + END, BEGIN + END + ACCOUNTS_BEGIN])
def test_a_page_without_the_marks_is_left_alone(page: str) -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        replaced(page)


def test_what_a_row_says() -> None:
    lines = made().splitlines()
    for line in (
        "| `dbrw_port` | its TCP port | 3306 |",
        "| `unique` | rows must differ in these columns, of which the time column must be one | false |",
        "Each of `dbrw_usage_tables` has these keys:",
        "Each of `indexes` has these keys:",
    ):
        assert line in lines
    (offset,) = [line for line in lines if line.startswith("| `dbrw_offset` |")]
    assert "| write servers: the first id" in offset and offset.endswith("| required |")
    (secret,) = [line for line in lines if line.startswith("| `dbrw_monitor_password` |")]
    assert secret.endswith("| required, secret |")


def test_what_a_row_of_accounts_says() -> None:
    lines = accounts().splitlines()
    assert (
        "| `application` | write servers | SELECT on usage data | reads what it has written |"
        in lines
    )
    assert "|  |  | INSERT on usage data | writes new rows |" in lines
    (operator,) = [line for line in lines if line.startswith("| `operator` |")]
    assert (
        "ALL PRIVILEGES on the server | closes, opens and re-points members; is as root |"
        in operator
    )
