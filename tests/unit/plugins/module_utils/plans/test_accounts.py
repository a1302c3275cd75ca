"""Plans for accounts, taken on a simulated server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.account_steps import (
    ALTER,
    CREATE,
    DROP,
    GRANT,
    Credentials,
    CurrentAccounts,
    Grant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts import plan, result
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.account import (
    Account,
    CurrentAccount,
    DesiredAccount,
    Scope,
    Vocabulary,
    canonical,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

TABLE_WORDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "GRANT OPTION")
GLOBAL_WORDS = (*TABLE_WORDS, "REPLICATION CLIENT", "BINLOG_ADMIN", "SESSION_VARIABLES_ADMIN")
WORDS = Vocabulary(
    "mysql",
    {canonical(word): word for word in (*GLOBAL_WORDS, "USAGE", "PROXY")},
    {"SLAVE MONITOR": ("REPLICATION CLIENT",)},
)
PLUGIN = "caching_sha2_password"
ROOT = Account("root", "localhost")
APP = Account("app", "10.%")
PASSWORD = Secret("s3cret")


def current(accounts: dict[Account, CurrentAccount] | None = None, **more: Any) -> CurrentAccounts:
    return CurrentAccounts(accounts or {}, WORDS, ROOT, PLUGIN, **more)


def granted(**grants: str) -> dict[Scope, frozenset[str]]:
    return {Scope(schema): frozenset(words.split(",")) for schema, words in grants.items()}


def take(made: Plan, before: CurrentAccounts) -> CurrentAccounts:
    """Do what the steps say, as a server would: from their values alone."""
    accounts = dict(before.accounts)
    for step in made.steps:
        account = step.value.account
        if isinstance(step.value, Grant):
            assert step.action == GRANT and step.value.privileges
            grants = dict(accounts[account].grants)
            # The server knows its own spelling only.
            words = {canonical(word) for word in step.value.privileges}
            assert set(step.value.privileges) <= set(WORDS.spelling.values())
            grants[step.value.scope] = grants.get(step.value.scope, frozenset()) | words
            accounts[account] = replace(accounts[account], grants=grants)
        elif step.action == DROP:
            del accounts[account]
        else:
            accounts[account] = _with_credentials(accounts.get(account), step)
    return replace(before, accounts=accounts)


def _with_credentials(found: CurrentAccount | None, step: Any) -> CurrentAccount:
    value: Credentials = step.value
    assert (step.action == CREATE) == (found is None)
    made = found or CurrentAccount("none")
    if step.action == CREATE:
        assert value.password
    if value.password:
        assert value.password == PASSWORD
        made = replace(made, plugin=PLUGIN, password_matches=True, other_methods=value.keep_methods)
    if value.require_tls is not None:
        made = replace(made, tls="ANY" if value.require_tls else "")
    return made


ACCOUNTS = st.sampled_from([APP, ROOT, Account("app", "%"), Account("monitor", "localhost")])
SCHEMAS = st.sampled_from([r"usage\_data", "usage_data", "usage%", r"tenant\_%", "common"])
SCOPES = st.one_of(
    st.just(Scope()),
    SCHEMAS.map(Scope),
    st.builds(Scope, st.sampled_from(["usage_data", "common"]), st.sampled_from(["t", "u"])),
)


def words_for(scope: Scope) -> st.SearchStrategy[tuple[str, ...]]:
    here = (*GLOBAL_WORDS, "SLAVE MONITOR") if scope == Scope() else TABLE_WORDS
    known = [*here, "ALL", "USAGE"]
    chosen = st.lists(st.sampled_from(known), max_size=4, unique=True).map(tuple)
    return chosen.filter(
        lambda words: scope.table is None or set(words) - {"USAGE"} != {"GRANT OPTION"}
    )


def by_scope(
    values: Any, scopes: st.SearchStrategy[Scope] = SCOPES
) -> st.SearchStrategy[dict[Scope, Any]]:
    return st.lists(scopes, max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({scope: values(scope) for scope in chosen})
    )


# A user's underscore is always the character itself.
ASKED_SCOPES = SCOPES.filter(lambda scope: scope.schema != "usage_data" or scope.table is not None)
DESIRED = st.builds(
    DesiredAccount,
    account=ACCOUNTS,
    present=st.booleans(),
    password=st.just(PASSWORD),
    update_password=st.booleans(),
    require_tls=st.sampled_from([None, True, False]),
    privileges=st.one_of(st.none(), by_scope(words_for, ASKED_SCOPES)),
)
HELD = st.lists(
    st.sampled_from([canonical(word) for word in GLOBAL_WORDS] + ["SELECT (a)"]), min_size=1
).map(frozenset)
CURRENT = st.builds(
    CurrentAccount,
    plugin=st.sampled_from([PLUGIN, "sha256_password", "auth_socket"]),
    password_matches=st.booleans(),
    tls=st.sampled_from(["", "ANY", "X509", "SPECIFIED"]),
    grants=by_scope(lambda _: HELD),
    other_methods=st.sampled_from([(), ("unix_socket",), (PLUGIN,)]),
)


@given(
    desired=st.lists(DESIRED, max_size=3, unique_by=lambda one: one.account),
    accounts=st.dictionaries(ACCOUNTS, CURRENT),
    schema_patterns=st.booleans(),
)
def test_one_run_reaches_the_target_and_a_second_changes_nothing(
    desired: list[DesiredAccount],
    accounts: dict[Account, CurrentAccount],
    schema_patterns: bool,
) -> None:
    before = current(accounts, schema_patterns=schema_patterns)
    try:
        made = plan(desired, before)
    except Refused as refusal:
        said = str(refusal)
        assert "logged in as" in said or "no pattern on this server" in said, said
        return
    after = take(made, before)
    for wanted in desired:
        check_reached(wanted, before, after, made)
        assert PASSWORD.reveal() not in repr(made.diff()) + repr(made)
    untouched = set(accounts) - {wanted.account for wanted in desired}
    assert all(after.accounts[account] == accounts[account] for account in untouched)
    assert not plan(desired, after).changed
    assert plan(desired, after).steps == ()


def check_reached(
    wanted: DesiredAccount, before: CurrentAccounts, after: CurrentAccounts, made: Plan
) -> None:
    found, was = after.accounts.get(wanted.account), before.accounts.get(wanted.account)
    if not wanted.present:
        assert found is None
        return
    assert found is not None
    if was is None or wanted.update_password:
        assert found.password_matches
    else:
        assert (found.plugin, found.password_matches) == (was.plugin, was.password_matches)
    if wanted.require_tls is not None:
        assert bool(found.tls) == wanted.require_tls
    for scope, words in (wanted.privileges or {}).items():
        held = [g for other, g in found.grants.items() if str(other) == str(scope)]
        meant, problems = WORDS.resolve(words, scope)
        assert not problems
        assert not meant or any(meant <= one for one in held)
    if was:
        assert all(words <= found.grants[scope] for scope, words in was.grants.items())
    told = result(wanted, before, made)
    assert told["state"] == "present" and bool(told["changes"]) == (found != was)
    # What the diff promises is what came about.
    if told["changes"]:
        shown = made.diff()["after"][str(wanted.account)]
        assert (shown["tls"] == "not required") == (found.tls == "")
        assert shown["authentication"].split(" or ")[0] == found.plugin
        assert set(shown["privileges"]) == {str(scope) for scope in found.grants}


def test_creates() -> None:
    wanted = DesiredAccount(
        APP,
        password=PASSWORD,
        require_tls=True,
        privileges={Scope(): ("slave monitor",), Scope(r"usage\_data"): ("SELECT", "INSERT")},
    )
    made = plan([wanted], current())
    assert [step.action for step in made.steps] == [CREATE, GRANT, GRANT]
    assert made.steps[1].value == Grant(APP, Scope(), ("REPLICATION CLIENT",))
    assert made.steps[2].value == Grant(APP, Scope(r"usage\_data"), ("INSERT", "SELECT"))
    assert made.diff() == {
        "before": {"app@10.%": None},
        "after": {
            "app@10.%": {
                "authentication": PLUGIN,
                "password": "set",
                "tls": "required",
                "locked": False,
                "privileges": {
                    "*.*": ["REPLICATION CLIENT"],
                    "usage_data.*": ["INSERT", "SELECT"],
                },
            }
        },
    }
    assert result(wanted, current(), made) == {
        "name": "app",
        "host": "10.%",
        "state": "present",
        "changes": [CREATE, GRANT],
        "extra_privileges": {},
        "extra_roles": [],
    }


def test_sets_only_what_differs() -> None:
    found = CurrentAccount("sha256_password", False, "", granted(usage_data="SELECT"))
    wanted = DesiredAccount(
        APP, password=PASSWORD, privileges={Scope(r"usage\_data"): ("SELECT", "INSERT")}
    )
    made = plan([wanted], current({APP: found}))
    assert [step.value for step in made.steps] == [
        Credentials(APP, PASSWORD),
        # The spelling that is there: a second one would shadow it.
        Grant(APP, Scope("usage_data"), ("INSERT",)),
    ]
    shown = made.diff()
    assert shown["before"]["app@10.%"]["authentication"] == "sha256_password"
    assert shown["before"]["app@10.%"]["password"] == "different"
    assert shown["after"]["app@10.%"]["authentication"] == PLUGIN
    assert shown["after"]["app@10.%"]["password"] == "set"
    on_create = replace(wanted, update_password=False, privileges=None)
    assert not plan([on_create], current({APP: found})).changed


def test_tls() -> None:
    plain, x509 = CurrentAccount(PLUGIN), CurrentAccount(PLUGIN, tls="X509")
    required = DesiredAccount(APP, require_tls=True)
    (step,) = plan([required], current({APP: plain})).steps
    assert (step.action, step.value) == (ALTER, Credentials(APP, None, True))
    assert (
        step.before
        and step.after
        and "password" not in step.before
        and step.after["tls"] == "required"
    )
    # A certificate is more than TLS alone.
    assert not plan([required], current({APP: x509})).changed
    assert not plan([DesiredAccount(APP)], current({APP: x509})).changed
    (step,) = plan([replace(required, require_tls=False)], current({APP: x509})).steps
    assert step.before and step.after
    assert (step.before["tls"], step.after["tls"]) == ("X509", "not required")


def test_other_ways_to_log_in_are_kept() -> None:
    found = CurrentAccount("mysql_native_password", False, other_methods=("unix_socket", PLUGIN))
    wanted = DesiredAccount(APP, password=PASSWORD)
    (step,) = plan([wanted], current({APP: found})).steps
    assert step.value.keep_methods == ("unix_socket",)
    assert step.after and step.after["authentication"] == f"{PLUGIN} or unix_socket"
    secretive = replace(found, keepable=False)
    with pytest.raises(Refused, match=r"app@10\.% can log in in several ways .* by hand"):
        plan([wanted], current({APP: secretive}))
    assert not plan([wanted], current({APP: replace(secretive, password_matches=True)})).changed


def test_extra_privileges_are_told_and_left() -> None:
    grants = {
        **granted(usage_data="SELECT,DELETE", common="SELECT"),
        Scope(): frozenset({"BINLOG ADMIN"}),
        Scope(r"usage\_data"): frozenset({"SELECT", "INSERT"}),
        Scope("usage_data", "t"): frozenset({"SELECT (a)"}),
    }
    before = current({APP: CurrentAccount(PLUGIN, grants=grants)})
    wanted = DesiredAccount(APP, privileges={Scope(r"usage\_data"): ("SELECT",)})
    made = plan([wanted], before)
    assert not made.changed
    assert result(wanted, before, made)["extra_privileges"] == {
        "*.*": ["BINLOG ADMIN"],
        "common.*": ["SELECT"],
        "usage_data.*": ["DELETE", "INSERT", "SELECT"],
        "usage_data.t": ["SELECT (a)"],
    }
    assert made.warnings == (
        "app@10.% has privileges that are not listed, left as they are: BINLOG ADMIN on *.*; "
        "SELECT on common.*; DELETE, INSERT, SELECT on usage_data.*; SELECT (a) on usage_data.t.",
    )
    assert plan([replace(wanted, privileges=None)], before).warnings == ()
    assert result(replace(wanted, present=False), before, made)["extra_privileges"] == {}


def test_tells_what_a_narrower_grant_takes_away() -> None:
    grants = {Scope("usage%"): frozenset({"SELECT", "DELETE"})}
    before = current({APP: CurrentAccount(PLUGIN, grants=grants)})
    wanted = DesiredAccount(APP, privileges={Scope(r"usage\_data"): ("SELECT",)})
    warning = plan([wanted], before).warnings[0]
    assert warning.startswith("app@10.%: on usage_data.* the new grant counts instead of that on ")
    assert "usage%.*" in warning and "it no longer has DELETE there" in warning
    enough = replace(wanted, privileges={Scope(r"usage\_data"): ("SELECT", "DELETE")})
    assert not any("no longer" in text for text in plan([enough], before).warnings)


def test_without_schema_patterns() -> None:
    before = current({APP: CurrentAccount(PLUGIN)}, schema_patterns=False)
    wanted = DesiredAccount(APP, privileges={Scope(r"usage\_data"): ("SELECT",)})
    (step,) = plan([wanted], before).steps
    assert step.value.scope == Scope("usage_data")
    with pytest.raises(Refused, match=r"tenant_%\.\* is no pattern on this server, .* list the"):
        plan([replace(wanted, privileges={Scope(r"tenant\_%"): ("SELECT",)})], before)


def test_drops() -> None:
    before = current({APP: CurrentAccount(PLUGIN), ROOT: CurrentAccount("auth_socket")})
    gone = DesiredAccount(APP, present=False)
    (step,) = plan([gone], before).steps
    assert (step.action, step.value.account, step.after) == (DROP, APP, None)
    assert not plan([gone], current()).changed
    with pytest.raises(Refused, match="root@localhost is the account that this run is logged in"):
        plan([DesiredAccount(ROOT, present=False)], before)


def test_all_problems_at_once() -> None:
    desired = [
        DesiredAccount(Account("a", "%"), privileges={Scope("s"): ("SELEKT", "BINLOG_ADMIN")}),
        DesiredAccount(ROOT, present=False),
    ]
    before = current({ROOT: CurrentAccount("auth_socket")}, problems=("a name that is too long",))
    with pytest.raises(Refused) as refusal:
        plan(desired, before)
    assert refusal.value.problems == [
        "a name that is too long",
        "a@% does not exist, and an account without a password is never created; give it a "
        "password.",
        "a@%: 'SELEKT' is no privilege of this mysql server; did you mean SELECT?",
        "a@%: BINLOG ADMIN cannot be granted on s.*, only on *.*.",
        "root@localhost is the account that this run is logged in as; log in as another to drop "
        "it.",
    ]
