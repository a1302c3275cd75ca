"""Which line of a configuration file is at fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.config_lines import (
    at_fault,
    changed_lines,
)

BEFORE = "# by ansible\n[mysqld]\nport = 1\nx = 2\n"
AFTER = "# by Ansible\n[mysqld]\nport = 1\ndefault_time_zone = Europe/Paris\nmax-connections=5\n"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        # MariaDB 10.11 and MySQL 9.7, at the end of a start.
        (
            "[ERROR] Fatal error: Illegal or unknown default time zone 'Europe/Paris'",
            "At fault: line 4: default_time_zone = Europe/Paris.",
        ),
        (
            "[ERROR] mariadbd: unknown variable 'max_connections=5'",
            "At fault: line 5: max-connections=5.",
        ),
        (
            "[Note] max_connections and default_time_zone\n[ERROR] of something else",
            "At fault is one of these: the line that is gone: x = 2; line 4: default_time_zone = "
            "Europe/Paris; line 5: max-connections=5.",
        ),
        ("[ERROR] report_port and reports", None),
        ("", None),
    ],
)
def test_the_line_that_the_server_names(said: str, fault: str | None) -> None:
    told = at_fault(BEFORE, AFTER, said)
    assert told == fault if fault else told.startswith("At fault is one of these: ")


def test_where_nothing_has_changed_any_line_may_be_named() -> None:
    assert at_fault(AFTER, AFTER, "[ERROR] bad default-time-zone") == (
        "At fault: line 4: default_time_zone = Europe/Paris."
    )
    assert at_fault(AFTER, AFTER, "[ERROR] no room on the disk") == ""


@pytest.mark.parametrize("name", ["wsrep_sst_auth", "loose-Master-Password", "some_secret"])
def test_a_setting_that_is_a_secret_is_not_told(name: str) -> None:
    told = at_fault("", f"[mysqld]\n{name} = S3CRET\n", "")
    assert "line 2: " in told and "S3CRET" not in told


@given(st.text(st.sampled_from("ab=#[ \n")), st.text(st.sampled_from("ab=#[ \n")))
def test_a_changed_line_is_a_line_of_the_text(before: str, after: str) -> None:
    for line in changed_lines(before, after):
        text = after.splitlines()[line.number - 1] if line.number else line.text
        assert text == line.text and line.name
    assert changed_lines(after, after) == []
