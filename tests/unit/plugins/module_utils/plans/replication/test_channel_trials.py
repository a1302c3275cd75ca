"""Which channels log in for a trial before they are changed, and what is told of those."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_trials import (
    Trial,
    problems_of,
    to_try,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    unseen_passwords,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

A = Settings(
    source_host="a", source_port=3306, source_user="u", source_ssl=False, connect_retry_seconds=2
)
OLD, NEW = Secret("old"), Secret("new")
WORKS = ChannelStatus("w1", A, OLD, io_running=True, connected=True, sql_running=True)


def wish(password: Secret | None = OLD, state: str = STARTED, **settings: Any) -> Channel:
    update = settings.pop("update_password", "on_difference")
    return Channel("W1", state, Settings(**settings), password, update)


@pytest.mark.parametrize("state", [PRESENT, STARTED])
def test_a_channel_that_works_is_tried_with_what_changes(state: str) -> None:
    found = to_try([wish(NEW, state, source_host="b", source_ssl=True)], [WORKS])
    settings = replace(A, source_host="b", source_ssl=True)
    changed = ("source_host", "source_ssl", "source_password")
    assert found == {"W1": Trial(settings, NEW, changed)}


@pytest.mark.parametrize(
    ("channel", "status"),
    [
        (wish(source_host="A"), WORKS),
        # No login depends on it.
        (wish(connect_retry_seconds=9), WORKS),
        (wish(NEW, STOPPED, source_user="v"), WORKS),
        (wish(NEW, ABSENT), WORKS),
        # It has nothing to lose.
        (wish(NEW, source_user="v"), replace(WORKS, connected=False)),
        (replace(wish(NEW), name="w2"), WORKS),
    ],
    ids=["nothing", "no login", "stopped", "absent", "not connected", "new"],
)
def test_what_is_not_tried(channel: Channel, status: ChannelStatus) -> None:
    assert to_try([channel], [status]) == {}


@pytest.mark.parametrize(
    ("given", "update", "stored", "tried"),
    [
        (NEW, "on_difference", OLD, NEW),
        (None, "on_difference", OLD, OLD),
        (NEW, "on_create", OLD, OLD),
        (NEW, "on_difference", None, NEW),
        (NEW, "always", None, NEW),
        # The one that the channel goes on using is not known.
        (NEW, "on_create", None, None),
        (None, "on_difference", None, None),
    ],
)
def test_the_password_is_the_one_that_the_channel_will_use(
    given: Secret | None, update: str, stored: Secret | None, tried: Secret | None
) -> None:
    channel = wish(given, source_user="v", update_password=update)
    found = to_try([channel], [replace(WORKS, password=stored)])
    assert [trial.password for trial in found.values()] == [tried]


def test_what_is_told() -> None:
    trial = Trial(A, OLD, ("source_user", "source_ssl"))
    trials = {"w2": trial, "w1": trial, "w3": replace(trial, password=None)}
    two, three = problems_of(trials, {"w2": "error 1045: denied"})
    assert two.startswith(
        "channel w2 is connected, and would be stopped for source_user, source_ssl, with which its "
        "source refuses the login: error 1045: denied. It keeps running unchanged."
    )
    assert "w3" in three and "give the source_password" in three
    assert problems_of({"w1": trial}, {}) == []


@pytest.mark.parametrize(
    ("channel", "status", "told"),
    [
        (wish(NEW), replace(WORKS, password=None), True),
        (wish(NEW), replace(WORKS, password=None, io_fault=Fault(2003, "refused")), True),
        (wish(NEW), WORKS, False),
        (wish(None), replace(WORKS, password=None), False),
        (wish(NEW, update_password="always"), replace(WORKS, password=None), False),
        (wish(NEW, update_password="on_create"), replace(WORKS, password=None), False),
        (wish(NEW, ABSENT), replace(WORKS, password=None), False),
        (replace(wish(NEW), name="w2"), replace(WORKS, password=None), False),
    ],
)
def test_a_password_that_nobody_sees_is_told(
    channel: Channel, status: ChannelStatus, told: bool
) -> None:
    assert bool(unseen_passwords([channel], [status])) is told
