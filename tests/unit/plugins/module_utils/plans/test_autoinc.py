"""From any increment and offset to the desired ones, on a simulated server."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.autoinc import (
    PERSIST_IN_FILE,
    SET,
    CurrentAutoinc,
    file_text,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.values.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile

PATH = "/etc/mysql/95-autoinc.cnf"
# Few numbers, so that what is there often fits already.
pairs = st.builds(Autoinc, st.integers(1, 4), st.integers(1, 4))
texts = st.none() | st.text(max_size=20) | pairs.map(file_text)
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
    expected = ([] if file_fits else [PERSIST_IN_FILE]) + ([] if server_fits else [SET])
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


def test_a_server_that_would_restart_with_other_ids_is_changed() -> None:
    desired = Autoinc(20, 2)
    for stored in (None, Autoinc(20, 1)):
        made = plan(desired, CurrentAutoinc(desired, True, stored))
        assert [step.action for step in made.steps] == [SET]
        assert made.diff()["before"]["server"]["persisted"] == (
            None if stored is None else {"increment": 20, "offset": 1}
        )
