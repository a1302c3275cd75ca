"""What is wrong with a topology is named once, under its code; what is well is not named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.report import (
    report,
    tell,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.checks.topology import (
    Judged,
    directory_on,
    judge,
    worst,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.months import initial
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    Account,
    DesiredAccount,
    Scope,
    Vocabulary,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.held import (
    HeldAccounts,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.checked import (
    Checked,
    CheckedServer,
    CheckedSet,
    CheckedTable,
    Limits,
    Observed,
    Seen,
    TableSeen,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.checks.mute import Mute
from ansible_collections.dbrw.sharding.plugins.module_utils.values.codes import CODES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.directory.directory import (
    Contents,
    DirectoryServer,
    DirectorySet,
    Found,
    Identity,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import Finding
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import IdColumn
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    Member,
    MemberState,
    SemiSync,
    SetState,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.host_facts import (
    Disk,
    HostFacts,
    Pending,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Clock,
    ServerZones,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.month import Month
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    RANGE_COLUMNS,
    MonthPolicy,
    Partition,
    PartitionedTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.usage_table import (
    Column,
    Index,
    TableShape,
)
from tests.support.set_states import closed, follower, pair
from tests.support.set_states import writer as member

W1 = CheckedServer("w1", "write", "10.1.0.1", datacenter="dc1", pair=Autoinc(20, 1))
W2 = CheckedServer("w2", "write", "10.2.0.2", datacenter="dc2", pair=Autoinc(20, 2))
R1 = CheckedServer("r1", "read", "10.1.0.101", datacenter="dc1")
R2 = CheckedServer("r2", "read", "10.2.0.101", datacenter="dc2")
F1 = CheckedServer("f1", "member", "10.1.0.201", datacenter="dc1", replica_set="fabric")
F2 = CheckedServer("f2", "member", "10.2.0.201", datacenter="dc2", replica_set="fabric")
CALLS = CheckedTable("u", "calls")
NOW = datetime(2026, 5, 17, 12)
CHECKED = Checked(
    (W1, W2, R1, R2, F1, F2),
    (CheckedSet("fabric", "available", (Member("f1", F1.host), Member("f2", F2.host))),),
    (CALLS,),
    require_tls=False,
)
COLUMNS = (
    Column("id", "bigint", "bigint NOT NULL AUTO_INCREMENT", nullable=False, numbered=True),
    Column("started", "datetime", "datetime NOT NULL", nullable=False),
)
WRITE_SHAPE = TableShape(COLUMNS, ("id",))
INDEX = Index("started", ("started",))
READ_SHAPE = TableShape(COLUMNS, ("id", "started"), (INDEX,), partitioned=True)
MONTHS = PartitionedTable(
    "u", "calls", "started", RANGE_COLUMNS, initial(MonthPolicy(), Month(2026, 5))
)


def channel(name: str, host: str, **more: Any) -> ChannelStatus:
    settings = Settings(source_host=host, source_port=3306)
    given = {"io_running": True, "connected": True, "sql_running": True, **more}
    return ChannelStatus(name, given.pop("settings", settings), **given)


CHANNELS = (channel("w1", "10.1.0.1"), channel("w2", "10.2.0.2"))
OPEN = {"read_only": "OFF", "auto_increment_increment": "20"}


def writer(offset: int, **more: Any) -> Seen:
    given: dict[str, Any] = {
        "variables": {**OPEN, "auto_increment_offset": str(offset)},
        "tables": (TableSeen(WRITE_SHAPE),),
        "id_columns": (IdColumn("u", "calls", "id", "bigint", 41, "PRIMARY", 21, 2),),
        "now": NOW,
        **more,
    }
    return Seen("mariadb", "10.11.18-MariaDB", **given)


def reader(**more: Any) -> Seen:
    given: dict[str, Any] = {
        "variables": {"read_only": "ON"},
        "channels": CHANNELS,
        "tables": (TableSeen(READ_SHAPE, MONTHS, (), {1: 21, 2: 22}),),
        "now": NOW,
        **more,
    }
    return Seen("mariadb", "10.11.18-MariaDB", **given)


MEMBER = Seen("mariadb", "10.11.18-MariaDB", variables={"read_only": "ON"}, now=NOW)
SEEN = {
    **{"w1": writer(1), "w2": writer(2), "r1": reader(), "r2": reader()},
    **{"f1": MEMBER, "f2": MEMBER},
}
HEALTHY = Observed(SEEN, {}, {"fabric": pair()}, at=NOW)


def observed(**changed: Seen | None) -> Observed:
    """The healthy topology with other servers; None: one that does not answer."""
    seen = {**SEEN, **changed}
    silent = {name: "no answer" for name, one in seen.items() if one is None}
    return replace(
        HEALTHY,
        servers={name: one for name, one in seen.items() if one},
        silent=silent,
    )


def found(
    of: Observed, checked: Checked = CHECKED, inventory: Contents | None = None
) -> list[Finding]:
    judged = judge(checked, of, inventory or Contents(), 1)
    assert all(one.finding.code in CODES for one in judged)
    assert all(one.finding.todo for one in judged)
    return [one.finding for one in judged]


def told(of: Observed, checked: Checked = CHECKED) -> list[tuple[str, str, str]]:
    return [(one.severity, one.where, one.code) for one in found(of, checked)]


def with_channel(*channels: ChannelStatus) -> Observed:
    return observed(r1=reader(channels=channels))


def table_of_reader(**changed: Any) -> Observed:
    there = replace(SEEN["r1"].tables[0], **changed)
    return observed(r1=reader(tables=(there,)))


def months(*partitions: Partition) -> Observed:
    return table_of_reader(months=replace(MONTHS, partitions=partitions))


def test_nothing_is_wrong() -> None:
    assert found(HEALTHY) == []
    assert report(CHECKED, HEALTHY, []).splitlines() == [
        "Nothing is wrong; 6 of 6 servers answer",
        "",
        "w1  write   dc1  MariaDB 10.11.18  ids 1 of 20; 0 % of the ids used",
        "w2  write   dc2  MariaDB 10.11.18  ids 2 of 20; 0 % of the ids used",
        "r1  read    dc1  MariaDB 10.11.18  2 of 2 channels run",
        "r2  read    dc2  MariaDB 10.11.18  2 of 2 channels run",
        "f1  fabric  dc1  MariaDB 10.11.18  active writer; epoch 1",
        "f2  fabric  dc2  MariaDB 10.11.18  closed; epoch 1",
    ]


APP, MONITOR = Account("application", "10.%"), Account("monitor", "10.%")
CALLS_DATA = Scope("u")
ACCOUNTS = (
    DesiredAccount(APP, privileges={CALLS_DATA: ("SELECT", "INSERT")}),
    DesiredAccount(MONITOR, privileges={Scope(): ("PROCESS",), CALLS_DATA: ("SELECT",)}),
)
WITH_ACCOUNTS = replace(CHECKED, accounts={"w1": ACCOUNTS, "w2": ACCOUNTS})
WORDS = {word: word for word in ("SELECT", "INSERT", "DELETE", "PROCESS", "SUPER", "GRANT OPTION")}
HELD = HeldAccounts(
    Vocabulary("mariadb", WORDS),
    MONITOR,
    {
        APP: {CALLS_DATA: frozenset({"SELECT", "INSERT"})},
        MONITOR: {Scope(): frozenset({"PROCESS"}), CALLS_DATA: frozenset({"SELECT"})},
    },
)


def holding(**more: Any) -> Observed:
    """What is found where w1 has other accounts, by their names; None: it has none of that name."""
    changed = {account: more.get(account.name, held) for account, held in HELD.privileges.items()}
    there = {account: held for account, held in changed.items() if held is not None}
    held = replace(
        HELD, privileges={**there, **more.get("beside", {})}, roles=more.get("roles", {})
    )
    return observed(
        w1=writer(1, accounts=held, refused=more.get("refused", {})), w2=writer(2, accounts=HELD)
    )


ELSEWHERE = Account("application", "localhost")
OF_APP, OF_MONITOR = "w1, account application@10.%", "w1, account monitor@10.%"


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (holding(), []),
        # Nothing is known of them, and that is told elsewhere.
        (observed(w1=writer(1), w2=None), [("critical", "w2", "server.unreachable")]),
        (holding(application=None), [("critical", OF_APP, "account.missing")]),
        (
            holding(application={CALLS_DATA: frozenset({"SELECT"})}),
            [("critical", OF_APP, "account.privilege_missing")],
        ),
        (
            holding(application={Scope(): frozenset({"SELECT", "INSERT"})}),
            [("warning", OF_APP, "account.excess")],
        ),
        (
            holding(application={CALLS_DATA: frozenset({"SELECT", "DELETE"})}),
            [
                ("critical", OF_APP, "account.privilege_missing"),
                ("warning", OF_APP, "account.excess"),
            ],
        ),
        (holding(roles={APP: ("admin",)}), [("warning", OF_APP, "account.excess")]),
        # From elsewhere it may do the same, and no more.
        (holding(beside={ELSEWHERE: {CALLS_DATA: frozenset({"SELECT"})}}), []),
        (
            holding(beside={ELSEWHERE: {Scope(): frozenset({"SUPER"})}}),
            [("warning", "w1, account application@localhost", "account.excess")],
        ),
        (
            holding(monitor={Scope(): frozenset({"PROCESS"})}),
            [("critical", OF_MONITOR, "account.privilege_missing")],
        ),
        # What the one that asks may not read is named once.
        (
            holding(monitor={Scope(): frozenset({"PROCESS"})}, refused={"u.calls": "no"}),
            [("warning", "w1", "check.not_read")],
        ),
    ],
)
def test_accounts(of: Observed, expected: list[tuple[str, str, str]]) -> None:
    assert told(of, WITH_ACCOUNTS) == expected
    # Without a list of those that belong there nothing is said of any.
    assert [one for one in told(of) if one[2].startswith("account.")] == []


def test_what_is_said_of_accounts() -> None:
    (one,) = found(holding(application=None, beside={ELSEWHERE: {}}), WITH_ACCOUNTS)
    assert one.text.endswith("as it. There is application@localhost, from elsewhere.")
    (one,) = found(holding(application={}), WITH_ACCOUNTS)
    assert one.text == "It lacks what it needs: INSERT, SELECT on u.*."
    more = {CALLS_DATA: frozenset({"SELECT", "INSERT"}), Scope(): frozenset({"SUPER"})}
    (one,) = found(holding(application=more, roles={APP: ("admin",)}), WITH_ACCOUNTS)
    assert one.text == "It may do more than it is for: SUPER on *.*; the role admin."


GIB = 1024**3
FULL_DISK = Disk("/var/lib/mysql", 100 * GIB, 9 * GIB)


def hosts(**told: HostFacts) -> Checked:
    return replace(CHECKED, hosts=told)


@pytest.mark.parametrize(
    ("free", "expected"),
    [
        (20, []),
        (19, [("warning", "w1, disk of /var/lib/mysql", "disk.filling")]),
        (10, [("warning", "w1, disk of /var/lib/mysql", "disk.filling")]),
        (9, [("critical", "w1, disk of /var/lib/mysql", "disk.filling")]),
    ],
)
def test_disks(free: int, expected: list[tuple[str, str, str]]) -> None:
    checked = hosts(w1=HostFacts((replace(FULL_DISK, free_bytes=free * GIB),)))
    assert told(HEALTHY, checked) == expected
    assert told(HEALTHY) == []
    (disk,) = tell(checked, HEALTHY)["servers"][0]["disks"]
    assert disk == {
        **{"folder": "/var/lib/mysql", "size_bytes": 100 * GIB, "free_bytes": free * GIB}
    }
    assert tell(checked, HEALTHY)["servers"][1]["disks"] is None


def test_a_full_disk_of_a_server_that_is_down() -> None:
    checked = hosts(w1=HostFacts((FULL_DISK,)))
    (first, second) = found(observed(w1=None), checked)
    assert (first.code, second.code) == ("server.unreachable", "disk.filling")
    assert second.text == "9 % of its 100.0 GiB are free."
    assert tell(checked, observed(w1=None))["servers"][0]["disks"]


def test_a_host_that_has_not_told() -> None:
    (one,) = found(HEALTHY, hosts(r1=HostFacts(unknown="Connection timed out.")))
    assert (one.severity, one.where, one.code) == ("warning", "r1", "check.not_read")
    assert one.text.endswith("its host has not told: Connection timed out.")


@pytest.mark.parametrize(
    ("pending", "text"),
    [
        (
            Pending("a", "1", "2"),
            "It is 1, and the option file, which was changed since the server ",
        ),
        (Pending("a", None, "2"), "It is not shown, and the option file"),
        (Pending("a", "1", None), "It is 1, and the option file"),
    ],
)
def test_settings_that_wait_for_a_restart(pending: Pending, text: str) -> None:
    of = observed(w1=writer(1, pending=(pending,)))
    (one,) = found(of, hosts(w1=HostFacts()))
    assert (one.severity, one.where, one.code) == ("warning", "w1, a", "server.pending_restart")
    assert one.text.startswith(text)
    assert one.text.endswith("not have it any more." if pending.written is None else "has 2.")
    (shown,) = tell(CHECKED, of)["servers"][0]["pending_restart"]
    assert shown["name"] == "a"


UTC = ServerZones("w1", Clock("+00:00", 2026, (("2026-01-01", 0),)), None)
BROKEN = Fault(1062, "Could not execute Write_rows_v1 event on table u.calls; Duplicate entry")
NO_SOURCE = Fault(2003, "error connecting to master")
FULL = replace(CHANNELS[0], io_state="Waiting for disk space")
PARTITIONS = MONTHS.partitions


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (observed(w2=None), [("critical", "w2", "server.unreachable")]),
        (observed(r2=None), [("critical", "r2", "server.unreachable")]),
        # What follows from it is not told again.
        (
            replace(
                observed(w2=None),
                servers={
                    **{name: one for name, one in SEEN.items() if name != "w2"},
                    "r1": reader(
                        channels=(
                            CHANNELS[0],
                            replace(CHANNELS[1], connected=False, io_fault=NO_SOURCE),
                        )
                    ),
                },
            ),
            [("critical", "w2", "server.unreachable")],
        ),
        # Its set says what it means.
        (observed(f2=None), []),
        (
            observed(r1=reader(refused={"its channels": "no"}, channels=())),
            [("warning", "r1", "check.not_read")],
        ),
        (
            observed(r1=reader(refused={"u.calls": "no"}, tables=(TableSeen(),))),
            [("warning", "r1", "check.not_read")],
        ),
        (observed(w1=writer(3)), [("critical", "w1", "ids.pair_differs")]),
        (
            observed(
                w1=writer(1, variables={**OPEN, "auto_increment_offset": "1", "read_only": "1"})
            ),
            [("critical", "w1", "server.closed")],
        ),
        (
            observed(w1=writer(1, variables={}, refused={"its settings": "no"})),
            [("warning", "w1", "check.not_read")],
        ),
        (
            observed(w1=writer(1, binary_log_seconds=3600)),
            [("warning", "w1", "binary_log.expires_early")],
        ),
        (
            observed(f1=replace(MEMBER, binary_log_seconds=100_000)),
            [("warning", "f1", "binary_log.expires_early")],
        ),
        (observed(w1=writer(1, binary_log_seconds=900_000)), []),
        (
            observed(r2=reader(clock_ahead_seconds=-7.4)),
            [("warning", "r2", "server.clock_differs")],
        ),
        (observed(r2=reader(clock_ahead_seconds=7.4)), [("warning", "r2", "server.clock_differs")]),
        (
            observed(r2=reader(findings=(Finding("settings.read_only", "warning", "", "x", "y"),))),
            [("warning", "r2", "settings.read_only")],
        ),
        (
            observed(r2=replace(reader(), version="10.6.12-MariaDB")),
            [
                ("critical", "r2", "server.version_unsupported"),
                ("warning", "r2", "server.versions_mixed"),
            ],
        ),
        (
            observed(w1=replace(writer(1), version="11.8.2-MariaDB")),
            [("warning", name, "server.versions_mixed") for name in ("r1", "r2")],
        ),
        (
            observed(r1=replace(reader(), flavour="mysql", version="9.7.4")),
            [("critical", "", "server.flavours_mixed")],
        ),
        # Neither of the readers is compared with the other.
        (
            observed(
                r2=replace(
                    reader(
                        tables=(
                            replace(SEEN["r2"].tables[0], shape=replace(READ_SHAPE, indexes=())),
                        )
                    ),
                    flavour="mysql",
                    version="9.7.4",
                )
            ),
            [("critical", "", "server.flavours_mixed")],
        ),
        (with_channel(CHANNELS[0]), [("critical", "r1", "channel.missing")]),
        (
            with_channel(*CHANNELS, channel("w9", "10.9.9.9")),
            [("warning", "r1, channel w9", "channel.not_in_inventory")],
        ),
        (
            with_channel(CHANNELS[0], channel("W2", "10.9.9.9")),
            [("critical", "r1, channel W2", "channel.other_source")],
        ),
        (
            with_channel(
                CHANNELS[0],
                channel("w2", "10.2.0.2", connected=False, io_running=False, sql_running=False),
            ),
            [("critical", "r1, channel w2", "channel.stopped")],
        ),
        (
            with_channel(CHANNELS[0], channel("w2", "10.2.0.2", sql_running=False)),
            [("critical", "r1, channel w2", "channel.stopped")],
        ),
        (
            with_channel(CHANNELS[0], channel("w2", "10.2.0.2", io_running=False, connected=False)),
            [("critical", "r1, channel w2", "channel.stopped")],
        ),
        (
            with_channel(CHANNELS[0], channel("w2", "10.2.0.2", connected=False)),
            [("warning", "r1, channel w2", "channel.connecting")],
        ),
        (
            with_channel(
                CHANNELS[0], channel("w2", "10.2.0.2", sql_running=False, sql_fault=BROKEN)
            ),
            [("critical", "r1, channel w2", "channel.row_exists")],
        ),
        # It cannot reach what others can.
        (
            with_channel(
                CHANNELS[0], channel("w2", "10.2.0.2", connected=False, io_fault=NO_SOURCE)
            ),
            [("critical", "r1, channel w2", "channel.source_unreachable")],
        ),
        (with_channel(FULL, CHANNELS[1]), [("critical", "r1, channel w1", "channel.disk_full")]),
        (
            with_channel(replace(CHANNELS[0], seconds_behind_source=61), CHANNELS[1]),
            [("warning", "r1, channel w1", "channel.lagging")],
        ),
        (
            with_channel(replace(CHANNELS[0], seconds_behind_source=601), CHANNELS[1]),
            [("critical", "r1, channel w1", "channel.lagging")],
        ),
        (
            observed(
                w1=writer(1, binary_log_seconds=300_000),
                r1=reader(
                    channels=(replace(CHANNELS[0], seconds_behind_source=150_001), CHANNELS[1])
                ),
            ),
            [("critical", "r1, channel w1", "channel.logs_expire")],
        ),
        (
            with_channel(
                replace(CHANNELS[0], filters=Filters(ignore_tables=("u.calls",))), CHANNELS[1]
            ),
            [("critical", "r1, channel w1", "channel.filters_rows")],
        ),
        (
            with_channel(
                replace(
                    CHANNELS[0],
                    source_server_id=1,
                    left_out=LeftOut(ignore_server_ids=(1,)),
                ),
                CHANNELS[1],
            ),
            [("critical", "r1, channel w1", "channel.skips_source")],
        ),
        (
            observed(r1=reader(identity={"server_id": 7}), r2=reader(identity={"server_id": 7})),
            [("critical", "r1, r2", "server.identity_shared")],
        ),
        (
            observed(
                w1=writer(1, identity={"gtid_domains": [1]}),
                f1=replace(MEMBER, identity={"gtid_domains": [1]}),
            ),
            [],
        ),
        (
            observed(w1=writer(1, zones=UTC), w2=writer(2, zones=replace(UTC, server="w2"))),
            [],
        ),
        (
            observed(
                w1=writer(1, zones=UTC),
                w2=writer(
                    2, zones=ServerZones("w2", Clock("CET", 2026, (("2026-01-01", 3600),)), None)
                ),
            ),
            [("warning", "", "time_zones.clocks_differ")],
        ),
        (
            observed(
                w1=writer(
                    1,
                    zones=ServerZones(
                        "w1", Clock("X", 2026, (("2026-01-01", 0), ("2026-03-29", 3600))), None
                    ),
                )
            ),
            [("warning", "w1", "time_zones.clock_put_back")],
        ),
        (
            table_of_reader(shape=None, months=None),
            [("critical", "r1, u.calls", "tables.missing")],
        ),
        (
            observed(w1=writer(1, tables=(TableSeen(),))),
            [("critical", "w1, u.calls", "tables.missing")],
        ),
        (
            table_of_reader(months=("it has no partitions.",)),
            [("critical", "r1, u.calls", "months.not_partitioned")],
        ),
        (months(*PARTITIONS[:-1]), [("warning", "r1, u.calls", "months.missing")]),
        (months(*PARTITIONS[:-3]), [("critical", "r1, u.calls", "months.missing")]),
        (
            months(*PARTITIONS[:-3], Partition("tail", None, counted=0)),
            [("warning", "r1, u.calls", "months.missing")],
        ),
        (
            months(*PARTITIONS[:-3], Partition("tail", None, counted=5)),
            [("critical", "r1, u.calls", "months.tail_holds_rows")],
        ),
        (
            table_of_reader(shape=replace(READ_SHAPE, columns=COLUMNS[:1])),
            [("critical", "r1, u.calls", "tables.differ")] * 1,
        ),
        (
            table_of_reader(shape=replace(READ_SHAPE, indexes=())),
            [("warning", "r2, u.calls", "tables.readers_differ")],
        ),
        (
            observed(
                r2=reader(
                    tables=(replace(SEEN["r2"].tables[0], shape=replace(READ_SHAPE, indexes=())),)
                )
            ),
            [("warning", "r2, u.calls", "tables.readers_differ")],
        ),
        (table_of_reader(twice=(21,)), [("critical", "r1, u.calls", "ids.twice")]),
        (
            table_of_reader(residues={1: 21, 7: 47}),
            [("warning", "r1, u.calls", "ids.of_no_server")],
        ),
        (
            observed(
                w1=writer(
                    1,
                    id_columns=(
                        IdColumn("u", "calls", "id", "bigint", 41, "PRIMARY", 47, 2, 1, (47,)),
                    ),
                ),
                r1=reader(tables=(replace(SEEN["r1"].tables[0], residues={7: 47}),)),
            ),
            [("critical", "w1, u.calls", "ids.of_other_servers")],
        ),
        (
            observed(
                w1=writer(
                    1, id_columns=(IdColumn("u", "small", "id", "tinyint", 121, "PRIMARY", 121),)
                )
            ),
            [("critical", "w1, u.small", "ids.range_used")],
        ),
        (
            observed(w1=writer(1, id_columns=(IdColumn("u", "odd", "id", "bigint", 1, None),))),
            [("warning", "w1, u.odd", "ids.not_checked")],
        ),
        (
            replace(
                HEALTHY,
                given_again={"w1": [Finding("ids.given_again", "critical", "u.calls", "x.", "y")]},
            ),
            [("critical", "w1, u.calls", "ids.given_again")],
        ),
    ],
)
def test_each_thing_is_named_once(of: Observed, expected: list[tuple[str, str, str]]) -> None:
    assert told(of) == expected


def test_the_worst_comes_first_and_always_in_one_order() -> None:
    of = observed(
        w2=None, w1=writer(1, binary_log_seconds=1, clock_ahead_seconds=9.0), r1=reader(channels=())
    )
    assert told(of) == [
        ("critical", "r1", "channel.missing"),
        ("critical", "r1", "channel.missing"),
        ("critical", "w2", "server.unreachable"),
        ("warning", "w1", "binary_log.expires_early"),
        ("warning", "w1", "server.clock_differs"),
    ]


def test_a_delay_that_was_asked_for_is_no_lag() -> None:
    settings = replace(CHANNELS[0].settings, source_delay_seconds=3600)
    late = replace(CHANNELS[0], settings=settings, seconds_behind_source=3650)
    assert told(with_channel(late, CHANNELS[1])) == []


BEATING = replace(CHECKED, heartbeats=("w1", "w2"))
W1_BEATS, W2_BEATS = {1: 0.4}, {2: 0.9}


def beating(**changed: Seen | None) -> Observed:
    """The healthy topology whose write servers write heartbeats; the ids are those of the names."""
    seen: dict[str, Seen | None] = {
        "w1": writer(1, identity={"server_id": 1}, heartbeats=W1_BEATS),
        "w2": writer(2, identity={"server_id": 2}, heartbeats=W2_BEATS),
        "r1": reader(heartbeats={1: 1.2, 2: 0.3}),
        "r2": reader(heartbeats={1: 0.2, 2: 1.3}),
        **changed,
    }
    return observed(**seen)


def of_w1(**more: Any) -> Seen:
    return writer(1, **{"identity": {"server_id": 1}, "heartbeats": W1_BEATS, **more})


def of_r1(age: float | None, **more: Any) -> Seen:
    first = {} if age is None else {1: age}
    return reader(**{"heartbeats": {**first, 2: 0.3}, **more})


MISSING = [("warning", "w1", "heartbeat.missing")]
SILENT = [("warning", "r1, channel w1", "channel.silent")]
DEAD = [("critical", "r1, channel w1", "channel.silent")]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (beating(), []),
        # Written by nobody, or not any more; that none arrive on read servers follows from it.
        (beating(w1=of_w1(heartbeats={}), r1=of_r1(None)), MISSING),
        (beating(w1=of_w1(heartbeats={1: 11.0}), r1=of_r1(200.0)), MISSING),
        (beating(w1=of_w1(heartbeats={2: 0.1})), MISSING),
        # Written, and not arriving.
        (beating(r1=of_r1(10.0)), []),
        (beating(r1=of_r1(10.1)), SILENT),
        (beating(r1=of_r1(100.1)), DEAD),
        (beating(r1=of_r1(None)), DEAD),
        # What the channel reports itself is no silence, nor a delay that was asked for.
        (
            beating(
                r1=of_r1(
                    69.0, channels=(replace(CHANNELS[0], seconds_behind_source=59), CHANNELS[1])
                )
            ),
            [],
        ),
        (
            beating(
                r1=of_r1(
                    80.0, channels=(replace(CHANNELS[0], seconds_behind_source=61), CHANNELS[1])
                )
            ),
            [("warning", "r1, channel w1", "channel.lagging")],
        ),
        (
            beating(
                r1=of_r1(
                    39.0,
                    channels=(
                        replace(
                            CHANNELS[0],
                            settings=replace(CHANNELS[0].settings, source_delay_seconds=30),
                        ),
                        CHANNELS[1],
                    ),
                )
            ),
            [],
        ),
        # Clocks that differ are told by themselves, and are no silence.
        (
            beating(r1=of_r1(31.0, clock_ahead_seconds=30.0)),
            [("warning", "r1", "server.clock_differs")],
        ),
        (
            beating(w1=of_w1(clock_ahead_seconds=30.0), r1=of_r1(-29.0), r2=of_r1(-29.0)),
            [("warning", "w1", "server.clock_differs")],
        ),
        (
            beating(w1=of_w1(clock_ahead_seconds=30.0), r1=of_r1(0.2), r2=of_r1(-29.0)),
            [
                ("warning", "r1, channel w1", "channel.silent"),
                ("warning", "w1", "server.clock_differs"),
            ],
        ),
        # What is not known is not judged; a source that does not answer is told once.
        (
            beating(w1=None, r1=of_r1(200.0)),
            [("critical", "w1", "server.unreachable")],
        ),
        (
            beating(r1=of_r1(None, refused={"its heartbeats": "error 1142: denied"})),
            [("warning", "r1", "check.not_read")],
        ),
        (
            beating(w1=of_w1(heartbeats={}, refused={"its heartbeats": "error 1142: denied"})),
            [("warning", "w1", "check.not_read")],
        ),
        # A channel that does not run says so itself.
        (
            beating(
                r1=of_r1(200.0, channels=(replace(CHANNELS[0], sql_running=False), CHANNELS[1]))
            ),
            [("critical", "r1, channel w1", "channel.stopped")],
        ),
    ],
)
def test_heartbeats(of: Observed, expected: list[tuple[str, str, str]]) -> None:
    assert told(of, BEATING) == expected


def test_where_no_heartbeats_are_wanted_none_are_missed() -> None:
    assert found(HEALTHY) == []
    only_w2 = replace(CHECKED, heartbeats=("w2",))
    assert found(beating(w1=of_w1(heartbeats={}), r1=of_r1(None)), only_w2) == []


def test_what_is_said_of_heartbeats() -> None:
    (one,) = found(beating(r1=of_r1(45.3)), BEATING)
    assert "reports to be 0 s behind its source" in one.text and "is 45 s old" in one.text
    (one,) = found(beating(r1=of_r1(None)), BEATING)
    assert "no heartbeat of it has arrived yet" in one.text
    (one,) = found(beating(w1=of_w1(heartbeats={1: 70.0})), BEATING)
    assert "wrote the last one 70 s ago" in one.text
    (one,) = found(beating(w1=of_w1(heartbeats={})), BEATING)
    assert "has written none yet" in one.text
    shown = {one["name"]: one for one in tell(BEATING, beating(w2=None))["servers"]}
    assert shown["r1"]["heartbeat_seconds"] == {"w1": 1}
    assert shown["w1"]["heartbeat_seconds"] == {"w1": 0}


def test_the_common_channel() -> None:
    checked = replace(CHECKED, common_schemas=("prices",))
    of = with_channel(*CHANNELS, channel("common", F2.host))
    assert told(of, checked) == [("critical", "r2", "channel.missing")]
    assert "the common data" in found(of, checked)[0].text
    assert "3 of 3 channels run" in report(checked, of, [])


def test_without_tls() -> None:
    checked = replace(CHECKED, require_tls=True)
    plain = replace(CHANNELS[0], settings=replace(CHANNELS[0].settings, source_ssl=False))
    of = with_channel(plain, CHANNELS[1])
    assert told(of, checked) == [("warning", "r1, channel w1", "channel.without_tls")]
    assert told(of) == []


@pytest.mark.parametrize(
    ("until", "severity"),
    [
        (datetime(2026, 5, 1), "critical"),
        (datetime(2026, 6, 1), "warning"),
        (datetime(2027, 1, 1), None),
    ],
)
def test_certificates(until: datetime, severity: str | None) -> None:
    of = observed(w1=writer(1, certificate_until=until))
    expected = [(severity, "w1", "server.certificate_expires")] if severity else []
    assert told(of, replace(CHECKED, require_tls=True)) == expected
    assert told(of) == []
    assert tell(CHECKED, of)["servers"][0]["certificate_until"] == f"{until:%Y-%m-%d}"


def test_a_reader_of_other_ids_only_where_nobody_knows_the_months() -> None:
    of = observed(r1=reader(now=None), w1=None)
    assert told(of) == [("critical", "w1", "server.unreachable")]


def test_a_write_server_without_ids_of_its_own_is_not_judged_by_them() -> None:
    checked = replace(CHECKED, servers=(replace(W1, pair=None),), sets=(), tables=())
    assert told(Observed({"w1": writer(1, tables=())}), checked) == []
    assert checked.increment == 1


def test_what_a_set_says() -> None:
    lost = SetState({"f1": closed(member("f1")), "f2": follower("f2")})
    of = replace(HEALTHY, sets={"fabric": lost})
    assert ("critical", "fabric", "replica_set.no_writer") in told(of)
    assert directory_on(of) == "" and directory_on(HEALTHY) == "f1"
    assert directory_on(Observed()) == ""
    rows = report(CHECKED, of, []).splitlines()
    assert "closed" in rows[-2]
    semi = Finding("settings.semi_sync", "warning", "", "x", "y")
    members = {name: replace(one, semi_sync=SemiSync()) for name, one in pair().members.items()}
    of = replace(observed(f2=replace(MEMBER, findings=(semi,))), sets={"fabric": SetState(members)})
    assert [code for _severity, where, code in told(of) if where == "f2"] == [
        "replica_set.semi_sync_missing"
    ]
    assert told(replace(HEALTHY, sets={})) == []


DIRECTORY = Contents(
    {
        "w1": DirectoryServer("w1", "write", "dc1", "10.1.0.1", id_increment=20, id_offset=1),
        "w2": DirectoryServer("w2", "write", "dc2", "10.2.0.2", id_increment=20, id_offset=2),
        "r1": DirectoryServer("r1", "read", "dc1", "10.1.0.101"),
        "f1": DirectoryServer("f1", "member", "dc1", "10.1.0.201", replica_set="fabric"),
    },
    {"fabric": DirectorySet("fabric", "available", weight=1.0)},
    frozenset({"u.calls"}),
)


def a_directory(contents: Contents) -> Found:
    written = {name: [one.identity] for name, one in DIRECTORY.servers.items()}
    states = dict.fromkeys(contents.servers, "online")
    return Found(1, False, (1, 9), ["main"], contents, states, written)


def test_what_the_directory_has() -> None:
    of = replace(HEALTHY, directory=a_directory(DIRECTORY))
    assert found(of, inventory=DIRECTORY) == []
    assert tell(CHECKED, of)["directory"]["states"]["w1"] == "online"
    other = {**DIRECTORY.servers, "w1": replace(DIRECTORY.servers["w1"], weight=7.0)}
    of = replace(HEALTHY, directory=a_directory(replace(DIRECTORY, servers=other)))
    (one,) = found(of, inventory=DIRECTORY)
    assert one.code == "directory.server_differs"
    # What a server has otherwise, or does not say, is told of the server.
    of = replace(observed(w1=writer(5), w2=None), directory=a_directory(DIRECTORY))
    assert [(one.code, one.where) for one in found(of, inventory=DIRECTORY)] == [
        ("ids.pair_differs", "w1"),
        ("server.unreachable", "w2"),
    ]


def test_a_member_that_has_not_said_how_it_stands() -> None:
    gone = SetState({"f1": MemberState("f1", unreachable="no answer")})
    of = replace(HEALTHY, sets={"fabric": gone}, directory=a_directory(DIRECTORY))
    codes = [one.code for one in found(of, inventory=DIRECTORY)]
    assert all(code.startswith("replica_set.") for code in codes), codes


STOPPED = Finding("channel.stopped", "critical", "r1, channel w1", "It is stopped.", "Start it.")
LATE = Finding("channel.lagging", "warning", "r1, channel w2", "It is late.", "Look.")
TODAY = date(2026, 5, 17)


@pytest.mark.parametrize(
    ("mute", "hidden"),
    [
        (Mute("channel.lagging", TODAY), True),
        (Mute("channel.lagging", date(2026, 5, 16)), False),
        (Mute("channel.lagging", TODAY, "r1, channel w2"), True),
        (Mute("channel.lagging", TODAY, "r1"), False),
        (Mute("channel.stopped", TODAY), False),
        (Mute("channel.lagging", TODAY, severity="info"), False),
    ],
)
def test_what_a_mute_hides(mute: Mute, hidden: bool) -> None:
    assert mute.hides(LATE, TODAY) is hidden


def test_a_mute_does_not_hide_what_is_worse() -> None:
    assert not Mute("channel.stopped", TODAY).hides(STOPPED, TODAY)
    assert Mute("channel.stopped", TODAY, severity="critical").hides(STOPPED, TODAY)


def test_the_report_of_what_is_wrong() -> None:
    of = observed(w2=None)
    mute = Mute("channel.lagging", TODAY)
    judged = [Judged(STOPPED), Judged(LATE, mute), Judged(replace(STOPPED, where=""))]
    assert worst(judged) == "critical" and worst([Judged(LATE, mute)]) == "" and worst([]) == ""
    assert Judged(LATE, mute).told()["muted_until"] == "2026-05-17"
    lines = report(CHECKED, of, judged).splitlines()
    assert lines[:12] == [
        "2 critical; 5 of 6 servers answer",
        "",
        "CRITICAL  r1, channel w1  channel.stopped",
        "          It is stopped.",
        "          -> Start it.",
        "",
        "CRITICAL  topology  channel.stopped",
        "          It is stopped.",
        "          -> Start it.",
        "",
        "Muted:",
        "  r1, channel w2  channel.lagging, until 2026-05-17",
    ]
    assert "w2  write   dc2  -                 does not answer" in lines
    assert tell(CHECKED, of)["servers"][1]["answers"] is False
    told = tell(CHECKED, HEALTHY)["servers"]
    assert (
        told[2]["tables"][0]["months"][0] == "p2026m05" and told[0]["tables"][0]["months"] is None
    )


def test_what_is_not_known_is_not_shown() -> None:
    lonely = SetState({"f1": replace(closed(member("f1")), epoch=None)})
    of = replace(observed(w1=writer(1, id_columns=())), sets={"fabric": lonely})
    lines = report(CHECKED, of, []).splitlines()
    assert lines[2].endswith("ids 1 of 20")
    assert lines[-2].endswith("MariaDB 10.11.18  closed")
    assert lines[-1].endswith("MariaDB 10.11.18")


def test_a_comment_of_a_table_does_no_harm() -> None:
    other = replace(WRITE_SHAPE, columns=(replace(COLUMNS[0], type="bigint unsigned"), COLUMNS[1]))
    of = observed(w1=writer(1, tables=(TableSeen(other),)))
    assert {code for _severity, _where, code in told(of)} <= {"tables.differ"}
    noted = tuple(replace(one, nullable=True) for one in COLUMNS)
    assert told(table_of_reader(shape=replace(READ_SHAPE, columns=noted))) == []


def test_limits_and_names() -> None:
    assert CHECKED.server("r1") == R1 and Limits().max_lag_seconds == 60
    assert Identity("read").told()["kind"] == "read"
