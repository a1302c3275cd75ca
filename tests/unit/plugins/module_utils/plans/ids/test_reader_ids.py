"""What follows from what read servers say of a write server's ids."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids.reader_ids import (
    next_ids,
    problems_of,
    taken,
    unknown,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdColumn
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)

PAIR = Autoinc(20, 2)
CALLS, EVENTS = UsageTable("usage_data", "calls"), UsageTable("usage_data", "events")
COLUMN = IdColumn("usage_data", "calls", "id", "bigint(20)", 43, "PRIMARY", 42, 3)
NAME = "usage_data.calls"


def test_what_a_server_gives_next() -> None:
    assert next_ids([CALLS, EVENTS], [COLUMN], PAIR, {}) == {NAME: 62, "usage_data.events": 2}
    floors = {NAME: 62, "usage_data.events": 0}
    assert next_ids([CALLS, EVENTS], [COLUMN], PAIR, floors)[NAME] == 82
    assert next_ids([CALLS], [COLUMN], PAIR, {NAME: 5})[NAME] == 62
    assert next_ids([CALLS], [], PAIR, {NAME: 100}) == {NAME: 102}


def test_only_what_would_be_given_again_is_taken() -> None:
    none, below, same = (IdsOnReader("r1", NAME, one) for one in (None, 42, 62))
    assert taken([none, below, same], {NAME: 62}) == [same]
    assert problems_of([none, below], {NAME: 62}, PAIR) == []


def test_a_refusal_names_the_value() -> None:
    found = [
        IdsOnReader("r1", NAME, 82, 122),
        IdsOnReader("r2", NAME, 102, 142),
        IdsOnReader("r2", "usage_data.events", 2),
    ]
    refusals = problems_of(found, {NAME: 62, "usage_data.events": 2}, PAIR)
    calls, events = map(str, refusals)
    assert (
        "usage_data.calls: this server's next id is 62, and ids of its class (2 modulo 20) exist "
        "already up to 122 on read server r1, up to 142 on read server r2." in calls
    )
    assert calls.endswith("with next_id_above: {usage_data.calls: 142}.")
    assert "exist already up to at least 2 on read server r2." in events
    assert events.endswith(
        "with next_id_above: the highest id could not be read in time, look it up there."
    )


def test_what_is_unknown_is_one_warning() -> None:
    assert unknown([IdsOnReader("r1", NAME, 82)]) == []
    found = [
        IdsOnReader("r1", NAME, unknown="no answer"),
        IdsOnReader("r1", "usage_data.events", unknown="no answer"),
        IdsOnReader("r2", NAME, unknown="denied"),
    ]
    (warning,) = unknown(found)
    assert (
        "r1: no answer (usage_data.calls, usage_data.events); r2: denied (usage_data.calls)."
        in warning
    )
