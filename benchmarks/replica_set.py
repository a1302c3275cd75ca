"""How long applications wait while the active writer is switched, and after it was killed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from benchmarks.measure import Sample, Table, number, ratio
from benchmarks.servers import PAIRS, PORT, Failed, Played, Servers, pair_inventory
from demo import local_servers
from demo.report import Report
from demo.writers import CREATE, Member, Writers, wait_until

FABRIC, STOCK = "fabric", "stock"
SCRIPTS = Path(__file__).parent
CLIENTS = 8
SCHEMA = "customers"
TABLE = f"{SCHEMA}.orders"
REPLICATION = ("replication", "bench-replication")
SCRIPT_SECONDS = 60.0
# Before and after: until every client has been answered.
QUIET_SECONDS = 0.5
PATIENCE_SECONDS = 60.0

PAUSE_AIM = 0.2
ANSWER_AIM = 5.0
SERVERS_AIM = 0.1


@dataclass
class Switched:
    """Seconds, a list each with a value for each repetition."""

    # The longest that a client waited over a planned switch: ours, by hand.
    pauses: list[float] = field(default_factory=list)
    stock_pauses: list[float] = field(default_factory=list)
    # The longest that a client waited with no switch, just before: what the machine itself does.
    undisturbed: list[float] = field(default_factory=list)
    stock_undisturbed: list[float] = field(default_factory=list)
    # How long no member took writes, as the module says.
    closed: list[float] = field(default_factory=list)
    # From the failover's start to the first acknowledged write: ours, by hand.
    answers: list[float] = field(default_factory=list)
    stock_answers: list[float] = field(default_factory=list)
    # What the servers needed of it, as the module says.
    servers: list[float] = field(default_factory=list)
    rows: int = 0


@dataclass
class Pair:
    """Two members of which one takes writes, and clients that write to whoever does."""

    servers: Servers
    kind: str

    @property
    def members(self) -> list[Member]:
        """Return the members, as clients know them."""
        hosts = pair_inventory(self.servers.net, self.kind)["all"]["children"]["fabric_servers"]
        return [Member(name, host["dbrw_address"], PORT) for name, host in hosts["hosts"].items()]

    def writers(self) -> Writers:
        """Return clients that have not begun yet."""
        secret = self.servers.folder / "secrets" / "application"
        return Writers(
            self.members,
            "application",
            secret.read_text().strip() if secret.is_file() else "",
            TABLE,
            CLIENTS,
            f"{time.monotonic_ns()}",
        )

    def active(self) -> tuple[Member, Member]:
        """Return the member that takes writes, and the other one."""
        first, second = self.members
        found = self.writers().active()
        if found is None:
            raise Failed(f"not exactly one of {first.name} and {second.name} takes writes")
        return (first, second) if found == first else (second, first)

    @contextlib.contextmanager
    def logged(self, name: str) -> Iterator[Cursor]:
        """Give a session of root's, in the binary log."""
        connection = pymysql.connect(
            unix_socket=self.servers.socket(name), user="root", autocommit=True
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            yield cursor


def measure(servers: Servers, repetitions: int, report: Report) -> Switched:
    """Switch and fail over both pairs by turns, under load."""
    measured = Switched()
    ours, stock = Pair(servers, FABRIC), Pair(servers, STOCK)
    report.say("two pairs with one active writer: building them")
    build(ours)
    build_stock(stock)
    for repetition in range(1, repetitions + 1):
        # There and back: each member is closed once, and opened once.
        for _way in range(2):
            before, pause, played = paused(ours, measured, lambda: switch(servers))
            measured.undisturbed.append(before)
            measured.pauses.append(pause)
            measured.closed.append(float(result_of(played.output)["pause_seconds"]))
            before, pause, _done = paused(stock, measured, lambda: switch_stock(stock))
            measured.stock_undisturbed.append(before)
            measured.stock_pauses.append(pause)
        report.say(
            f"switch, run {repetition} of {repetitions}: {number(measured.pauses[-1])} s, "
            f"by hand {number(measured.stock_pauses[-1])} s"
        )
        answer, killed, played = answered(ours, measured, lambda _killed: fail_over(servers))
        measured.answers.append(answer)
        measured.servers.append(seconds_of(played.output))
        servers.play_pair(
            "replica_set_rejoin.yml",
            FABRIC,
            *("-e", f"replica_set={FABRIC}", "-e", f"server={killed}"),
            *("-e", "errant=discard_unseen"),
        )
        answer, _killed, _done = answered(
            stock, measured, lambda name: fail_over_stock(stock, name)
        )
        measured.stock_answers.append(answer)
        # It may have rows that the other one lacks, which a script knows nothing of.
        build_stock(stock)
        report.say(
            f"failover, run {repetition} of {repetitions}: {number(measured.answers[-1])} s, "
            f"by hand {number(measured.stock_answers[-1])} s"
        )
    return measured


def paused(pair: Pair, measured: Switched, switch: Callable[[], Any]) -> tuple[float, float, Any]:
    """Switch under load.

    Return the longest that a client waited just before and over the switch, and what the switch
    returned.
    """
    before = pair.active()[0]
    with under_load(pair, measured) as writers:
        began = time.monotonic()
        quiet(writers)
        begun = time.monotonic()
        done = switch()
        quiet(writers)
        undisturbed = writers.book.pause(began, begun)
        pause = writers.book.pause(begun, time.monotonic())
    if pair.active()[0] == before:
        raise Failed(f"{before.name} is the active writer still")
    return undisturbed, pause, done


def answered(
    pair: Pair, measured: Switched, fail_over: Callable[[str], Any]
) -> tuple[float, str, Any]:
    """Kill the active writer and fail over under load.

    Return the seconds from the failover's start to the first acknowledged write, who was killed,
    and what the failover returned.
    """
    killed = pair.active()[0].name
    with under_load(pair, measured, gone=killed) as writers:
        local_servers.kill(pair.servers.folder, killed, wait=lambda: None)
        begun = time.monotonic()
        done = fail_over(killed)
        quiet(writers)
        first = writers.book.first_after(begun)
    if first is None:
        raise Failed("no client was answered after the failover")
    return first.at - begun, killed, done


@contextlib.contextmanager
def under_load(pair: Pair, measured: Switched, gone: str = "") -> Iterator[Writers]:
    """Give clients that write; afterwards nothing acknowledged may be missing anywhere."""
    writers = pair.writers()
    with writers:
        quiet(writers)
        yield writers
    if writers.failures:
        raise Failed(f"a client has failed: {writers.failures[0]}")
    measured.rows += writers.book.rows
    for member in pair.members:
        if member.name != gone and (missing := writers.lost(member, PATIENCE_SECONDS)):
            raise Failed(f"{member.name} lacks {len(missing)} acknowledged rows")


def quiet(writers: Writers) -> None:
    """Let the clients write, until each of them has been answered."""
    begun = time.monotonic()
    time.sleep(QUIET_SECONDS)
    if not writers.wait_for_all(begun, PATIENCE_SECONDS):
        raise Failed(f"a client was not answered for {PATIENCE_SECONDS:.0f} s")


# --- Ours --------------------------------------------------------------------


def build(pair: Pair) -> None:
    """Make the collection's replica set, and the table."""
    pair.servers.play_pair("servers.yml", FABRIC)
    pair.servers.play_pair("replica_sets.yml", FABRIC)
    make_table(pair)


def make_table(pair: Pair) -> None:
    """Make the table on the active writer."""
    with pair.logged(pair.active()[0].name) as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        cursor.execute(CREATE.format(table=TABLE))


def switch(servers: Servers) -> Played:
    """Switch by the playbook; what takes longer is measured, too, instead of being given up."""
    return servers.play_pair(
        "replica_set_switch.yml",
        FABRIC,
        *("-v", "-e", f"replica_set={FABRIC}", "-e", "max_pause_seconds=10"),
    )


def fail_over(servers: Servers) -> Played:
    """Fail over by the playbook."""
    return servers.play_pair(
        "replica_set_failover.yml", FABRIC, "-v", "-e", f"replica_set={FABRIC}"
    )


def result_of(output: str) -> dict[str, Any]:
    """Return what mysql_replica_set returned, from the output of a run with -v."""
    for line in output.splitlines():
        _host, arrow, text = line.partition(" => ")
        if arrow and text.startswith("{"):
            with contextlib.suppress(json.JSONDecodeError):
                result: dict[str, Any] = json.loads(text)
                if "pause_seconds" in result:
                    return result
    raise Failed(f"the playbook does not show what its module returned:\n{output}")


def seconds_of(output: str) -> float:
    """Return what the failover itself took of a run with -v, as its step says."""
    for step in result_of(output)["steps"]:
        if step["step"] == "fail over":
            return float(step["seconds"])
    raise Failed(f"no step of the playbook has failed over:\n{output}")


# --- By hand -----------------------------------------------------------------


def build_stock(pair: Pair) -> None:
    """Make a pair by the manual's statements, on new servers with the same configuration."""
    servers, (first, second) = pair.servers, pair.members
    for name in PAIRS[STOCK]:
        with contextlib.suppress(local_servers.NotOurs):
            local_servers.kill(servers.folder, name, wait=lambda: None)
        shutil.rmtree(servers.folder / name, ignore_errors=True)
    servers.play_pair("servers.yml", STOCK)
    user, password = REPLICATION
    application = (servers.folder / "secrets" / "application").read_text().strip()
    with pair.logged(first.name) as cursor:
        for statement in (
            "SET GLOBAL read_only = 0, GLOBAL rpl_semi_sync_master_enabled = 1",
            f"CREATE SCHEMA {SCHEMA}",
            CREATE.format(table=TABLE),
            f"CREATE USER {user} IDENTIFIED BY '{password}'",
            f"GRANT REPLICATION SLAVE ON *.* TO {user}",
            f"CREATE USER application IDENTIFIED BY '{application}'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.* TO application",
        ):
            cursor.execute(statement)
    with pair.logged(second.name) as cursor:
        cursor.execute(
            f"CHANGE MASTER TO MASTER_HOST='{first.host}', MASTER_PORT={PORT}, "
            f"MASTER_USER='{user}', MASTER_PASSWORD='{password}', MASTER_USE_GTID=slave_pos"
        )
        cursor.execute("START SLAVE")

    if not wait_until(lambda: follows(pair, second), PATIENCE_SECONDS):
        raise Failed(f"{second.name} does not follow {first.name}")


def follows(pair: Pair, member: Member) -> bool:
    """Whether the account of applications has come to a member by replication."""
    try:
        pair.writers().connect(member).close()
    except pymysql.MySQLError:
        return False
    return True


def switch_stock(pair: Pair) -> None:
    """Switch by the script."""
    old, new = pair.active()
    script(
        "stock_switch.sh",
        pair.servers.socket(old.name),
        pair.servers.socket(new.name),
        *(new.host, str(PORT), *REPLICATION),
    )


def fail_over_stock(pair: Pair, killed: str) -> None:
    """Fail over by the script."""
    (survivor,) = (name for name in PAIRS[STOCK] if name != killed)
    script("stock_failover.sh", pair.servers.socket(survivor))


def script(name: str, *words: str) -> None:
    """Run a script of the peer's."""
    done = subprocess.run(
        [str(SCRIPTS / name), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=SCRIPT_SECONDS,
    )
    if done.returncode:
        raise Failed(f"{name} has failed: {done.stdout}{done.stderr}")


# --- What is made of it ------------------------------------------------------


def table(measured: Switched) -> Table:
    """Return the ways side by side."""
    pauses, stock_pauses = Sample(tuple(measured.pauses)), Sample(tuple(measured.stock_pauses))
    undisturbed = Sample(tuple(measured.undisturbed))
    stock_undisturbed = Sample(tuple(measured.stock_undisturbed))
    answers, stock_answers = Sample(tuple(measured.answers)), Sample(tuple(measured.stock_answers))
    return Table(
        f"{CLIENTS} clients and one active writer: seconds, median (min–max)",
        ("what they wait for", "playbook", "by hand", "ratio", "of the playbook's: servers"),
        [
            [
                "no switch: the longest wait of a client",
                str(undisturbed),
                str(stock_undisturbed),
                f"{ratio(undisturbed, stock_undisturbed):.2f}",
                "",
            ],
            [
                "planned switch: the longest wait of a client",
                str(pauses),
                str(stock_pauses),
                f"{ratio(pauses, stock_pauses):.2f}",
                str(Sample(tuple(measured.closed))),
            ],
            [
                "killed: from the command to the first acknowledged write",
                str(answers),
                str(stock_answers),
                f"{ratio(answers, stock_answers):.2f}",
                str(Sample(tuple(measured.servers))),
            ],
        ],
    )


def judged(measured: Switched) -> Sequence[str]:
    """Return each aim with whether it is met, as sentences."""
    return [
        _judged(
            f"A planned switch: no client of {CLIENTS} waits for {PAUSE_AIM} s",
            Sample(tuple(measured.pauses)),
            PAUSE_AIM,
        ),
        _judged(
            f"A failover: a write is acknowledged within {ANSWER_AIM:.0f} s of the command",
            Sample(tuple(measured.answers)),
            ANSWER_AIM,
        ),
        _judged(
            f"A failover: the servers need less than {SERVERS_AIM} s of that",
            Sample(tuple(measured.servers)),
            SERVERS_AIM,
        ),
    ]


def _judged(what: str, sample: Sample, aim: float) -> str:
    verdict = "met" if sample.median < aim else "missed"
    return f"{what}: **{verdict}**, {sample} s."
