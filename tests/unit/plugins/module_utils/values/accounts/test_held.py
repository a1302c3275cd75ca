"""What accounts hold beyond what they are to hold, and the other way round."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    HeldAccounts,
    beyond,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names

WORDS = ("SELECT", "INSERT", "EXECUTE", "PROCESS", "BINLOG ADMIN", "GRANT OPTION")
VOCABULARY = Vocabulary(
    "mariadb",
    {word: word for word in WORDS},
    {"SESSION VARIABLES ADMIN": ("BINLOG ADMIN",)},
    {Scope("mysql", "global_grants"): Scope("mysql", "global_priv")},
)
HELD = HeldAccounts(VOCABULARY, Account("monitor", "%"))
SERVER, SCHEMA, TABLE = Scope(), Scope(r"usage\_data"), Scope("usage_data", "calls")
ROUTINE = Scope("usage_data", "f", "FUNCTION")


def some(*words: str) -> frozenset[str]:
    return frozenset(words)


@pytest.mark.parametrize(
    ("held", "given", "rest"),
    [
        ({SCHEMA: some("SELECT", "INSERT")}, {SCHEMA: some("SELECT")}, {SCHEMA: some("INSERT")}),
        ({SCHEMA: some("SELECT")}, {SCHEMA: some("SELECT", "INSERT")}, {}),
        # What is given on something wider counts, and not the other way round.
        ({SCHEMA: some("SELECT")}, {SERVER: some("SELECT")}, {}),
        ({SERVER: some("SELECT")}, {SCHEMA: some("SELECT")}, {SERVER: some("SELECT")}),
        ({TABLE: some("SELECT")}, {SCHEMA: some("SELECT")}, {}),
        ({TABLE: some("SELECT")}, {Scope("usage%"): some("SELECT")}, {}),
        ({ROUTINE: some("EXECUTE")}, {SCHEMA: some("EXECUTE")}, {}),
        ({TABLE: some("SELECT")}, {Scope("usage"): some("SELECT")}, {TABLE: some("SELECT")}),
        ({TABLE: some("SELECT")}, {ROUTINE: some("SELECT")}, {TABLE: some("SELECT")}),
        # The underscore is a wildcard here, and the character itself there.
        ({Scope("usage_data"): some("SELECT")}, {SCHEMA: some("SELECT")}, {}),
        ({SCHEMA: some("SELECT")}, {Scope("usage_data"): some("SELECT")}, {}),
        ({TABLE: some("SELECT (id)")}, {TABLE: some("SELECT")}, {}),
        ({TABLE: some("SELECT (id)")}, {TABLE: some("SELECT (id)")}, {}),
        ({TABLE: some("SELECT")}, {TABLE: some("SELECT (id)")}, {TABLE: some("SELECT")}),
        ({SERVER: some("GRANT OPTION (BINLOG ADMIN)")}, {SERVER: some("GRANT OPTION")}, {}),
        ({}, {SERVER: some("SELECT")}, {}),
    ],
)
def test_what_is_beyond(
    held: dict[Scope, frozenset[str]],
    given: dict[Scope, frozenset[str]],
    rest: dict[Scope, frozenset[str]],
) -> None:
    assert beyond(held, given) == rest


def test_what_is_meant_in_a_servers_own_words() -> None:
    asked = {
        SERVER: ("PROCESS", "SESSION_VARIABLES_ADMIN", "NEVER HEARD"),
        Scope("mysql", "global_grants"): ("SELECT",),
        Scope("mysql", "global_priv"): ("INSERT",),
        Scope(r"USAGE\_data"): ("SELECT",),
        SCHEMA: ("INSERT",),
    }
    meant = HELD.meant(asked)
    assert meant[SERVER] == {"PROCESS", "BINLOG ADMIN"}
    assert meant[Scope("mysql", "global_priv")] == {"SELECT", "INSERT"}
    assert meant[SCHEMA] == {"INSERT"} and Scope("mysql", "global_grants") not in meant
    # Where names have no case, and where a schema in a grant is no pattern.
    plain = HeldAccounts(VOCABULARY, HELD.login, schema_patterns=False, names=Names(True))
    assert plain.meant(asked)[Scope("usage_data")] == {"SELECT", "INSERT"}
