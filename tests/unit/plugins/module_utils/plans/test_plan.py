"""Steps and plans: what is shown of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret


def test_an_empty_plan_changes_and_shows_nothing() -> None:
    assert not Plan().changed
    assert not Plan(warnings=("look",)).changed
    assert Plan().diff() == {"before": {}, "after": {}}


def test_the_diff_of_a_thing_is_its_first_before_and_its_last_after() -> None:
    made = Plan(
        (
            Step("stop", "channel w1", {"running": "yes"}, {"running": "no"}),
            Step("create", "channel w2", None, {"running": "no"}),
            Step("start", "channel w1", {"running": "no"}, {"running": "yes", "port": "1"}),
            Step("remove", "channel w3", {"running": "no"}, None),
        )
    )
    assert made.changed
    assert made.diff() == {
        "before": {"channel w1": {"running": "yes"}, "channel w2": None}
        | {"channel w3": {"running": "no"}},
        "after": {"channel w1": {"running": "yes", "port": "1"}}
        | {"channel w2": {"running": "no"}, "channel w3": None},
    }


def test_a_step_that_shows_nothing_is_still_a_change() -> None:
    made = Plan((Step("flush", "server"),))
    assert made.changed and made.diff() == {"before": {}, "after": {}}


def test_things_of_one_name_on_two_servers_are_two() -> None:
    made = Plan(
        (
            Step("create", "table a.t", None, {"rows": 1}, server="target"),
            Step("drop", "table a.t", {"rows": 1}, None, server="source"),
            Step("create", "table a.t", None, {"rows": 2}),
        )
    )
    assert made.diff() == {
        "before": {"table a.t on target": None, "table a.t on source": {"rows": 1}}
        | {"table a.t": None},
        "after": {"table a.t on target": {"rows": 1}, "table a.t on source": None}
        | {"table a.t": {"rows": 2}},
    }


def test_a_diff_does_not_share_the_states_of_its_steps() -> None:
    before = {"running": "yes"}
    made = Plan((Step("stop", "channel w1", before, {"running": "no"}),))
    made.diff()["before"]["channel w1"]["running"] = "changed"
    assert before == {"running": "yes"}


@given(st.text(), st.text())
def test_the_value_of_a_step_is_not_shown(one: str, other: str) -> None:
    def shown(secret: str) -> str:
        step = Step("change", "channel w1", {"a": "1"}, {"a": Secret(secret)}, Secret(secret))
        bare = Step("change", "channel w1", None, {"a": "2"}, secret)
        made = Plan((step, bare))
        return f"{step} {made} {made!r} {made.diff()}"

    assert shown(one) == shown(other)
