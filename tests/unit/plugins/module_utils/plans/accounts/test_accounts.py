"""Plans for accounts, taken on a simulated server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.account_steps import (
    ALTER,
    CREATE,
    DEFAULT_ROLES,
    DROP,
    GRANT,
    GRANT_ROLES,
    REVOKE,
    REVOKE_ROLES,
    Credentials,
    CurrentAccounts,
    Grant,
    RoleGrant,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.accounts.accounts import (
    plan,
    result,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
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


READER, WRITER = Account("reader", "%"), Account("writer", "%")
LIMITS = frozenset({"max_user_connections", "max_queries_per_hour"})


def current(accounts: dict[Account, CurrentAccount] | None = None, **more: Any) -> CurrentAccounts:
    return CurrentAccounts(accounts or {}, WORDS, ROOT, PLUGIN, **{"limits": LIMITS, **more})


def granted(**grants: str) -> dict[Scope, frozenset[str]]:
    return {Scope(schema): frozenset(words.split(",")) for schema, words in grants.items()}


def take(made: Plan, before: CurrentAccounts) -> CurrentAccounts:
    """Do what the steps say, as a server would: from their values alone."""
    accounts = dict(before.accounts)
    for step in made.steps:
        account = step.value.account
        if isinstance(step.value, Grant):
            assert step.value.privileges
            grants = dict(accounts[account].grants)
            # The server knows its own spelling only; a column comes after the word.
            words = {w if "(" in w else canonical(w) for w in step.value.privileges}
            plain = {w for w in step.value.privileges if "(" not in w}
            assert plain <= set(WORDS.spelling.values())
            held = grants.pop(step.value.scope, frozenset())
            assert step.action == GRANT or words <= held
            left = held | words if step.action == GRANT else held - words
            if step.action == REVOKE:
                # What goes from a table goes from its columns, too.
                left = frozenset(w for w in left if w.split(" (")[0] not in words)
            if left:
                grants[step.value.scope] = left
            accounts[account] = replace(accounts[account], grants=grants)
        elif isinstance(step.value, RoleGrant):
            accounts[account] = _with_roles(accounts[account], step)
        elif step.action == DROP:
            del accounts[account]
        else:
            accounts[account] = _with_credentials(accounts.get(account), step)
    return replace(before, accounts=accounts)


def _with_roles(found: CurrentAccount, step: Any) -> CurrentAccount:
    named = frozenset(step.value.roles)
    if step.action == DEFAULT_ROLES:
        assert named <= found.roles
        return replace(found, default_roles=named)
    if step.action == GRANT_ROLES:
        return replace(found, roles=found.roles | named)
    assert step.action == REVOKE_ROLES and named <= found.roles
    # MariaDB keeps a default role that is gone, and a login with it fails.
    assert not named & found.default_roles
    return replace(found, roles=found.roles - named)


def _with_credentials(found: CurrentAccount | None, step: Any) -> CurrentAccount:
    value: Credentials = step.value
    assert (step.action == CREATE) == (found is None)
    made = found or CurrentAccount("none")
    if step.action == CREATE:
        assert value.password
    if value.password:
        assert value.password == PASSWORD
        made = replace(made, plugin=PLUGIN, password_matches=True, other_methods=value.keep_methods)
        made = replace(made, has_password=True)
    if value.keep_old:
        assert found and found.has_password and value.password
        made = replace(made, has_old_password=True)
    elif value.discard_old:
        assert found and found.has_old_password
        made = replace(made, has_old_password=False)
    elif value.password:
        assert not made.has_old_password
    limits = {**made.limits, **value.limits}
    made = replace(made, limits={name: limit for name, limit in limits.items() if limit})
    if value.locked is not None:
        made = replace(made, locked=value.locked)
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
    on_columns = () if scope.table is None else ("SELECT (a)", "update (A, `b c`)")
    known = [*here, "ALL", "USAGE", *on_columns]
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
    revoke_unlisted=st.booleans(),
    roles=st.sampled_from([None, (), (READER,), (READER, WRITER)]),
    default_roles=st.sampled_from([None, (), (READER,)]),
    limits=st.dictionaries(st.sampled_from(sorted(LIMITS)), st.sampled_from([0, 5, 7])),
    locked=st.sampled_from([None, True, False]),
    old_password=st.sampled_from([None, "keep", "discard"]),
)
HELD = st.lists(
    st.sampled_from([canonical(word) for word in GLOBAL_WORDS] + ["SELECT (a)", "UPDATE (a)"]),
    min_size=1,
).map(frozenset)
CURRENT = st.builds(
    CurrentAccount,
    plugin=st.sampled_from([PLUGIN, "sha256_password", "auth_socket"]),
    password_matches=st.booleans(),
    tls=st.sampled_from(["", "ANY", "X509", "SPECIFIED"]),
    grants=by_scope(lambda _rest: HELD),
    other_methods=st.sampled_from([(), ("unix_socket",), (PLUGIN,)]),
    has_password=st.booleans(),
    has_old_password=st.booleans(),
    limits=st.dictionaries(st.sampled_from(sorted(LIMITS)), st.just(7)),
    locked=st.booleans(),
    roles=st.sampled_from([frozenset(), frozenset({READER}), frozenset({READER, WRITER})]),
    proxied=st.sampled_from([(), ("root@localhost",)]),
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
    before = current(
        accounts, schema_patterns=schema_patterns, known_roles=frozenset({READER, WRITER})
    )
    try:
        made = plan(desired, before)
    except Refused as refusal:
        said = str(refusal)
        known = (
            "logged in as",
            "not a pattern on",
            "not one of its roles",
            "can be kept together with",
        )
        assert any(text in said for text in known), said
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
        # A column is the same however its letters are written.
        lowered = [{word.lower() for word in one} for one in held]
        assert not meant or any({word.lower() for word in meant} <= one for one in lowered)
    if wanted.revoke_unlisted and wanted.privileges is not None:
        listed = {str(scope) for scope in wanted.privileges}
        assert {str(scope) for scope in found.grants} <= listed
    elif was:
        assert all(words <= found.grants[scope] for scope, words in was.grants.items())
    if wanted.roles is not None:
        assert found.roles >= set(wanted.roles)
        assert not wanted.revoke_unlisted or found.roles == set(wanted.roles)
    if wanted.default_roles is not None:
        assert found.default_roles == set(wanted.default_roles)
    if wanted.locked is not None:
        assert found.locked == wanted.locked
    assert all(found.limits.get(name, 0) == limit for name, limit in wanted.limits.items())
    if wanted.old_password == "discard":
        assert not found.has_old_password
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


def test_the_tables_of_accounts_are_named_as_the_server_names_them() -> None:
    own = Scope("mysql", "global_priv")
    vocabulary = replace(WORDS, objects={Scope("mysql", "global_grants"): own})
    before = replace(current(), vocabulary=vocabulary)
    wanted = DesiredAccount(
        APP,
        password=PASSWORD,
        privileges={Scope("mysql", "global_grants"): ("SELECT",), own: ("INSERT",)},
    )
    made = plan([wanted], before)
    assert [step.value for step in made.steps[1:]] == [Grant(APP, own, ("INSERT", "SELECT"))]
    assert not plan([wanted], take(made, before)).steps


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


def test_privileges_on_columns() -> None:
    table = Scope("usage_data", "calls")
    held = {table: frozenset({"SELECT", "SELECT (b)", "UPDATE (Seconds)"})}
    found = CurrentAccount(PLUGIN, grants=held)
    words = ("SELECT (id, `a b`)", "update (seconds)")
    wanted = DesiredAccount(APP, privileges={table: words})
    at_least = plan([wanted], current({APP: found}))
    assert [(step.action, step.value.privileges) for step in at_least.steps] == [
        (GRANT, ("SELECT (a b)", "SELECT (id)")),
    ]
    # Revoked on the table, SELECT goes from all its columns.
    exactly = plan([replace(wanted, revoke_unlisted=True)], current({APP: found}))
    assert [(step.action, step.value.privileges) for step in exactly.steps] == [
        (REVOKE, ("SELECT", "SELECT (b)")),
        (GRANT, ("SELECT (a b)", "SELECT (id)")),
    ]
    assert exactly.diff()["after"]["app@10.%"]["privileges"] == {
        "usage_data.calls": ["SELECT (a b)", "SELECT (id)", "UPDATE (Seconds)"]
    }


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
        "app@10.% has privileges that are not listed; they are left as they are: BINLOG ADMIN on "
        "*.*; SELECT on common.*; DELETE, INSERT, SELECT on usage_data.*; SELECT (a) on "
        "usage_data.t.",
    )
    assert plan([replace(wanted, privileges=None)], before).warnings == ()
    assert result(replace(wanted, present=False), before, made)["extra_privileges"] == {}


def test_tells_what_a_narrower_grant_takes_away() -> None:
    grants = {Scope("usage%"): frozenset({"SELECT", "DELETE"})}
    before = current({APP: CurrentAccount(PLUGIN, grants=grants)})
    wanted = DesiredAccount(APP, privileges={Scope(r"usage\_data"): ("SELECT",)})
    warning = plan([wanted], before).warnings[0]
    assert warning.startswith("app@10.%: on usage_data.* the new grant takes the place of that on ")
    assert "usage%.*" in warning and "the account no longer has DELETE there" in warning
    enough = replace(wanted, privileges={Scope(r"usage\_data"): ("SELECT", "DELETE")})
    assert not any("no longer" in text for text in plan([enough], before).warnings)


def test_without_schema_patterns() -> None:
    before = current({APP: CurrentAccount(PLUGIN)}, schema_patterns=False)
    wanted = DesiredAccount(APP, privileges={Scope(r"usage\_data"): ("SELECT",)})
    (step,) = plan([wanted], before).steps
    assert step.value.scope == Scope("usage_data")
    with pytest.raises(Refused, match=r"tenant_%\.\* is not a pattern on this server, .* list the"):
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
        "a@% does not exist, and accounts are not created without a password; give a password.",
        "a@%: 'SELEKT' is not a privilege of this mysql server; did you mean SELECT?",
        "a@%: BINLOG ADMIN cannot be granted on s.*, only on *.*.",
        "root@localhost is the account that this run is logged in as; log in as another account "
        "to drop it.",
    ]


def test_what_is_not_listed_goes_after_what_is_missing_has_come() -> None:
    grants = {
        Scope(): frozenset({"REPLICATION CLIENT", "GRANT OPTION (BINLOG ADMIN)"}),
        Scope("usage_data"): frozenset({"SELECT"}),
        Scope("usage_data", "t"): frozenset({"SELECT (a)", "GRANT OPTION"}),
        Scope("usage_data", "p", "PROCEDURE"): frozenset({"EXECUTE"}),
    }
    found = CurrentAccount(PLUGIN, grants=grants, proxied=("a@%", "b@%"))
    wanted = DesiredAccount(
        APP, privileges={Scope(r"usage\_data"): ("SELECT",)}, revoke_unlisted=True
    )
    made = plan([wanted], current({APP: found}))
    assert [(step.action, step.value.scope) for step in made.steps] == [
        # Under its own spelling: the wildcard in the other is nothing that was listed.
        (GRANT, Scope(r"usage\_data")),
        *((REVOKE, scope) for scope in grants),
    ]
    assert made.steps[3].value.privileges == ("GRANT OPTION", "SELECT (a)")
    assert made.diff()["after"]["app@10.%"]["privileges"] == {"usage_data.*": ["SELECT"]}
    (warning,) = made.warnings
    assert warning.startswith("app@10.% may act as a@%, b@% (PROXY), which is left as it is")
    assert result(wanted, current({APP: found}), made)["extra_privileges"] == {}
    assert not plan([replace(wanted, privileges=None)], current({APP: found})).changed


def test_the_login_keeps_its_rights() -> None:
    found = CurrentAccount(PLUGIN, grants=granted(common="SELECT"), roles=frozenset({READER}))
    wanted = DesiredAccount(ROOT, privileges={}, roles=(), revoke_unlisted=True, locked=True)
    with pytest.raises(Refused) as refusal:
        plan([wanted], current({ROOT: found}))
    said = "root@localhost is the account that this run is logged in as, and "
    assert refusal.value.problems == [
        f"{said}could not log in again; log in as another account to lock it.",
        f"{said}would lose the roles reader@%; list them, or log in as another account.",
        f"{said}would lose the privileges SELECT on common.*; list them, or log in as another account.",
    ]
    # What is listed is no loss, and a lock that is there is no news.
    unlocked = replace(
        wanted, locked=False, roles=(READER,), privileges={Scope("common"): ("ALL",)}
    )
    assert plan([unlocked], current({ROOT: found}, known_roles=frozenset({READER}))).changed


def test_partial_revokes() -> None:
    found = CurrentAccount(
        PLUGIN,
        grants={Scope(): frozenset({"SELECT"})},
        restrictions={"usage_data": frozenset({"SELECT"})},
    )
    before = current({APP: found}, schema_patterns=False)
    everything = DesiredAccount(APP, privileges={Scope(): ("SELECT",)})
    made = plan([everything], before)
    assert not made.changed and "excludes SELECT on usage_data.* from what" in made.warnings[0]
    with pytest.raises(Refused, match=r"a partial revoke removes SELECT on usage_data\.\*"):
        plan([replace(everything, privileges={Scope(r"usage\_data"): ("SELECT",)})], before)
    assert plan([replace(everything, privileges=None)], before).warnings == ()


def test_roles_are_made_first_and_dropped_last() -> None:
    desired = [
        DesiredAccount(Account("old", "%"), present=False, is_role=True),
        DesiredAccount(APP, password=PASSWORD, roles=(WRITER, READER), default_roles=(READER,)),
        DesiredAccount(READER, is_role=True, privileges={Scope("common"): ("SELECT",)}),
    ]
    held = {Account("old", "%"): CurrentAccount(PLUGIN, is_role=True)}
    before = current(held, known_roles=frozenset({WRITER}))
    made = plan(desired, before)
    assert [(step.action, step.target) for step in made.steps] == [
        (CREATE, "reader@%"),
        (CREATE, "app@10.%"),
        (GRANT_ROLES, "app@10.%"),
        (DEFAULT_ROLES, "app@10.%"),
        (GRANT, "reader@%"),
        (DROP, "old@%"),
    ]
    assert made.steps[2].value == RoleGrant(APP, (READER, WRITER))
    assert made.diff()["after"]["reader@%"] == {"privileges": {"common.*": ["SELECT"]}}
    shown = made.diff()["after"]["app@10.%"]
    assert (shown["roles"], shown["default_roles"]) == (["reader@%", "writer@%"], ["reader@%"])


def test_roles_that_are_not_listed() -> None:
    roles = frozenset({READER, WRITER})
    found = CurrentAccount(PLUGIN, roles=roles, default_roles=roles)
    before = current({APP: found}, known_roles=roles)
    wanted = DesiredAccount(APP, roles=(READER,))
    told = plan([wanted], before)
    assert not told.changed and "has roles that are not listed; they are left" in told.warnings[0]
    assert result(wanted, before, told)["extra_roles"] == ["writer@%"]
    exact = replace(wanted, revoke_unlisted=True)
    made = plan([exact], before)
    assert [(step.action, step.value.roles) for step in made.steps] == [
        (DEFAULT_ROLES, (READER,)),
        (REVOKE_ROLES, (WRITER,)),
    ]
    assert result(exact, before, made)["extra_roles"] == []
    handing_on = current({APP: replace(found, admin_roles=roles)}, known_roles=roles)
    warning = plan([exact], handing_on).warnings[0]
    assert warning.startswith(
        "app@10.% may grant reader@% to others (WITH ADMIN OPTION), which is left"
    )
    # The roles are not what it is exact about.
    assert not plan([replace(exact, roles=None, privileges={})], before).changed


def test_roles_that_cannot_be() -> None:
    lone = DesiredAccount(APP, password=PASSWORD, roles=(READER,), default_roles=(READER, WRITER))
    with pytest.raises(Refused) as refusal:
        plan([lone], current(several_default_roles=False))
    assert refusal.value.problems == [
        "app@10.%: the role reader@% does not exist; create it first, with kind role.",
        "app@10.%: the default role writer@% is not one of its roles; list it in roles as well.",
        "app@10.%: 2 default roles, but mysql allows one; create a role that has all of them.",
    ]
    # One that goes in the same run is gone.
    gone = DesiredAccount(READER, present=False, is_role=True)
    held = {READER: CurrentAccount(PLUGIN, is_role=True)}
    with pytest.raises(Refused, match="the role reader@% does not exist"):
        plan(
            [gone, replace(lone, default_roles=None)],
            current(held, known_roles=frozenset({READER})),
        )


def test_roles_without_hosts() -> None:
    before = current(roles_have_hosts=False, known_roles=frozenset({Account("writer", "")}))
    wanted = DesiredAccount(APP, password=PASSWORD, roles=(READER, WRITER))
    reader = DesiredAccount(READER, is_role=True)
    made = plan([wanted, reader], before)
    assert [step.target for step in made.steps] == ["reader", "app@10.%", "app@10.%"]
    assert made.steps[2].value.roles == (Account("reader", ""), Account("writer", ""))
    assert result(reader, before, made)["host"] == ""
    here = Account("reader", "localhost")
    with pytest.raises(Refused) as refusal:
        plan([replace(wanted, roles=(here,)), replace(reader, account=here)], before)
    assert refusal.value.problems == [
        "reader@localhost: a role has no host on mysql; leave it out.",
        "app@10.%: reader@localhost: a role has no host on mysql; write reader.",
    ]


def test_roles_are_no_users() -> None:
    before = current(
        {READER: CurrentAccount(PLUGIN, is_role=True), APP: CurrentAccount(PLUGIN)},
    )
    with pytest.raises(Refused) as refusal:
        plan([DesiredAccount(READER, locked=False), DesiredAccount(APP, is_role=True)], before)
    assert [problem.split(":")[0] for problem in refusal.value.problems] == [
        "app@10.% is not a role",
        "reader@% is a role",
    ]
    with pytest.raises(Refused, match="is not a role"):
        plan([DesiredAccount(APP, present=False, is_role=True)], before)


def test_limits() -> None:
    found = CurrentAccount(PLUGIN, limits={"max_user_connections": 5.0})
    asked = {"max_user_connections": 5, "max_queries_per_hour": 0}
    assert not plan([DesiredAccount(APP, limits=asked)], current({APP: found})).changed
    asked = {"max_user_connections": 0, "max_queries_per_hour": 9}
    (step,) = plan([DesiredAccount(APP, limits=asked)], current({APP: found})).steps
    assert step.value == Credentials(APP, limits=asked)
    assert step.after and step.after["resource_limits"] == {"max_queries_per_hour": 9}
    with pytest.raises(Refused, match="app@10.%: mysql has no max_statement_time_seconds; leave"):
        plan([DesiredAccount(APP, limits={"max_statement_time_seconds": 1})], current({APP: found}))


def test_lock() -> None:
    open_one = CurrentAccount(PLUGIN)
    (step,) = plan([DesiredAccount(APP, locked=True)], current({APP: open_one})).steps
    assert step.value == Credentials(APP, locked=True)
    assert not plan([DesiredAccount(APP, locked=False)], current({APP: open_one})).changed
    (step,) = plan([DesiredAccount(APP, password=PASSWORD, locked=True)], current()).steps
    assert step.value.locked and step.after and step.after["locked"]


def test_old_passwords() -> None:
    stored = Secret("*hash")
    found = CurrentAccount(PLUGIN, False, stored=stored, other_methods=("unix_socket",))
    keep = DesiredAccount(APP, password=PASSWORD, old_password="keep")
    (step,) = plan([keep], current({APP: found})).steps
    assert step.value == Credentials(
        APP, PASSWORD, keep_methods=("unix_socket",), keep_old=True, stored=stored
    )
    assert step.after and step.after["old_password"] == "kept"
    # There is nothing to keep of an account without a password, whatever its method.
    empty = replace(found, plugin="auth_socket", has_password=False)
    (step,) = plan([keep], current({APP: empty})).steps
    assert step.value == Credentials(APP, PASSWORD, keep_methods=("unix_socket",))
    with pytest.raises(Refused, match="authenticates with sha256_password, and only a password"):
        plan([keep], current({APP: replace(found, plugin="sha256_password")}))

    two = replace(found, has_old_password=True)
    made = plan([keep], current({APP: two}))
    assert made.steps[0].value.keep_old and "is no longer accepted" in made.warnings[0]
    (step,) = plan([replace(keep, old_password=None)], current({APP: two})).steps
    assert (step.value.keep_old, step.value.discard_old) == (False, True)

    same = replace(two, password_matches=True)
    assert not plan([keep], current({APP: same})).changed
    (step,) = plan([DesiredAccount(APP, old_password="discard")], current({APP: same})).steps
    assert step.value == Credentials(
        APP, discard_old=True, stored=stored, keep_methods=("unix_socket",)
    )
    assert "*hash" not in repr(step) + repr(step.value)


def test_accounts_from_other_hosts_are_named_once_for_each_name() -> None:
    wide, local = Account("app", "%"), Account("app", "localhost")
    desired = [
        DesiredAccount(APP, password=PASSWORD),
        DesiredAccount(Account("app", "11.%"), password=PASSWORD),
        DesiredAccount(READER, password=PASSWORD),
    ]
    others = frozenset({wide, local, Account("writer", "%")})
    made = plan(desired, current(from_elsewhere=others))
    (warning,) = made.warnings
    assert warning.startswith(f"app: there is also {wide}, {local}, which is left as it is"), (
        warning
    )
    gone = [DesiredAccount(APP, present=False)]
    assert not plan(gone, current(from_elsewhere=others)).warnings
