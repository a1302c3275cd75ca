"""What mysql_autoinc_offset refuses before it asks any server, and what it hands on."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.ids.autoinc_offset import (
    AutoincOffset,
    Current,
    Desired,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Done, Taken
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.autoinc import (
    END_SESSION,
    PERSIST_IN_FILE,
    SET,
    CurrentAutoinc,
    file_text,
    mark_in,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import RAISE
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids.stale_sessions import Watch
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdColumn
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import UsageTable
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    ConnectionMark,
    Session,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from tests.support import options

OPERATION = AutoincOffset()
NO_SERVER = cast(Server, None)
PATH = "/etc/mysql/mariadb.conf.d/95-autoinc.cnf"
SESSION = Session(7, "application", "10.1.0.7", 12)
READER = {"name": "r1", "host": "r1.example.com", "port": 3306}
# What a server with 20 and 2 had got when its file was written, and what it has now.
EARLIER, NOW = ConnectionMark(100, 1_000_000), ConnectionMark(200, 1_000_000)


def desired(**given: Any) -> Desired:
    return options.desired(OPERATION, **{"increment": 20, "offset": 2, **given})


def refused(**given: Any) -> list[str]:
    with pytest.raises(Refused) as found:
        desired(**given)
    return list(found.value.problems)


def current(
    running: Autoinc, file: ConfigFile | None = None, *sessions: Session, columns: Any = ()
) -> Current:
    found = CurrentAutoinc(
        running, file is None, None, file, sessions=sessions, columns=tuple(columns)
    )
    return Current(found, Watch(Autoinc(20, 2), False, EARLIER), {"server_id": 1})


def result(asked: Desired, found: Current, done: Done = None) -> dict[str, Any]:
    return OPERATION.result(NO_SERVER, asked, found, OPERATION.plan(asked, found), done)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"increment": 4, "offset": 9}, "offset 9 is above increment 4"),
        ({"increment": 0, "offset": 1}, "increment 0 is outside 1..65535"),
        ({"increment": 70000, "offset": 1}, "increment 70000 is outside 1..65535"),
        ({"offset": 0}, "offset 0 is outside 1..65535"),
        ({"earlier_increment": 3}, "earlier_increment 3 does not divide increment 20"),
        ({"earlier_increment": 0}, "earlier_increment 0 does not divide increment 20"),
        ({"stale_sessions_timeout_seconds": 0}, "stale_sessions_timeout_seconds is 0"),
        ({"ids_checked_per_table": 0}, "ids_checked_per_table is 0"),
        ({"fail_when_used_percent": 101}, "fail_when_used_percent is 101"),
        (
            {"peers": [{"name": "w9", "increment": 20, "offset": 2}]},
            "this server, w9: the same offset 2",
        ),
        (
            {"peers": [{"name": "w9", "increment": 10, "offset": 1}]},
            "Different increments (10 on w9; 20 on this server)",
        ),
        ({"peers": [{"name": "w9", "increment": 4, "offset": 9}]}, "offset 9 is above increment 4"),
        (
            {"read_servers": [READER], "read_server_password": "hushed"},
            "read_servers cannot be queried without read_server_user and read_server_password",
        ),
        (
            {"read_servers": [READER], "read_server_user": "monitor"},
            "read_servers cannot be queried without read_server_user and read_server_password",
        ),
    ],
)
def test_what_no_server_can_have(given: dict[str, Any], said: str) -> None:
    (problem,) = refused(**given)
    assert said in problem and "hushed" not in problem


def test_every_reason_comes_at_once() -> None:
    several = refused(
        earlier_increment=3,
        check_schemas=["mysql", "usage_data"],
        next_id_above={"calls": 1, "a.b": "x", "sys.c": 2, "sys.d": 3},
        usage_tables=[{"schema": "MySQL", "name": name, "id_column": "id"} for name in ("a", "b")],
        stale_sessions_timeout_seconds=0,
    )
    own = "is a system schema; name one of your own."
    assert several == [
        "earlier_increment 3 does not divide increment 20; an increment can only be multiplied.",
        f"check_schemas: mysql {own}",
        f"next_id_above: sys {own}",
        f"usage_tables: MySQL {own}",
        "stale_sessions_timeout_seconds is 0; it must be at least 1.",
        "next_id_above: calls is not a table; write schema.table.",
        "next_id_above: a.b: 'x' is not an id; give a whole number from 0.",
    ]


def test_a_template_gives_numbers_as_text() -> None:
    assert desired(next_id_above={"a.b": " 41 ", "a.c": 3}).ids.next_id_above == {
        "a.b": 41,
        "a.c": 3,
    }


def test_how_read_servers_are_reached() -> None:
    login = {"read_servers": [READER], "read_server_user": "monitor", "read_server_password": "x"}
    readers = desired(**login, read_server_ssl_ca="/ca.pem", connect_timeout=3).readers
    assert readers.seconds == 3 and "x" not in str(readers.password)
    assert readers.settings["r1"].source_host == "r1.example.com"
    assert readers.settings["r1"].source_ssl_verify_server_cert is True
    assert desired(**login).readers.settings["r1"].source_ssl_verify_server_cert is False
    assert desired().readers.settings == {}


def test_names_as_the_server_stores_them() -> None:
    table = {"schema": "Usage", "name": "Calls", "id_column": "Id"}
    asked = desired(check_schemas=["Usage"], next_id_above={"Usage.C": 1}, usage_tables=[table])
    assert OPERATION.named(asked, Names) == asked
    named = OPERATION.named(asked, lambda: Names(ignores_case=True)).ids
    assert named.limits.schemas == ("usage",) and named.next_id_above == {"usage.c": 1}
    assert named.usage_tables == (UsageTable("usage", "calls", "Id"),)


def test_only_a_floor_takes_the_right_to_leave_the_log() -> None:
    """Of all that is run, an ALTER TABLE alone would be logged."""
    assert not OPERATION.leaves_log(desired(stale_sessions="end"))
    assert OPERATION.leaves_log(desired(next_id_above={"usage_data.calls": 41}))


def test_the_file_notes_who_was_there_when_the_pair_was_set() -> None:
    asked = desired(persist_file=PATH, stale_sessions="end")
    found = current(Autoinc(1, 1), ConfigFile(PATH, None), SESSION)
    setting, writing, ending = OPERATION.plan(asked, found).steps
    assert [setting.action, writing.action, ending.action] == [SET, PERSIST_IN_FILE, END_SESSION]
    done = [Taken(setting, 0.1, NOW)]
    assert mark_in(OPERATION.completed(asked, found, writing.value, done)) == NOW


def test_a_file_that_was_lost_notes_who_was_there_before_the_run() -> None:
    asked = desired(persist_file=PATH)
    found = current(Autoinc(20, 2), ConfigFile(PATH, None))
    (writing,) = OPERATION.plan(asked, found).steps
    written = OPERATION.completed(asked, found, writing.value, [])
    assert mark_in(written) == EARLIER
    assert (written.text or "").startswith(file_text(Autoinc(20, 2)))


def test_check_mode_shows_who_would_be_ended() -> None:
    found = current(Autoinc(1, 1), None, SESSION)
    told = {"id": 7, "user": "application", "host": "10.1.0.7", "seconds": 12}
    ends = result(desired(stale_sessions="end"), found)
    assert (ends["ended_sessions"], ends["stale_sessions"]) == ([told], [])
    reports = result(desired(), found)
    assert (reports["ended_sessions"], reports["stale_sessions"]) == ([], [told])
    assert reports["autoinc"] == {"increment": 20, "offset": 2, "residue": 2}
    # The plan has the warning.
    assert reports["warnings"] == [] and "time_zones" not in reports


def test_the_next_id_is_that_after_the_run() -> None:
    calls = IdColumn("usage_data", "calls", "id", "bigint", 1, "PRIMARY")
    found = current(Autoinc(20, 2), None, columns=[calls])
    (told,) = result(desired(), found)["id_columns"]
    assert (told["next_id"], told["highest_id"]) == (2, None)
    above = desired(next_id_above={"usage_data.calls": 41})
    assert [step.action for step in OPERATION.plan(above, found).steps] == [RAISE, SET]
    (told,) = result(above, found)["id_columns"]
    assert told["next_id"] == 42
