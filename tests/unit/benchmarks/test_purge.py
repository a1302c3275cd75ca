"""What is made of a purge beside pt-archiver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables.retention_purge import (
    RetentionPurge,
)
from benchmarks import purge
from benchmarks.measure import part
from benchmarks.purge import (
    BULK,
    OURS,
    SINGLE,
    Inserts,
    Purge,
    archiver,
    inserts_table,
    judged,
    options,
    rates,
    table,
)
from benchmarks.servers import Failed, Servers


def purged(ours: float = 40_000.0, p99: float = 0.003) -> Purge:
    """Return a repetition; the peer removes 10,000 rows a second, and an insert takes 2 ms alone."""
    return Purge(
        300_000,
        alone={OURS: [ours], BULK: [10_000.0], SINGLE: [5_000.0]},
        beside={OURS: [20_000.0], BULK: [8_000.0], SINGLE: [4_000.0]},
        inside=[60_000.0],
        paused=[1.5],
        undisturbed=[0.001] * 50 + [0.002] * 50,
        inserts={
            OURS: [0.001] * 98 + [p99] * 2,
            BULK: [0.001] * 98 + [0.006] * 2,
            SINGLE: [0.001] * 100,
        },
    )


def test_a_share_of_values():
    assert part([3.0, 1.0, 2.0], 0.5) == 2.0
    assert (part([1.0, 2.0], 0.5), part([1.0, 2.0], 0.51), part([7.0], 0.0)) == (1.0, 2.0, 7.0)


def test_the_aims():
    assert ["**met**" in sentence for sentence in judged(purged())] == [True, True]
    assert ["**missed**" in sentence for sentence in judged(purged(29_999.0, 0.0041))] == [
        True,
        True,
    ]


def test_the_faster_way_of_the_peer_counts():
    measured = purged()
    measured.alone[SINGLE] = [20_000.0]
    rate, growth = judged(measured)
    assert "**missed**, 2.0 times those of its faster way, 40,000 and 20,000." in rate
    assert growth.endswith("1.5 times; beside pt-archiver 0.5 times.")


def test_the_ways_are_compared():
    assert [row[1:] for row in table(purged()).rows] == [
        ["40,000", "1.0", "20,000"],
        ["60,000", "", ""],
        ["10,000", "4.0", "8,000"],
        ["5,000", "8.0", "4,000"],
    ]
    assert rates([3_000.0, 1_000.0, 2_000.0]) == "2,000 (1,000–3,000)"


def test_what_inserts_felt():
    assert [row[1:] for row in inserts_table(purged()).rows] == [
        ["100", "1.00", "2.00", "2.00", "1.0"],
        ["100", "1.00", "3.00", "3.00", "1.5"],
        ["100", "1.00", "6.00", "6.00", "3.0"],
        ["100", "1.00", "1.00", "1.00", "0.5"],
    ]


def test_an_insert_counts_where_it_began():
    inserts = Inserts([(1.0, 0.5), (2.0, 0.6), (3.0, 0.7)])
    assert inserts.between(1.0, 3.0) == [0.5, 0.6]


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "monitor").write_text("hushed\n")
    return Servers(tmp_path, 7, 1)


def test_both_do_the_same_work(servers):
    given = options(servers)
    # What the module itself refuses is told by it.
    (rule,) = given["tables"]
    assert set(given) <= {*RetentionPurge.options, "login_unix_socket", "login_user"}
    assert given["read_server_password"] == "hushed"
    command = archiver(servers.socket("w1"), BULK)
    assert command[command.index("--limit") + 1] == str(given["chunk_rows"])
    source = command[command.index("--source") + 1]
    assert f"D={rule['schema']},t={rule['name']}," in source
    # Outside the binary log.
    assert source.endswith(",b=1")
    assert command[command.index("--where") + 1] == "started < '2026-02-03'"
    assert (given["now"], rule["days_kept"]) == ("2026-02-10", 7)
    assert {"--purge", "--commit-each", "--bulk-delete"} <= set(command)
    assert command[:-1] == archiver(servers.socket("w1"), SINGLE)


class Counted:
    """A session of which each question for old rows has the next answer."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = list(numbers)

    def execute(self, statement: str) -> None:
        assert statement == purge.COUNT_OLD

    def fetchone(self) -> tuple[int]:
        return (self.numbers.pop(0),)


def run(servers: Servers, way: str, *numbers: int) -> tuple[float, dict[str, Any]]:
    return purge.purged(servers, way, Counted(*numbers))


def test_what_has_gone_is_counted_on_the_server(servers, monkeypatch):
    told = {"rows": 900, "rows_per_second": 500}
    monkeypatch.setattr(purge, "called", lambda *_given: (3.0, {"tables": [told]}))
    assert run(servers, OURS, 900, 0) == (300.0, told)
    with pytest.raises(Failed, match="removed 800 rows of 900, and says: .*'rows': 900"):
        run(servers, OURS, 900, 100)
    monkeypatch.setattr(purge, "archived", lambda _command: 2.0)
    # It was ended before it was through.
    assert run(servers, BULK, 900, 700) == (100.0, {})
    with pytest.raises(Failed, match="removed 0 rows of 900"):
        run(servers, SINGLE, 900, 900)


def test_a_peer_that_fails():
    assert purge.archived(["true"]) < 60
    with pytest.raises(Failed, match="pt-archiver has failed: .*no such table"):
        purge.archived(["sh", "-c", "echo no such table >&2; exit 1"])


class Recorded:
    """A session that keeps what it is told, and answers each question with one number."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.told: list[tuple[str, Any]] = []

    def execute(self, statement: str, given: Any = None) -> None:
        self.told.append((statement, given))

    def fetchone(self) -> tuple[int]:
        return (self.number,)


def test_a_table_made_afresh_gives_no_id_that_the_read_server_has():
    # Those that clients were given went with the table before.
    writer, reader = Recorded(30), Recorded(660_021)
    purge.make(writer, reader, 30)
    assert reader.told == [(purge.HIGHEST, None)]
    statement, given = writer.told[-1]
    assert "AUTO_INCREMENT = %s" in statement and given == (660_022,)
    # Names of sequences need a schema where the session has none.
    assert all(
        "FROM benchmark.seq_1_to_" in said for said, _given in writer.told if "INSERT" in said
    )
