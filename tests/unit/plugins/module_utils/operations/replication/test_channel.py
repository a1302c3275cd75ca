"""What mysql_replication_channel makes of its options, refuses, and plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.channel import (
    Current,
    Desired,
    ReplicationChannel,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    FiltersFile,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    CHANGE,
    FILTER,
    START,
    STOP,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.gtid_seed import SEED
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.sources import Source
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import (
    DIALECTS,
    MARIADB,
    MYSQL,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_filters import (
    LINES,
    WORDS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    FOR_A_NEW_CHANNEL,
    STARTED,
    STOPPED,
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from tests.support import options

OPERATION = ReplicationChannel()
STANDS = {"io_running": False, "connected": False, "sql_running": False}
UUID = "aaaaaaaa-0000-0000-0000-000000000000"


def desired(**given: Any) -> Desired:
    """Return what the operation makes of options, as Ansible hands them over."""
    return options.desired(OPERATION, **given)


def channels(**given: Any) -> Sequence[Channel]:
    return desired(**given).channels


def test_a_channels_own_options_go_before_the_modules() -> None:
    one, two = channels(
        state="started",
        source_user="u",
        source_password="all",
        source_ssl=True,
        channels=[
            {"channel": "w1", "source_host": "a", "source_ssl": False, "state": "stopped"},
            {"channel": "w2", "source_host": "b", "source_password": "own"},
        ],
    )
    assert (one.name, one.state, one.settings.source_ssl) == ("w1", STOPPED, False)
    assert (two.name, two.state, two.settings.source_ssl) == ("w2", STARTED, True)
    assert (one.source_password, two.source_password) == (Secret("all"), Secret("own"))
    assert {one.settings.source_user, two.settings.source_user} == {"u"}
    assert {one.update_password, two.update_password} == {"on_difference"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(Refused, match="w1 is named 2 times"):
        desired(channels=[{"channel": "w1"}, {"channel": "W1"}])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        # Both servers take 70000, MariaDB 11.8 shows another number for ever after.
        ({"source_port": 70000}, "source_port"),
        ({"source_port": 0}, "source_port"),
        # Both servers make the default of 0: every run would change it again.
        ({"connect_retry_seconds": 0}, "connect_retry_seconds"),
        ({"connect_retry_seconds": -1}, "connect_retry_seconds"),
        ({"retry_count": -1}, "retry_count"),
        # 1624, after the channel has been stopped.
        ({"heartbeat_seconds": 4294968.0}, "heartbeat_seconds"),
        ({"heartbeat_seconds": -1.0}, "heartbeat_seconds"),
        # Servers keep milliseconds: every run would change it again.
        ({"heartbeat_seconds": 2.0004}, "heartbeat_seconds"),
        # 1729, after the channel has been stopped.
        ({"source_delay_seconds": 2**31}, "source_delay_seconds"),
        # MySQL takes any word, and then never connects.
        ({"source_tls_version": "TLSv1.3,TLSv1"}, "names TLSv1, which does not exist"),
        ({"source_tls_version": "TLSv1.2, TLSv1.3"}, "without spaces"),
        ({"privilege_checks_user": "applier"}, "write it as user@host"),
        ({"privilege_checks_user": "@%"}, "write it as user@host"),
        ({"source_log_file": "binlog.000001"}, "go together"),
        ({"source_log_position": 4}, "go together"),
        ({"source_log_file": "", "source_log_position": 4}, "source_log_file is empty"),
        ({"source_log_file": "b.1", "source_log_position": 3}, "outside 4 to"),
        (
            {"source_log_file": "b.1", "source_log_position": 4, "auto_position": True},
            "exclude each other",
        ),
        # MySQL forgets filters with its next start.
        ({"filters": {"do_databases": ["a"]}}, "filters need a filters_file"),
        # None at all is a filter, too: what is there goes.
        ({"filters": {}}, "filters need a filters_file"),
        ({"filters": {"do_tables": ["a"]}, "filters_file": "/f"}, "is not database.table"),
        ({"filters": {"do_databases": ["a,b"]}}, "'a,b', which is not a database's name"),
        ({"filters": {"wild_do_tables": ["it's.%"]}}, r"which is not database\.table with"),
        ({"filters": {"rewrite_databases": [{"from": "a b", "to": "c"}]}}, "'a b' to 'c'"),
        ({"required_tables": ["t"]}, r"'t', which is not database\.table"),
        ({"required_tables": ["mysql.user"]}, "mysql is a system schema"),
        # MariaDB 11.8 takes it, shows 64 characters, and knows no channel of that name.
        ({"channel": "w" * 65}, "64"),
    ],
)
def test_what_a_server_would_not_keep_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        desired(**{"channel": "w1", **given})


def test_what_a_server_keeps_is_taken() -> None:
    desired(
        channel="w" * 64,
        source_port=65535,
        connect_retry_seconds=1,
        retry_count=0,
        heartbeat_seconds=0.001,
        source_delay_seconds=0,
        source_tls_version="TLSv1.2,TLSv1.3",
        privilege_checks_user="a@b@%",
        source_log_file="binlog.000001",
        source_log_position=4,
    )
    desired(channel="w1", source_tls_version="", privilege_checks_user="")


def test_a_place_is_in_the_stead_of_gtid() -> None:
    (channel,) = channels(channel="w1", source_log_file="b.1", source_log_position=4)
    assert (channel.source_log_file, channel.source_log_position) == ("b.1", 4)
    assert channel.settings.auto_position is False
    (channel,) = channels(channel="w1")
    assert channel.settings.auto_position is None


def test_filters_of_a_channel_go_before_the_modules_as_a_whole() -> None:
    given: Any = {"do_databases": ["a"]}
    one, two, three = channels(
        filters=given,
        filters_file="/f",
        channels=[
            {"channel": "w1"},
            {"channel": "w2", "filters": {}},
            {"channel": "w3", "filters": {"do_tables": ["a.b"]}},
        ],
    )
    assert one.filters == Filters(do_databases=("a",))
    assert (two.filters, three.filters) == (Filters(), Filters(do_tables=("a.b",)))
    (silent,) = channels(channel="w1")
    assert silent.filters is None
    # What goes has no filters to keep.
    desired(channel="w1", state="absent", filters=given)


def test_a_channel_that_shall_not_run_is_not_waited_for() -> None:
    """It could only fail, after it has been stopped."""
    with pytest.raises(Refused, match="wait"):
        desired(channel="w1", state="stopped", wait=True)
    # Of several, those that go are not waited for.
    desired(channels=[{"channel": "w1", "state": "absent"}, {"channel": "w2"}], wait=True)


def test_seeds_and_timeouts_are_judged_with_everything_else() -> None:
    with pytest.raises(Refused) as refusal:
        desired(channel="w1", source_port=0, gtid_seed=["1-1-1", "rubbish"], read_timeout_seconds=0)
    for said in ("source_port 0", "'rubbish' is not a GTID", "read_timeout_seconds is 0"):
        assert said in str(refusal.value)
    assert len(refusal.value.problems) == 3


def test_either_one_channel_or_several() -> None:
    (both,) = options.refusals(OPERATION, channel="w1", channels=[])
    assert "mutually exclusive" in both
    (neither,) = options.refusals(OPERATION)
    assert "one of the following is required" in neither


def test_names_are_those_of_the_server() -> None:
    wanted = desired(
        channels=[{"channel": "w1", "filters": {"do_databases": ["Usage"]}}, {"channel": "w2"}],
        filters_file="/f",
        required_tables=["Usage.Calls"],
    )
    named = OPERATION.named(wanted, lambda: Names(ignores_case=True))
    assert [one.filters for one in named.channels] == [Filters(do_databases=("usage",)), None]
    assert named.required_tables == ("usage.calls",)


def test_a_channel_without_names_asks_for_no_rule_of_them() -> None:
    wanted = desired(channels=[{"channel": "w1"}])
    assert OPERATION.named(wanted, lambda: pytest.fail("the server was asked")) == wanted


def status(name: str, **given: Any) -> ChannelStatus:
    """A channel as the operation makes it, which runs."""
    settings = replace(FOR_A_NEW_CHANNEL, source_host=name, source_user="u")
    runs = {"io_running": True, "connected": True, "sql_running": True}
    return ChannelStatus(name, settings, Secret("p"), **{**runs, **given})


def current(*present: ChannelStatus, flavour: str = MARIADB, **given: Any) -> Current:
    return Current(**{"channels": present, "known": "", "replica": Source(flavour), **given})


NEW: Any = {"channel": "w1", "source_host": "a", "source_user": "u", "state": "started"}
GOOD = Source(
    MARIADB,
    {
        "server_id": "1",
        "gtid_domain_id": "1",
        "log_bin": "ON",
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
    },
    "1-1-9",
)
BAD = replace(GOOD, variables={**GOOD.variables, "binlog_row_image": "MINIMAL"})


def refused(wanted: Desired, there: Current) -> list[str]:
    with pytest.raises(Refused) as refusal:
        OPERATION.plan(wanted, there)
    return refusal.value.problems


def actions(wanted: Desired, there: Current) -> list[tuple[str, str]]:
    return [(step.action, step.target) for step in OPERATION.plan(wanted, there).steps]


def test_channels_and_sources_are_judged_at_once() -> None:
    there = current(answers={"w1": BAD})
    (missing,) = refused(desired(channel="w9", state="started"), there)
    assert "channel w9 does not exist on this server" in missing
    shared, image = refused(desired(channels=[NEW, {**NEW, "channel": "w2"}]), there)
    assert "channels w1, w2 have the same source a:3306" in shared
    assert "channel w1, its source: binlog_row_image is MINIMAL" in image


def test_a_file_of_somebody_else_is_left_alone() -> None:
    other = ConfigFile("/f", "[mysqld]\nport = 1\n")
    (said,) = refused(
        desired(**NEW, filters={}, filters_file="/f"),
        current(filters_file=FiltersFile(other, LINES[MARIADB], WORDS)),
    )
    assert "was not written by this module" in said


def test_a_source_that_does_not_answer_is_a_warning() -> None:
    there = current(answers={"w1": ServerError("a:3306", "no answer")})
    plan = OPERATION.plan(desired(**NEW), there)
    assert [step.action for step in plan.steps] == [CHANGE, START]
    assert plan.warnings == (
        "channel w1: its source's settings are unknown: server a:3306: no answer",
    )


def test_a_running_channel_is_not_stopped_for_a_login_that_fails() -> None:
    there = current(status("w1"), answers={"w1": ServerError("b:3306", "no answer")})
    (said,) = refused(desired(channel="w1", source_user="other"), there)
    assert "channel w1 is connected, and would be stopped for source_user" in said
    trusting = desired(channel="w1", source_user="other", check_sources=False)
    assert [action for action, _target in actions(trusting, current(status("w1")))] == [
        STOP,
        CHANGE,
        START,
    ]


@pytest.mark.parametrize("applied", ["known", "seed"])
def test_a_source_that_has_lost_its_past(applied: str) -> None:
    stopped = status("w1", io_running=False, connected=False)
    seed = ["1-1-12"] if applied == "seed" else None
    there = current(stopped, known="1-1-12" if applied == "known" else "", answers={"w1": GOOD})
    (said,) = refused(desired(channel="w1", state="started", gtid_seed=seed), there)
    assert "channel w1: this server counts 1-1-12 of its source as applied" in said
    # Where the place is a file and a position, GTIDs say nothing.
    by_place = replace(stopped, settings=replace(stopped.settings, auto_position=False))
    OPERATION.plan(
        desired(channel="w1", state="started", gtid_seed=seed), replace(there, channels=[by_place])
    )


def test_a_seed_goes_before_everything_else() -> None:
    """MariaDB takes it only while no channel runs."""
    wanted = desired(channel="w1", state="started", gtid_seed=["2-2-9"])
    assert actions(wanted, current(status("w1"), known="1-1-9")) == [
        (STOP, "channel w1"),
        (SEED, "GTIDs that are applied"),
        (START, "channel w1"),
    ]
    wanted = desired(channel="w1", state="started", gtid_seed=[f"{UUID}:1-9"])
    assert actions(wanted, current(status("w1"), flavour=MYSQL)) == [
        (SEED, "GTIDs that are applied")
    ]


class Refusing:
    """A server that refuses every statement but those that start a channel."""

    def __init__(self, flavour: str, number: int) -> None:
        self.address, self.dialect, self.number = "r1", DIALECTS[flavour], number
        self.ran: list[str] = []

    def run(self, statement: Statement) -> None:
        if not statement.sql.startswith("START"):
            raise ServerError(self.address, "no", self.number, statement)
        self.ran.append(statement.shown)


def failure(wanted: Desired, there: Current, action: str, number: int = 0) -> tuple[str, list[str]]:
    """Take the step of ``action``, which fails; return what is said, and what ran after all."""
    flavour = there.replica.flavour
    (step,) = [one for one in OPERATION.plan(wanted, there).steps if one.action == action]
    refusing = Refusing(flavour, number)
    server = cast(Server, refusing)
    statements = OPERATION.statements(server, there, step)
    with pytest.raises(ServerError) as error:
        OPERATION.perform(server, wanted, there, step, statements)
    assert error.value.number == number and error.value.statement == statements[0]
    return error.value.message, refusing.ran


def test_a_channel_that_could_not_be_changed_is_started_again() -> None:
    wanted = desired(channel="w1", retry_count=3)
    runs = current(status("w1"), flavour=MYSQL)
    said, ran = failure(wanted, runs, CHANGE, 3926)
    assert said == "no (the channels that ran before run again with their previous settings)"
    assert ran == ["START REPLICA FOR CHANNEL 'w1'"]
    stopped = status("w1", **STANDS)
    assert failure(wanted, current(stopped, flavour=MYSQL), CHANGE) == ("no", [])


def test_channels_that_were_stopped_for_a_seed_are_started_again() -> None:
    wanted = desired(channel="w1", gtid_seed=["9-9-9"])
    there = current(status("w1"), status("w2"), status("w3", **STANDS))
    said, ran = failure(wanted, there, SEED, 1948)
    assert said == (
        "no (the channels that ran before run again with their previous settings; name that GTID "
        "in gtid_seed as well)"
    )
    assert ran == ["START SLAVE 'w1'", "START SLAVE 'w2'"]
    assert failure(wanted, current(status("w1", **STANDS)), SEED, 1948) == ("no", [])


def test_a_channel_whose_filters_were_refused_stays_stopped() -> None:
    wanted = desired(channel="w1", filters={"do_databases": ["a"]}, filters_file="/f")
    said, ran = failure(wanted, current(status("w1")), FILTER)
    assert "the channel stays stopped" in said and ran == []


def test_a_statement_that_fails_elsewhere_says_what_the_server_says() -> None:
    wanted = desired(channel="w1", state="stopped")
    assert failure(wanted, current(status("w1")), STOP) == ("no", [])
