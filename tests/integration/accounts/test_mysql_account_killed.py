"""mysql_account that is killed at any of its statements, and run again (rule 12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.accounts.test_mysql_account import LEAVE_BINARY_LOG, can_log_in
from tests.integration.conftest import outside_binary_log
from tests.integration.lines import TestServer
from tests.support.crash import killed_everywhere

NEW, OLD, ROLE = "killed_new", "killed_old", "killed_role"
PASSWORDS = ("one of them", "another one", "an older one")


def granted(flavour: str) -> dict[str, Any]:
    return {
        "host": "%",
        "privileges": {"*.*": [LEAVE_BINARY_LOG[flavour]], "killed.*": ["SELECT", "DELETE"]},
        "revoke_unlisted": True,
    }


def cases(flavour: str) -> dict[str, list[dict[str, Any]]]:
    """Return accounts to ask for, where OLD is there and the others are not."""
    return {
        "new and changed": [
            {"name": NEW, "password": PASSWORDS[0], **granted(flavour)},
            {"name": OLD, "password": PASSWORDS[1], **granted(flavour)},
        ],
        "the old password is kept": [
            {
                "name": OLD,
                "password": PASSWORDS[1],
                "old_password": "keep",
                "resource_limits": {"max_user_connections": 9},
            }
        ],
        "a role and its member": [
            {"name": ROLE, "kind": "role", "privileges": {"killed.*": ["DELETE"]}},
            {"name": OLD, "roles": [ROLE], "default_roles": [ROLE]},
        ],
        "removed": [{"name": OLD, "state": "absent"}],
    }


@pytest.fixture
def nobody(server: TestServer) -> Iterator[list[str]]:
    """Statements after which there is none of the accounts; they are run afterwards."""
    gone = [f"DROP USER IF EXISTS {NEW}, {OLD}", f"DROP ROLE IF EXISTS {ROLE}"]
    yield gone
    outside_binary_log(server, *gone)


@pytest.mark.usefixtures("nothing_is_logged")
@pytest.mark.parametrize("case", cases("mysql"))
def test_accounts(server: TestServer, nobody: list[str], case: str) -> None:
    arguments = {"accounts": cases(server.flavour)[case]}

    def reset() -> None:
        outside_binary_log(
            server,
            *nobody,
            f"CREATE USER {OLD} IDENTIFIED BY '{PASSWORDS[2]}'",
            f"GRANT SELECT, INSERT ON killed.* TO {OLD}",
        )

    def look() -> Any:
        """Who there is, what they may do, and which passwords let them in."""
        there = server.rows(
            "SELECT User AS name, max_user_connections FROM mysql.user "
            "WHERE User LIKE 'killed%%' ORDER BY 1"
        )
        # A hash has a salt of its own each time.
        grants = [
            str(*row.values()).partition(" IDENTIFIED ")[0]
            for one in there
            for row in server.rows(f"SHOW GRANTS FOR {one['name']}")
        ]
        logins = [can_log_in(server, name, word) for name in (NEW, OLD) for word in PASSWORDS]
        return there, grants, logins

    assert killed_everywhere("mysql_account", server, arguments, reset, look) >= 4
