"""The loader's own decisions: what is sent, and what is noticed."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from demo import flights, load_flights, local_servers
from demo.flights import Checksum, Row
from demo.ledger import Batch, Ledger
from demo.load_flights import Content, Stopped
from examples.dbrw import READ, WRITE, Client, InDoubt, NoServer, Server, Topology

W2 = Server("w2", WRITE, "dc1", "host", 3306, 2)
R1 = Server("r1", READ, "dc1", "host", 3306)
LINE = {
    **{"year": "2013", "month": "12", "day": "31", "dep_delay": "NA", "carrier": "UA"},
    **{"flight": "1545", "tailnum": "NA", "origin": "EWR", "dest": "IAH", "air_time": "NA"},
    **{"distance": "1400", "hour": "23", "minute": "59", "arr_delay": "-11"},
    "time_hour": "2014-01-01T04:00:00Z",
}
ROW: Row = (7, "2013-12-31 23:59:00", "UA", 1545, None, "EWR", "IAH", 1400, None, -11, None)


def test_a_line_becomes_a_row_of_local_time_and_nulls() -> None:
    assert flights.row_of(7, LINE) == ROW
    assert len(ROW) == flights.ROW_MARKS.count("%s") == flights.INSERT_ROWS.count(",") + 1


def test_the_checksum_is_that_of_the_sql() -> None:
    checksum = Checksum()
    checksum.add(ROW)
    text = b"7|2013-12-31 23:59:00|UA|1545|NA|EWR|IAH|1400|NA|-11|NA"
    assert (checksum.rows, checksum.value) == (1, zlib.crc32(text))


def rows(*numbers: int) -> list[Row]:
    return [(number, *ROW[1:]) for number in numbers]


def test_known_rows_are_not_sent_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_flights, "BATCH_ROWS", 2)
    whole = Checksum()
    made = list(load_flights.batches(rows(1, 2, 3, 4, 5, 6, 7), {2, 5}, whole))
    assert [batch.request_ids for batch in made] == [[1, 3], [4, 6], [7]]
    assert [batch.number for batch in made] == [0, 1, 2]
    assert whole.rows == 7


def test_values_are_bound_and_a_batch_is_one_statement() -> None:
    sql, args = load_flights.insert_statement(Batch(0, rows(1, 2)))
    assert sql.count("%s") == len(args) == 2 * len(ROW)
    assert sql.count("INSERT") == 1
    assert "UA" not in sql


class Judge:
    """Stands in for a Client that asks one server about its sessions and rows."""

    def __init__(self, ended: bool, found: int, error: Exception | None = None) -> None:
        self.ended, self.found, self.error = ended, found, error
        self.asked: list[str] = []

    def has_ended(self, server: Server, _session: str) -> bool:
        self.asked.append(server.name)
        if self.error:
            raise self.error
        return self.ended

    def on(self, server: Server, _sql: str, args: Any) -> tuple[list[tuple[int]], int]:
        assert args == ([1, 2],)
        self.asked.append(server.name)
        return [(self.found,)], 1


def settled(judge: Judge) -> Ledger:
    ledger = Ledger(iter([Batch(0, rows(1, 2))]))
    batch = ledger.take()
    assert batch is not None
    ledger.in_doubt(batch, InDoubt(W2, "session", Exception("lost")))
    load_flights.settle_doubts(ledger, judge)  # type: ignore[arg-type]
    return ledger


def test_the_very_server_is_asked() -> None:
    judge = Judge(ended=True, found=2)
    ledger = settled(judge)
    assert judge.asked == ["w2", "w2"]
    assert (ledger.found, ledger.not_found, ledger.doubts()) == (1, 0, [])


def test_what_is_not_there_is_sent_again() -> None:
    ledger = settled(Judge(ended=True, found=0))
    assert (ledger.found, ledger.not_found, ledger.doubts()) == (0, 1, [])


def test_a_session_that_still_works_is_not_judged() -> None:
    judge = Judge(ended=False, found=0)
    assert len(settled(judge).doubts()) == 1
    assert judge.asked == ["w2"]


@pytest.mark.parametrize("error", [NoServer("down"), InDoubt(W2, "other", Exception("lost"))])
def test_a_server_that_does_not_answer_leaves_the_doubt(error: Exception) -> None:
    assert len(settled(Judge(ended=True, found=0, error=error)).doubts()) == 1


def test_half_a_batch_is_an_alarm() -> None:
    with pytest.raises(Stopped, match="w2 has 1 of the 2 rows of one INSERT"):
        settled(Judge(ended=True, found=1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"rows": 9, "ids": 9, "request_ids": 9}, "r1 has 9 rows instead of 10"),
        ({"rows": 11, "ids": 11}, "1 rows whose request_id is there already"),
        ({"ids": 9}, "1 rows whose id is taken"),
        ({"checksum": 0xBAD}, "the checksum of the rows is 00000bad"),
    ],
)
def test_what_the_verification_notices(change: dict[str, Any], says: str) -> None:
    expected = Checksum()
    expected.rows, expected.value = 10, 0xF00D
    right = {"rows": 10, "ids": 10, "request_ids": 10, "checksum": 0xF00D, "residues": {}}
    found = load_flights.problems_of(R1, Content(**{**right, **change}), expected)
    assert (says in " ".join(found)) if says else found == []


# --- Processes ---------------------------------------------------------------


def pretend(demo: Path, pid: int) -> None:
    (demo / "w2" / "data").mkdir(parents=True)
    (demo / "w2" / "data" / "mysqld.pid").write_text(f"{pid}\n")


@pytest.mark.parametrize("argument", ["anything", "--defaults-file={demo}/other/w2/my.cnf"])
def test_a_process_that_the_demo_did_not_start_is_not_killed(tmp_path: Path, argument: str) -> None:
    argument = argument.format(demo=tmp_path)
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", argument]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        pretend(tmp_path, process.pid)
        try:
            with pytest.raises(local_servers.NotOurs, match="was not started with --defaults"):
                local_servers.kill(tmp_path, "w2", wait=lambda: None)
            assert process.poll() is None
        finally:
            process.kill()


def test_the_demos_own_server_is_killed(tmp_path: Path) -> None:
    own = f"--defaults-file={tmp_path}/w2/my.cnf"
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", own]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        pretend(tmp_path, process.pid)
        assert local_servers.kill(tmp_path, "w2", wait=lambda: None) == process.pid
        assert process.wait(5) == -9


def test_a_server_that_does_not_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(local_servers.NotOurs, match="w2 does not run"):
        local_servers.pid_of(tmp_path, "w2")


def test_reachable_servers_are_all_asked_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def on(_self: Client, server: Server, sql: str, _args: Any = ()) -> Any:
        if server.name == "r1":
            raise NoServer("r1 is down")
        return ([(1, "u")], 1) if "PROCESSLIST" in sql else ([(3,), (5,)], 2)

    monkeypatch.setattr(Client, "on", on)
    topology = Topology([W2, R1], 20, "u", "p")
    with pytest.raises(Stopped, match="r1 is down"):
        load_flights.known_request_ids(topology)
    assert load_flights.known_request_ids(Topology([W2], 20, "u", "p")) == {3, 5}
