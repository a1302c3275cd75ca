"""From any increment and offset to the desired ones, on a simulated server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.autoinc import (
    END_SESSION,
    PERSIST_IN_FILE,
    SET,
    CurrentAutoinc,
    DesiredAutoinc,
    file_text,
    is_set,
    judged_by,
    mark_in,
    marked,
    pair_in,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.autoinc import (
    plan as full_plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.id_columns import RAISE
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    END,
    REPORT,
    WAIT,
    ConnectionMark,
    Session,
    StalePolicy,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.start_options import (
    StartOption,
    StartOptions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused

DESIRED = DesiredAutoinc(
    Autoinc(20, 2), StalePolicy(REPORT, 30), IdLimits(True, (), 1000, 90, False)
)
FRESH = CurrentAutoinc(Autoinc(1, 1), True)
SESSION = Session(7, "app", "10.0.0.1", 5)
CALLS = IdColumn("usage_data", "calls", "id", "bigint(20)", 43, "PRIMARY", 42, 3)


def plan(pair: Autoinc, current: CurrentAutoinc) -> Plan:
    """Plan for a pair alone, whatever it was before."""
    return full_plan(replace(DESIRED, pair=pair, force=True), current)


PATH = "/etc/mysql/95-autoinc.cnf"
# Few numbers, so that what is there often fits already.
pairs = st.builds(Autoinc, st.integers(1, 4), st.integers(1, 4))
first_line = file_text(Autoinc(1, 1)).splitlines(keepends=True)[0]
texts = st.one_of(
    st.none(),
    st.text(" \t\n", max_size=3),
    # What somebody has left of this module's own file.
    st.text(max_size=20).map(lambda text: first_line + text),
    pairs.map(file_text),
)
currents = st.one_of(
    st.builds(CurrentAutoinc, pairs, st.just(True), st.none() | pairs, st.none()),
    st.builds(
        CurrentAutoinc,
        pairs,
        st.just(False),
        st.none(),
        st.none() | texts.map(lambda text: ConfigFile(PATH, text)),
    ),
)


def take(made: Plan, current: CurrentAutoinc) -> CurrentAutoinc:
    """Do what the steps say, from their values alone."""
    for step in made.steps:
        if step.action == PERSIST_IN_FILE:
            assert isinstance(step.value, ConfigFile) and current.file is not None
            assert step.value.path == current.file.path
            current = replace(current, file=step.value)
        else:
            assert step.action == SET
            stored = step.value if current.has_persist else None
            current = replace(current, running=step.value, stored=stored)
    return current


def at_next_start(current: CurrentAutoinc) -> Autoinc | None:
    """Read what a restart brings: what is stored, or what stands in the file."""
    if current.has_persist:
        return current.stored
    if current.file is None or current.file.text is None:
        return None
    values = dict(
        line.split(" = ")
        for line in current.file.text.splitlines()
        if " = " in line and not line.startswith("#")
    )
    return Autoinc(int(values["auto_increment_increment"]), int(values["auto_increment_offset"]))


@given(pairs, currents)
def test_one_run_reaches_the_target_and_a_second_changes_nothing(
    desired: Autoinc, current: CurrentAutoinc
) -> None:
    made = plan(desired, current)
    after = take(made, current)
    assert after.running == desired
    if current.has_persist or current.file is not None:
        assert at_next_start(after) == desired
    assert not plan(desired, after).changed


@given(pairs, currents)
def test_nothing_that_fits_is_touched(desired: Autoinc, current: CurrentAutoinc) -> None:
    actions = [step.action for step in plan(desired, current).steps]
    file_fits = current.file is None or current.file.text == file_text(desired)
    server_fits = current.running == desired
    if current.has_persist:
        server_fits = server_fits and current.stored == desired
    expected = ([] if server_fits else [SET]) + ([] if file_fits else [PERSIST_IN_FILE])
    assert actions == expected


@given(pairs, currents)
def test_the_diff_tells_what_is_and_what_will_be(desired: Autoinc, current: CurrentAutoinc) -> None:
    made = plan(desired, current)
    diff = made.diff()
    after = plan(desired, take(made, current))
    assert not after.changed
    for side, pair in (("before", current.running), ("after", desired)):
        if "server" in diff[side]:
            shown = diff[side]["server"]
            assert (shown["increment"], shown["offset"]) == (pair.increment, pair.offset)
    if PATH in diff["after"]:
        assert diff["after"][PATH] == {"text": file_text(desired)}
        assert current.file is not None
        text = current.file.text
        assert diff["before"][PATH] == (None if text is None else {"text": text})


@given(st.text(min_size=1).filter(str.strip))
def test_a_file_of_somebody_else_is_refused(text: str) -> None:
    current = CurrentAutoinc(Autoinc(20, 2), False, None, ConfigFile(PATH, text))
    with pytest.raises(Refused, match="95-autoinc.cnf was not written by this module"):
        plan(Autoinc(20, 2), current)


def test_a_server_that_would_restart_with_other_ids_is_changed() -> None:
    desired = Autoinc(20, 2)
    for stored in (None, Autoinc(20, 1)):
        made = plan(desired, CurrentAutoinc(desired, True, stored))
        assert [step.action for step in made.steps] == [SET]
        assert made.diff()["before"]["server"]["persisted"] == (
            None if stored is None else {"increment": 20, "offset": 1}
        )


def having(increment: int, offset: int) -> CurrentAutoinc:
    """A server that has been given a pair, and has it."""
    pair = Autoinc(increment, offset)
    return CurrentAutoinc(pair, True, pair)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ((3, 2), (3, 2), True),
        ((3, 2), (6, 2), True),
        ((3, 2), (6, 5), True),
        ((3, 3), (6, 6), True),
        ((1, 1), (20, 7), True),
        ((3, 2), (6, 1), False),
        ((3, 2), (4, 2), False),
        ((3, 2), (5, 2), False),
        ((6, 2), (3, 2), False),
        ((3, 2), (3, 1), False),
        ((3, 5), (6, 5), False),
    ],
)
def test_an_increment_is_only_multiplied(
    old: tuple[int, int], new: tuple[int, int], allowed: bool
) -> None:
    desired = replace(DESIRED, pair=Autoinc(*new))
    if allowed:
        assert full_plan(desired, having(*old)).changed == (old != new)
    else:
        with pytest.raises(Refused, match="force: true"):
            full_plan(desired, having(*old))
    assert full_plan(replace(desired, force=True), having(*old)).changed == (old != new)


def test_what_a_server_was_given_counts_not_what_it_has_drifted_to() -> None:
    stored = Autoinc(20, 2)
    drifted = CurrentAutoinc(Autoinc(7, 3), True, stored)
    assert drifted.given == stored and full_plan(DESIRED, drifted).changed
    with pytest.raises(Refused, match="has increment 20 and offset 2; with increment 7"):
        full_plan(replace(DESIRED, pair=Autoinc(7, 3)), drifted)
    file = ConfigFile(PATH, file_text(stored))
    assert CurrentAutoinc(Autoinc(7, 3), False, None, file).given == stored
    for text in (None, "", "[mysqld]\nauto_increment_increment = 9\nauto_increment_offset = 1\n"):
        strange = CurrentAutoinc(Autoinc(7, 3), False, None, ConfigFile(PATH, text))
        assert strange.given == Autoinc(7, 3)


def test_what_sets_the_pair_itself_is_left_alone() -> None:
    for desired in (DESIRED, replace(DESIRED, force=True)):
        with pytest.raises(Refused, match="^Galera sets this server's increment and offset"):
            full_plan(desired, replace(FRESH, controlled_by="Galera"))


@given(pairs, st.integers(0, 2**63), st.integers(0, 2**40))
def test_a_note_of_old_connections_is_read_back_and_changes_nothing(
    pair: Autoinc, newest: int, started: int
) -> None:
    mark = ConnectionMark(newest, started)
    file = marked(ConfigFile(PATH, file_text(pair)), mark)
    assert mark_in(file) == mark and pair_in(file) == pair
    current = CurrentAutoinc(pair, False, None, file)
    assert is_set(pair, current) and not plan(pair, current).changed
    assert at_next_start(current) == pair
    # Before another pair, the note is not shown as something that goes.
    other = plan(Autoinc(9, 9), current)
    assert other.diff()["before"][PATH] == {"text": file_text(pair)}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# Connections up to x of the start at 5 may number with older values.\n",
        "# Connections up to 5 may number with older values.\n",
        "# Connections up to 5 of the start at 6\n",
    ],
)
def test_other_text_is_no_note(text: str | None) -> None:
    assert mark_in(ConfigFile(PATH, text)) is None and mark_in(None) is None


def test_a_pair_is_set_when_it_runs_and_will_run() -> None:
    pair = Autoinc(20, 2)
    assert is_set(pair, CurrentAutoinc(pair, True))
    assert not is_set(pair, CurrentAutoinc(Autoinc(20, 1), True))
    assert not is_set(pair, CurrentAutoinc(pair, False, None, ConfigFile(PATH, None)))


def test_sessions_are_named_waited_for_or_ended() -> None:
    current = replace(FRESH, sessions=(SESSION, replace(SESSION, id=9)))
    reported = full_plan(DESIRED, current)
    assert [step.action for step in reported.steps] == [SET]
    (warning,) = reported.warnings
    assert "7 (app@10.0.0.1), 9 (app@10.0.0.1)" in warning
    waited = full_plan(replace(DESIRED, stale=StalePolicy(WAIT, 30)), current)
    assert [step.action for step in waited.steps] == [SET] and waited.warnings == ()
    ended = full_plan(replace(DESIRED, stale=StalePolicy(END, 30)), current)
    assert [step.action for step in ended.steps] == [SET, END_SESSION, END_SESSION]
    assert [step.value.id for step in ended.steps[1:]] == [7, 9] and ended.warnings == ()
    assert ended.diff()["before"]["session 7"] == {"user": "app", "host": "10.0.0.1"}
    assert ended.diff()["after"]["session 7"] is None


def test_counters_are_raised_before_anything_is_numbered() -> None:
    desired = replace(DESIRED, next_id_above={"usage_data.calls": 1000})
    made = full_plan(desired, replace(FRESH, columns=(CALLS,)))
    assert [step.action for step in made.steps] == [RAISE, SET]


def test_ids_warn_or_fail_and_a_full_type_always_fails() -> None:
    foreign = replace(CALLS, foreign=2, sample=(41, 21))
    current = replace(FRESH, columns=(foreign,))
    (warning,) = full_plan(DESIRED, current).warnings
    limits = DESIRED.limits
    with pytest.raises(Refused) as refusal:
        full_plan(replace(DESIRED, limits=replace(limits, fail_on_foreign=True)), current)
    assert refusal.value.problems == [warning]
    full = replace(FRESH, columns=(replace(CALLS, type="tinyint", counter=120),))
    with pytest.raises(Refused, match="of the range of column id"):
        full_plan(DESIRED, full)
    # Columns outside the schemas are there for their floors only.
    elsewhere = replace(DESIRED, limits=replace(limits, schemas=("other",)))
    assert full_plan(elsewhere, full).changed and not full_plan(elsewhere, current).warnings
    off = replace(DESIRED, limits=replace(limits, enabled=False))
    assert full_plan(off, full).changed and not full_plan(off, current).warnings


@pytest.mark.parametrize(
    ("old", "new", "earlier", "judge"),
    [
        ((1, 1), (20, 2), None, (20, 2)),
        ((20, 2), (20, 2), None, (20, 2)),
        ((20, 2), (40, 22), None, (20, 2)),
        ((20, 20), (40, 40), None, (20, 20)),
        ((40, 22), (40, 22), 20, (20, 2)),
        ((40, 40), (40, 40), 20, (20, 20)),
        ((3, 1), (20, 2), None, (20, 2)),
    ],
)
def test_ids_from_before_a_multiplication_are_the_servers_own(
    old: tuple[int, int], new: tuple[int, int], earlier: int | None, judge: tuple[int, int]
) -> None:
    desired = replace(DESIRED, pair=Autoinc(*new), earlier_increment=earlier)
    assert judged_by(desired, having(*old)) == Autoinc(*judge)


def test_ids_that_read_servers_have_are_refused() -> None:
    desired = replace(DESIRED, usage_tables=(UsageTable("usage_data", "calls"),))
    current = replace(FRESH, columns=(CALLS,))
    healthy = replace(current, on_readers=(IdsOnReader("r1", CALLS.table_name, 42),))
    assert full_plan(desired, healthy).changed
    with pytest.raises(Refused) as refused:
        full_plan(
            desired, replace(current, on_readers=(IdsOnReader("r1", CALLS.table_name, 62, 82),))
        )
    assert "next_id_above: {usage_data.calls: 82}" in str(refused.value)
    # A floor is what it says, also of a table that is made later.
    floor = replace(desired, next_id_above={CALLS.table_name: 82})
    emptied = replace(FRESH, on_readers=(IdsOnReader("r1", CALLS.table_name, 62, 82),))
    assert full_plan(floor, emptied).changed
    unknown = replace(current, on_readers=(IdsOnReader("r1", CALLS.table_name, unknown="denied"),))
    assert "r1: denied" in full_plan(desired, unknown).warnings[-1]


FILE = ConfigFile(PATH, file_text(DESIRED.pair))
GIVEN = CurrentAutoinc(DESIRED.pair, False, file=FILE)


def option(name: str, value: str, where: str) -> StartOption:
    return StartOption(f"auto_increment_{name}", value, where)


OWN = (option("increment", "20", f"{PATH}, line 4"), option("offset", "2", f"{PATH}, line 5"))


def problem(current: CurrentAutoinc) -> str:
    with pytest.raises(Refused) as refused:
        full_plan(DESIRED, current)
    (said,) = refused.value.problems
    return said


def test_a_file_that_is_read_is_left_alone() -> None:
    start = StartOptions(OWN, ("/etc/my.cnf", PATH))
    assert full_plan(DESIRED, replace(GIVEN, start=start)) == Plan()
    # Whoever sets the pair elsewhere needs no file.
    elsewhere = tuple(replace(one, where="its command line") for one in OWN)
    assert full_plan(DESIRED, replace(GIVEN, start=StartOptions(elsewhere))) == Plan()


def test_what_is_read_later_is_named() -> None:
    later = option("increment", "2", "/etc/zz.cnf, line 7")
    said = problem(replace(GIVEN, start=StartOptions((*OWN, later), ("/etc/my.cnf", PATH))))
    assert said.startswith(
        f"persist_file {PATH}: at its next start this server would still have increment 2 "
        "and offset 2: /etc/zz.cnf, line 7 has auto_increment_increment = 2. "
    )


def test_a_file_that_is_not_read_is_told_with_the_reason() -> None:
    start = StartOptions((), ("/etc/my.cnf",), passed_over=("a.cnf is passed over",))
    said = problem(replace(GIVEN, start=start))
    assert (
        "would still have increment 1 and offset 1: a.cnf is passed over; it does not read "
        "this file; it reads /etc/my.cnf. " in said
    )
    assert "it reads none. " in problem(replace(GIVEN, start=StartOptions()))


def test_what_sets_the_pair_after_all_options_is_refused() -> None:
    start = StartOptions(OWN, (PATH,), sets_pair="init_file /a.sql sets it")
    assert problem(replace(GIVEN, start=start)).startswith("init_file /a.sql sets it, whatever")


def test_what_limits_the_pair_is_refused() -> None:
    limit = StartOption("maximum_auto_increment_increment", "5", "its command line")
    said = problem(replace(GIVEN, start=StartOptions((*OWN, limit), (PATH,))))
    assert said == (
        "This server cannot have increment 20 and offset 2: its command line has "
        "maximum_auto_increment_increment = 5. Remove that, and restart it."
    )


def test_what_is_not_known_of_a_start_is_a_warning() -> None:
    (warning,) = full_plan(DESIRED, replace(GIVEN, start=StartOptions(unknown="far"))).warnings
    assert "is unknown: far. Make sure that persist_file is read after all others" in warning
    stores = CurrentAutoinc(DESIRED.pair, True, DESIRED.pair)
    (warning,) = full_plan(DESIRED, replace(stores, start=StartOptions(unknown="far"))).warnings
    assert "Make sure that the pair stored with SET PERSIST is loaded" in warning
    proven = replace(stores, start=StartOptions(unknown="far", proven=True))
    assert full_plan(DESIRED, proven) == Plan()
    said = problem(replace(stores, start=StartOptions(unknown="far", proven=False)))
    assert "(persisted_globals_load is OFF)" in said


def test_a_server_that_does_not_load_what_it_stores_is_refused() -> None:
    stores = CurrentAutoinc(DESIRED.pair, True, DESIRED.pair)
    load = StartOption("persisted_globals_load", "OFF", "/etc/my.cnf, line 2")
    said = problem(replace(stores, start=StartOptions((load,))))
    assert (
        "would have increment 1 and offset 1, and not the pair that it has stored with SET PERSIST"
        in said
    )
    assert "persisted_globals_load = OFF in /etc/my.cnf, line 2. " in said
    assert full_plan(DESIRED, replace(stores, start=StartOptions((load, *OWN)))) == Plan()


def test_a_pair_that_nobody_has_given_is_told() -> None:
    drifted = replace(GIVEN, running=Autoinc(2, 1), origin="/etc/zz.cnf")
    change = full_plan(DESIRED, replace(drifted, start=StartOptions(OWN, (PATH,))))
    (warning,) = change.warnings
    assert change.changed and warning.startswith(
        "This server ran with increment 2 and offset 1 (from /etc/zz.cnf), and not with 20 and "
        "2, which had been set. "
    )
    by_hand = replace(drifted, origin="", start=StartOptions(OWN, (PATH,)))
    assert "offset 1, and not with" in full_plan(DESIRED, by_hand).warnings[0]
    # A run that was interrupted between its two steps is nobody's fault.
    old = replace(GIVEN, file=ConfigFile(PATH, file_text(Autoinc(10, 2))))
    assert full_plan(DESIRED, replace(old, start=StartOptions(OWN, (PATH,)))).warnings == ()
