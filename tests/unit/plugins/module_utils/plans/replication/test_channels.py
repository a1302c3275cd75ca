"""Plans for channels, taken on a simulated replica that refuses what real ones refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    PERSIST_FILTERS,
    FiltersFile,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    ACCESS_DENIED,
    CHANGE,
    FILTER,
    REMOVE,
    START,
    STOP,
    plan,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    FOR_A_NEW_CHANNEL,
    PRESENT,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    KINDS,
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

DENIED = Fault(ACCESS_DENIED, "Access denied")
STATES = (PRESENT, STARTED, STOPPED, ABSENT)


class ServerSaysNo(Exception):
    """What a real server would have answered with an error."""


class Replica:
    """The channels of a replica, changed by steps as a server changes them.

    The rules are the servers' own: CHANGE and RESET on a running channel fail
    (MySQL 3081, MariaDB 1198), so does CHANGE to a source that another channel
    follows (MariaDB 1934), START or STOP of a channel that is not there, and a
    filter while the channel applies (3085). MariaDB keeps the filters of a
    channel that is removed for the next one of its name.
    """

    def __init__(self, channels: Sequence[ChannelStatus]) -> None:
        self.channels = {status.key: status for status in channels}
        self.passwords = {status.key: status.password for status in channels}
        # MySQL shows stored passwords, MariaDB does not.
        self.shows_passwords = any(status.password for status in channels)
        self.stopped: list[str] = []
        self.kept: dict[str, Filters] = {}
        self.places: dict[str, tuple[str, int]] = {}

    def take(self, made: Plan) -> None:
        for step in made.steps:
            if step.action == CHANGE:
                channel, changes = step.value
                self.change(channel, changes)
            elif step.action == FILTER:
                channel, filters = step.value
                self.filter(channel, filters)
            else:
                {STOP: self.stop, START: self.start, REMOVE: self.remove}[step.action](step.value)

    def stop(self, channel: Channel) -> None:
        self.channels[channel.key] = self._there(channel).stopped()
        self.stopped.append(channel.key)

    def start(self, channel: Channel) -> None:
        status = self._there(channel)
        self.channels[channel.key] = replace(
            status,
            io_running=True,
            connected=True,
            sql_running=True,
            io_fault=Fault(),
            sql_fault=Fault(),
        )

    def remove(self, channel: Channel) -> None:
        self._must_be_stopped(self._there(channel))
        self.kept[channel.key] = self.channels.pop(channel.key).filters

    def filter(self, channel: Channel, filters: dict[str, Any]) -> None:
        status = self._there(channel)
        if status.sql_running:
            raise ServerSaysNo(f"3085/1198: stop {status.name} first")
        self.channels[channel.key] = replace(status, filters=replace(status.filters, **filters))

    def change(self, channel: Channel, changes: dict[str, Any]) -> None:
        status = self.channels.get(channel.key) or ChannelStatus(
            channel.name,
            Settings(source_port=3306, auto_position=False),
            filters=self.kept.get(channel.key, Filters()),
        )
        self._must_be_stopped(status)
        given = dict(changes)
        password = given.pop("source_password", None)
        if "source_log_file" in given:
            assert given["auto_position"] is False
            place = (given.pop("source_log_file"), given.pop("source_log_position"))
            self.places[channel.key] = place
        settings = status.settings
        if given.keys() & {"source_host", "source_port"}:
            # Another source: of the old one's place nothing is kept.
            settings = replace(settings, source_host="", source_port=3306, auto_position=False)
        settings = replace(settings, **given)
        followed = (settings.source_host, settings.source_port)
        if any(
            (other.settings.source_host, other.settings.source_port) == followed
            for other in self.channels.values()
            if other.key != status.key
        ):
            raise ServerSaysNo(f"1934: {channel.name} conflicts with an existing connection")
        if password is not None:
            assert isinstance(password, Secret)
            self.passwords[channel.key] = password
            if self.shows_passwords:
                status = replace(status, password=password)
        # The last error stays until the channel is started again (both flavours).
        self.channels[channel.key] = replace(status, settings=settings)

    def _there(self, channel: Channel) -> ChannelStatus:
        if channel.key not in self.channels:
            raise ServerSaysNo(f"channel {channel.name} does not exist")
        return self.channels[channel.key]

    @staticmethod
    def _must_be_stopped(status: ChannelStatus) -> None:
        if status.io_running or status.sql_running:
            raise ServerSaysNo(f"3081/1198: stop {status.name} first")


secrets = st.sampled_from(["one", "two", "it's"]).map(Secret)
passwords = st.none() | secrets
hosts = st.sampled_from(["a", "b", "c"])
ports = st.sampled_from([3306, 13306])
filters = st.builds(
    Filters,
    do_databases=st.sampled_from([(), ("a",), ("a", "b")]),
    rewrite_databases=st.sampled_from([(), (("a", "b"),)]),
)


@st.composite
def statuses(draw: st.DrawFn) -> list[ChannelStatus]:
    """Draw the channels of a server of either flavour, no two with one source."""
    mysql = draw(st.booleans())
    names = draw(st.lists(st.sampled_from(["w1", "W2", "w3", "w4"]), max_size=4, unique=True))
    sources = draw(
        st.lists(st.tuples(hosts, ports), min_size=len(names), max_size=len(names), unique=True)
    )
    found = []
    for name, (host, port) in zip(names, sources, strict=True):
        io_running = draw(st.booleans())
        settings = Settings(
            source_host=host,
            source_port=port,
            source_user=draw(st.sampled_from(["u", "v"])),
            source_ssl=draw(st.booleans()),
            get_source_public_key=draw(st.booleans()) if mysql else None,
            connect_retry_seconds=draw(st.sampled_from([2, 60])),
            heartbeat_seconds=draw(st.sampled_from([2.5, 30.0])),
            retry_count=draw(st.sampled_from([0, 10])) if mysql else None,
            auto_position=draw(st.booleans()),
        )
        found.append(
            ChannelStatus(
                name,
                settings,
                password=Secret(draw(st.sampled_from(["one", "two"]))) if mysql else None,
                io_running=io_running,
                connected=io_running and draw(st.booleans()),
                sql_running=draw(st.booleans()),
                io_fault=draw(st.sampled_from([Fault(), DENIED, Fault(2003, "refused")])),
                filters=draw(filters),
            )
        )
    return found


desired_channels = st.lists(
    st.builds(
        Channel,
        st.sampled_from(["w1", "w2", "W3", "w4", "w5"]),
        st.sampled_from(STATES),
        st.builds(
            Settings,
            source_host=st.none() | hosts,
            source_port=st.none() | ports,
            source_user=st.none() | st.sampled_from(["u", "v"]),
            source_ssl=st.none() | st.booleans(),
            get_source_public_key=st.none() | st.booleans(),
            connect_retry_seconds=st.none() | st.sampled_from([2, 60]),
            heartbeat_seconds=st.none() | st.sampled_from([2.5, 30.0]),
            retry_count=st.none() | st.sampled_from([0, 10]),
            auto_position=st.none() | st.booleans(),
        ),
        passwords,
        st.sampled_from(["on_difference", "on_create", "always"]),
        filters=st.none() | filters,
    ),
    max_size=4,
    unique_by=lambda channel: channel.key,
)


def source_after(channel: Channel, status: ChannelStatus | None) -> tuple[str | None, int | None]:
    base = status.settings if status else FOR_A_NEW_CHANNEL
    return (
        channel.settings.source_host or base.source_host,
        channel.settings.source_port or base.source_port,
    )


def sources_after(
    desired: Sequence[Channel], current: Sequence[ChannelStatus]
) -> dict[str, tuple[str | None, int | None]]:
    """Return the source of each channel as it shall be, by its key."""
    present = {status.key: status for status in current}
    sources = {
        status.key: (status.settings.source_host, status.settings.source_port) for status in current
    }
    for channel in desired:
        sources.pop(channel.key, None)
        if channel.state != ABSENT:
            sources[channel.key] = source_after(channel, present.get(channel.key))
    return sources


def must_be_refused(desired: Sequence[Channel], current: Sequence[ChannelStatus]) -> bool:
    """Judge independently: a source is missing or shared, or half a channel would change."""
    by_key = {status.key: status for status in current}
    for channel in desired:
        status = by_key.get(channel.key)
        if channel.state != PRESENT or not status or status.io_running == status.sql_running:
            continue
        password = channel.source_password
        differs = bool(channel.settings.differing_from(status.settings))
        if password and channel.update_password == "always":
            differs = True
        if password and channel.update_password == "on_difference":
            denied = status.io_running and status.io_fault == DENIED
            differs |= status.password != password if status.password else denied
        if channel.filters is not None:
            differs |= channel.filters != status.filters
        if differs:
            return True
    present = {status.key for status in current}
    missing = any(
        channel.key not in present
        and channel.state != ABSENT
        and not (channel.settings.source_host and channel.settings.source_user)
        for channel in desired
    )
    sources = list(sources_after(desired, current).values())
    return missing or len(set(sources)) < len(sources)


def exchanges_sources(desired: Sequence[Channel], current: Sequence[ChannelStatus]) -> bool:
    """Tell whether channels take each other's sources in a ring.

    No order of changes does that on MariaDB, so a plan may refuse it.
    """
    after = sources_after(desired, current)
    holders = {
        (status.settings.source_host, status.settings.source_port): status.key
        for status in current
        if status.key in after
    }
    moves = {
        key: holders[source]
        for key, source in after.items()
        if source in holders and holders[source] != key
    }
    for first in moves:
        at: str | None = moves[first]
        for _number in moves:
            if at == first:
                return True
            at = moves.get(at) if at else None
    return False


def has_reached(channel: Channel, before: ChannelStatus | None, replica: Replica) -> None:
    """Assert that a channel is as it shall be."""
    after = replica.channels.get(channel.key)
    if channel.state == ABSENT:
        assert after is None
        assert replica.kept.get(channel.key, Filters()) == Filters()
        return
    assert after is not None
    assert channel.filters in (None, after.filters)
    assert channel.settings.differing_from(after.settings) == {}
    wanted = channel.source_password
    if before is None:
        full = {**FOR_A_NEW_CHANNEL.given(), **channel.settings.given()}
        assert full == {**after.settings.given(), **full}
        assert replica.passwords.get(channel.key) == wanted
    elif wanted and replica.shows_passwords and channel.update_password == "on_difference":
        assert replica.passwords[channel.key] == wanted
    threads = (after.io_running, after.sql_running)
    if channel.state != PRESENT:
        assert threads == ((True, True) if channel.state == STARTED else (False, False))
    elif before is None:
        assert threads == (False, False)
    elif before.io_running == before.sql_running:
        assert threads == (before.io_running, before.sql_running)


def planned(desired: Sequence[Channel], current: Sequence[ChannelStatus]) -> Plan | None:
    """Return the plan, or None where it is rightly refused."""
    try:
        made = plan(desired, current)
    except Refused:
        assert must_be_refused(desired, current) or exchanges_sources(desired, current)
        event("refused")
        return None
    assert not must_be_refused(desired, current)
    return made


@given(desired_channels, statuses())
def test_one_run_reaches_the_target_and_a_second_changes_nothing(
    desired: list[Channel], current: list[ChannelStatus]
) -> None:
    made = planned(desired, current)
    assume(made is not None)
    assert made is not None
    event(f"{len(made.steps)} steps")
    replica = Replica(current)
    replica.take(made)
    present = {status.key: status for status in current}
    for channel in desired:
        has_reached(channel, present.get(channel.key), replica)
    calm = [replace(channel, update_password="on_difference") for channel in desired]
    if not any(channel.update_password == "on_create" for channel in desired):
        assert plan(calm, list(replica.channels.values())) == Plan()
    once = [
        replace(channel, update_password="on_create")
        if channel.update_password == "always"
        else channel
        for channel in desired
    ]
    assert plan(once, list(replica.channels.values())) == Plan()


@given(desired_channels, statuses())
def test_nothing_else_is_touched(desired: list[Channel], current: list[ChannelStatus]) -> None:
    made = planned(desired, current)
    assume(made is not None)
    assert made is not None
    replica = Replica(current)
    replica.take(made)
    named = {channel.key for channel in desired}
    for status in current:
        if status.key not in named:
            assert replica.channels[status.key] == status
            assert status.key not in replica.stopped
            assert not any(f"channel {status.name}" == step.target for step in made.steps)


@given(desired_channels, statuses())
def test_a_channel_that_fits_is_not_touched(
    desired: list[Channel], current: list[ChannelStatus]
) -> None:
    present = {status.key: status for status in current}
    made = planned(desired, current)
    assume(made is not None)
    assert made is not None
    for channel in desired:
        status = present.get(channel.key)
        if status is None or channel.state == ABSENT or channel.source_password:
            continue
        right_state = (
            channel.state == PRESENT
            or (channel.state == STARTED and status.running)
            or (channel.state == STOPPED and not status.io_running and not status.sql_running)
        )
        fits = (
            right_state
            and not channel.settings.differing_from(status.settings)
            and channel.filters in (None, status.filters)
        )
        if fits:
            steps = [step.action for step in made.steps if step.target == f"channel {channel.name}"]
            assert steps == [], channel


@given(desired_channels, statuses())
def test_what_exists_already_is_enough(
    desired: list[Channel], current: list[ChannelStatus]
) -> None:
    """From what a run has made, the same wishes in any order change nothing."""
    made = planned(desired, current)
    assume(made is not None and not any(c.update_password == "always" for c in desired))
    assert made is not None
    replica = Replica(current)
    replica.take(made)
    assert not plan(desired[::-1], list(replica.channels.values())[::-1]).changed


@given(desired_channels, statuses(), secrets, secrets)
def test_no_password_is_shown(
    desired: list[Channel],
    current: list[ChannelStatus],
    one: Secret,
    other: Secret,
) -> None:
    def shown(secret: Secret) -> str:
        wishes = [
            replace(channel, source_password=secret, update_password="always")
            for channel in desired
        ]
        held = [replace(status, password=secret) for status in current]
        try:
            made = plan(wishes, held)
        except Refused as refusal:
            return str(refusal)
        return f"{made} {made!r} {made.steps} {made.diff()}"

    assert shown(one) == shown(other)


# The cases below are each one of the property's, kept by name.

A = Settings(source_host="a", source_port=3306, source_user="u", auto_position=True)
B = replace(A, source_host="b")
C = replace(A, source_host="c")


def running(name: str, settings: Settings, **more: Any) -> ChannelStatus:
    return ChannelStatus(
        name, settings, **{"io_running": True, "connected": True, "sql_running": True, **more}
    )


def actions(made: Plan) -> list[tuple[str, str]]:
    return [(step.action, step.target.removeprefix("channel ")) for step in made.steps]


def test_a_new_channel_is_made_and_started() -> None:
    made = plan([Channel("w1", STARTED, A, Secret("x"))], [])
    assert actions(made) == [(CHANGE, "w1"), (START, "w1")]
    _channel, changes = made.steps[0].value
    assert changes == {**FOR_A_NEW_CHANNEL.given(), **A.given(), "source_password": Secret("x")}
    assert made.diff()["before"] == {"channel w1": None}
    assert made.diff()["after"]["channel w1"]["source_password"] == "********"


def test_a_change_stops_and_starts_that_channel_only() -> None:
    faster = replace(A, connect_retry_seconds=3)
    was = replace(A, connect_retry_seconds=2)
    made = plan([Channel("w1", STARTED, faster)], [running("w1", was), running("w2", B)])
    assert actions(made) == [(STOP, "w1"), (CHANGE, "w1"), (START, "w1")]
    assert made.steps[1].value[1] == {"connect_retry_seconds": 3}
    diff = made.diff()
    assert diff["before"]["channel w1"]["connect_retry_seconds"] == "2"
    assert diff["after"]["channel w1"]["connect_retry_seconds"] == "3"
    assert diff["before"]["channel w1"]["running"] == diff["after"]["channel w1"]["running"]


def test_names_are_compared_as_servers_compare_them() -> None:
    assert not plan([Channel("W1", STARTED, A)], [running("w1", A)]).changed


def test_absent_stops_first_and_a_channel_that_is_not_there_is_no_problem() -> None:
    gone = Channel("w1", ABSENT)
    assert actions(plan([gone], [running("w1", A)])) == [(STOP, "w1"), (REMOVE, "w1")]
    assert actions(plan([gone], [ChannelStatus("w1", A)])) == [(REMOVE, "w1")]
    assert not plan([gone], []).changed


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Refused) as refusal:
        plan(
            [Channel("w8", STARTED), Channel("w9", STARTED, Settings(source_host="b"))]
            + [Channel("w2", STARTED, A)],
            [running("w1", A)],
        )
    w8, w9, shared = refusal.value.problems
    assert "channel w8 does not exist" in w8 and "the existing channels are: w1" in w8
    assert "channel w9 does not exist" in w9
    assert "channels w1, w2 have the same source a:3306" in shared


def test_the_default_port_is_the_same_source_as_port_3306() -> None:
    by_default = Settings(source_host="a", source_user="u")
    with pytest.raises(Refused, match="same source a:3306"):
        plan([Channel("w2", STARTED, by_default)], [running("w1", A)])
    with pytest.raises(Refused, match="same source a:3306"):
        plan([Channel("w1", STARTED, by_default), Channel("w2", STARTED, A)], [])


@pytest.mark.parametrize("removed_first", [True, False])
def test_a_source_goes_to_another_name_in_one_run(removed_first: bool) -> None:
    wishes = [Channel("w1", ABSENT), Channel("w9", STARTED, A)]
    replica = Replica([running("w1", A)])
    replica.take(plan(wishes if removed_first else wishes[::-1], [running("w1", A)]))
    assert list(replica.channels) == ["w9"] and replica.channels["w9"].running


@pytest.mark.parametrize("names", [("w1", "w2"), ("w2", "w1")])
def test_a_source_that_another_channel_leaves_is_free(names: tuple[str, str]) -> None:
    settings = {"w1": B, "w2": C}
    current = [running("w1", A), running("w2", B)]
    replica = Replica(current)
    replica.take(plan([Channel(name, STARTED, settings[name]) for name in names], current))
    assert replica.channels["w1"].source == "b:3306"
    assert replica.channels["w2"].source == "c:3306"


def test_channels_that_exchange_sources_do_so_or_are_refused() -> None:
    """Half of it done, w1 would stand stopped: MariaDB refuses its CHANGE with 1934."""
    current = [running("w1", A), running("w2", B)]
    replica = Replica(current)
    try:
        made = plan([Channel("w1", STARTED, B), Channel("w2", STARTED, A)], current)
    except Refused:
        return
    replica.take(made)
    assert {status.source for status in replica.channels.values()} == {"a:3306", "b:3306"}


@pytest.mark.parametrize("io_running", [True, False])
def test_present_leaves_a_half_stopped_channel_to_who_stopped_it(io_running: bool) -> None:
    half = running("w1", A, io_running=io_running, sql_running=not io_running)
    assert actions(plan([Channel("w1", PRESENT, A)], [half])) == []
    assert actions(plan([Channel("w1", STARTED, A)], [half])) == [(START, "w1")]
    assert actions(plan([Channel("w1", STOPPED, A)], [half])) == [(STOP, "w1")]
    changed = replace(A, source_user="v")
    with pytest.raises(
        Refused,
        match=r"Only one of the two threads of channel w1 is running, and .* Add state:",
    ):
        plan([Channel("w1", PRESENT, changed)], [half])
    for state in (STARTED, STOPPED):
        assert (CHANGE, "w1") in actions(plan([Channel("w1", state, changed)], [half]))


def test_another_source_keeps_the_way_of_finding_the_place_that_is_asked_for() -> None:
    by_hand = replace(B, auto_position=False)
    replica = Replica([running("w1", A)])
    replica.take(plan([Channel("w1", STOPPED, by_hand)], [running("w1", A)]))
    assert replica.channels["w1"].settings.auto_position is False
    assert not plan([Channel("w1", STOPPED, by_hand)], list(replica.channels.values())).changed


@pytest.mark.parametrize("changed", [{"source_host": "b"}, {"source_port": 13306}])
def test_another_source_is_said_wholly(changed: dict[str, Any]) -> None:
    (_stop, change, _start) = plan(
        [Channel("w1", STARTED, Settings(**changed))], [running("w1", A)]
    ).steps
    whole = {"source_host": "a", "source_port": 3306, "auto_position": True}
    assert change.value[1] == {**whole, **changed}


@pytest.mark.parametrize(
    ("update", "stored", "fault", "changes"),
    [
        ("on_difference", Secret("old"), Fault(), True),
        ("on_difference", Secret("new"), Fault(), False),
        ("on_difference", Secret("new"), DENIED, False),
        ("on_difference", None, Fault(), False),
        ("on_difference", None, DENIED, True),
        ("on_difference", None, Fault(2003, "refused"), False),
        ("always", Secret("new"), Fault(), True),
        ("always", None, Fault(), True),
        ("on_create", Secret("old"), Fault(), False),
        ("on_create", None, DENIED, False),
    ],
)
def test_when_a_password_differs(
    update: str, stored: Secret | None, fault: Fault, changes: bool
) -> None:
    wish = Channel("w1", STARTED, A, Secret("new"), update)
    made = plan([wish], [running("w1", A, password=stored, io_fault=fault)])
    expected = [(STOP, "w1"), (CHANGE, "w1"), (START, "w1")] if changes else []
    assert actions(made) == expected
    if changes:
        assert made.steps[1].value[1] == {"source_password": Secret("new")}


def test_a_stopped_channel_with_an_old_denial_settles() -> None:
    """CHANGE does not take the last error away; only a new attempt to connect does."""
    wish = Channel("w1", STOPPED, A, Secret("new"))
    replica = Replica([ChannelStatus("w1", A, io_fault=DENIED)])
    replica.take(plan([wish], list(replica.channels.values())))
    assert not plan([wish], list(replica.channels.values())).changed


FIRST = Channel(
    "w1",
    PRESENT,
    Settings(source_host="a", source_user="u", auto_position=False),
    source_log_file="binlog.000002",
    source_log_position=157,
)
FOLLOWS = ChannelStatus(
    "w1",
    Settings(source_host="a", source_port=3306, source_user="u", auto_position=False),
    io_running=True,
    connected=True,
    sql_running=True,
)


@pytest.mark.parametrize(
    ("channel", "status", "moves"),
    [
        (FIRST, None, True),
        # It has gone on from there: a second run must not send it back.
        (FIRST, FOLLOWS, False),
        (replace(FIRST, settings=replace(FIRST.settings, source_user="v")), FOLLOWS, False),
        (replace(FIRST, settings=replace(FIRST.settings, source_host="b")), FOLLOWS, True),
        (FIRST, replace(FOLLOWS, settings=replace(FOLLOWS.settings, auto_position=True)), True),
    ],
    ids=["new", "the same", "another account", "another source", "no longer by GTID"],
)
def test_a_place_counts_only_where_a_channel_begins(
    channel: Channel, status: ChannelStatus | None, moves: bool
) -> None:
    replica = Replica([status] if status else [])
    made = plan([channel], list(replica.channels.values()))
    replica.take(made)
    assert (replica.places == {"w1": ("binlog.000002", 157)}) is moves
    assert replica.channels["w1"].settings.auto_position is False
    assert plan([channel], list(replica.channels.values())) == Plan()


def test_a_new_channel_is_not_told_what_the_server_has_no_word_for() -> None:
    """Nor does diff mode show it."""
    words = {"source_host", "source_user", "source_port", "auto_position"}
    channel = Channel("w1", STOPPED, Settings(source_host="a", source_user="u"), Secret("p"))
    (step,) = plan([channel], [], words=words).steps
    assert step.after is not None
    assert set(step.after) == {*words, "source_password", "running"}
    assert set(step.value[1]) == {*words, "source_password"}


@pytest.mark.parametrize("wanted", [Filters(), Filters(do_databases=("b",))])
def test_a_new_channel_has_no_filter_of_one_that_was_removed_by_hand(wanted: Filters) -> None:
    replica = Replica([])
    replica.kept["w1"] = Filters(do_databases=("a",), ignore_tables=("a.b",))
    made = plan([replace(FIRST, filters=wanted)], [])
    replica.take(made)
    assert replica.channels["w1"].filters == wanted
    (step,) = [step for step in made.steps if step.action == FILTER]
    assert set(step.value[1]) == set(KINDS)


def test_a_filter_stops_and_starts_only_its_channel_and_is_shown() -> None:
    other = replace(FOLLOWS, name="w2", settings=replace(FOLLOWS.settings, source_host="b"))
    old = replace(FOLLOWS, filters=Filters(do_databases=("a",)))
    wanted = Filters.of({"wild_do_tables": ["a.%"]})
    made = plan([Channel("w1", PRESENT, filters=wanted)], [old, other])
    assert [step.action for step in made.steps] == [STOP, FILTER, START]
    assert made.steps[1].value[1] == {"do_databases": (), "wild_do_tables": ("a.%",)}
    diff = made.diff()
    assert diff["before"]["channel w1"]["filter do_databases"] == "['a']"
    assert diff["after"]["channel w1"]["filter do_databases"] == "[]"
    assert diff["after"]["channel w1"]["filter wild_do_tables"] == "['a.%']"


def test_a_file_that_may_bring_filters_back_is_asked_for() -> None:
    filtered = replace(FOLLOWS, filters=Filters(do_databases=("a",)))
    gone = Channel("w1", ABSENT)
    made = plan([gone], [filtered])
    assert [step.action for step in made.steps] == [STOP, FILTER, REMOVE]
    (warning,) = made.warnings
    assert "channel w1" in warning and "filters_file" in warning
    assert plan([gone], [FOLLOWS]).warnings == () == plan([gone], []).warnings
    file = FiltersFile(ConfigFile("/f", None), "{channel}{word}{filter}", {})
    assert plan([gone], [filtered], file).warnings == ()


def test_the_file_is_written_before_any_channel_is_touched() -> None:
    words = dict.fromkeys(KINDS, "word")
    file = FiltersFile(ConfigFile("/f", None), "{channel}.{word} = {filter}\n", words)
    made = plan([replace(FIRST, filters=Filters(do_databases=("a",)))], [], file)
    assert [step.action for step in made.steps] == [PERSIST_FILTERS, CHANGE, FILTER]


def test_filters_that_keep_a_required_table_out_are_refused() -> None:
    narrow, other = Filters(do_databases=("a",)), replace(FIRST, name="W2")
    filtered = replace(FOLLOWS, filters=narrow)
    required = ("a.t", "b.t")
    # What a channel will have counts: what is asked for, or what nobody speaks of.
    for desired, current in (
        ([replace(FIRST, filters=narrow)], []),
        ([replace(FIRST, filters=narrow)], [FOLLOWS]),
        ([Channel("w1", PRESENT)], [filtered]),
    ):
        with pytest.raises(Refused) as refused:
            plan(desired, current, required_tables=required)
        (said,) = refused.value.problems
        assert said == (
            "filters of w1: do_databases excludes b.t, one of required_tables: its rows would "
            "be lost without an error. Change the filters so that it is replicated."
        )
    for desired, current in (
        ([Channel("w1", ABSENT)], [filtered]),
        ([replace(FIRST, filters=Filters())], [filtered]),
        ([replace(FIRST, filters=None)], []),
    ):
        plan(desired, current, required_tables=required)
    plan([replace(FIRST, filters=narrow)], [], required_tables=("a.t",))
    elsewhere = Settings(source_host="c", source_user="u")
    with pytest.raises(Refused, match="filters of w1, W2: do_databases excludes b.t"):
        plan(
            [
                replace(FIRST, filters=narrow),
                replace(other, settings=elsewhere, filters=Filters(do_databases=("c",))),
            ],
            [],
            required_tables=["b.t"],
        )


ANONYMOUS = Fault(
    13114,
    "Got fatal error 1236 from source when reading data from binary log: 'Cannot replicate "
    "anonymous transaction when AUTO_POSITION = 1, at file ./binlog.000004, position 198.; the "
    "first event '' at 4, the last event read from './binlog.000004' at 277.'",
)


@pytest.mark.parametrize(
    "fault",
    [
        ANONYMOUS,
        Fault(1236, "connecting slave requested to start from GTID 1-1-6, which is not in"),
        Fault(13114, "Replica has more GTIDs than the source has"),
    ],
)
def test_a_start_that_would_leave_rows_out_is_refused(fault: Fault) -> None:
    there = Settings(source_host="a", source_port=3306, source_user="u")
    stopped = ChannelStatus("w1", there, sql_running=True, io_fault=fault)
    with pytest.raises(Refused, match=f"channel w1 has stopped with error {fault.number}: "):
        plan([Channel("w1", STARTED)], [stopped])
    # Nobody starts it, it runs in spite of an old error, or it gets another source.
    for state, status in (
        (PRESENT, stopped),
        (STOPPED, stopped),
        (STARTED, replace(stopped, io_running=True, connected=True)),
    ):
        plan([Channel("w1", state)], [status])
    assert plan([Channel("w1", STARTED, Settings(source_host="b"))], [stopped]).changed
    # Other errors are cured by a start, or come again.
    gone = replace(stopped, io_fault=Fault(1236, "binlog files have been purged"))
    assert plan([Channel("w1", STARTED)], [gone]).changed


def test_the_place_of_rows_without_a_gtid_is_told() -> None:
    there = Settings(source_host="a", source_port=3306, source_user="u")
    stopped = ChannelStatus("w1", there, sql_running=True, io_fault=ANONYMOUS)
    with pytest.raises(Refused, match="--skip-gtids --start-position=198 binlog.000004, into"):
        plan([Channel("w1", STARTED)], [stopped])


def test_a_channel_that_would_stop_by_itself_is_started_anew() -> None:
    there = Settings(source_host="a", source_port=3306, source_user="u")
    until = ChannelStatus(
        "w1",
        there,
        io_running=True,
        connected=True,
        sql_running=True,
        left_out=LeftOut(until="Gtid"),
    )
    made = plan([Channel("w1", STARTED)], [until])
    assert [step.action for step in made.steps] == [STOP, START]
    diff = made.diff()
    assert diff["before"]["channel w1"]["until"] == "Gtid"
    assert "until" not in diff["after"]["channel w1"]
    assert plan([Channel("w1", PRESENT)], [until]).steps == ()
    # One that has stopped there already is only started.
    (start,) = plan([Channel("w1", STARTED)], [until.stopped()]).steps
    assert start.action == START


def test_filters_that_a_new_channel_gets_from_its_server_are_judged() -> None:
    new = Channel("w1", STARTED, Settings(source_host="a", source_user="u"))
    own = Filters(ignore_databases=("usage_data",))
    table = ["usage_data.calls"]
    assert plan([new], [], required_tables=table).changed
    with pytest.raises(Refused, match="filters of w1: ignore_databases excludes usage_data.calls"):
        plan([new], [], required_tables=table, inherited=own)
    # A channel that is there shows what it has.
    there = ChannelStatus("w1", Settings(source_host="a", source_port=3306, source_user="u"))
    assert plan([new], [there], required_tables=table, inherited=own).changed
