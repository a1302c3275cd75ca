"""Show what the topology holds: servers, ids, months, channels, and how to connect.

python -m examples.show_topology --demo .demo
python -m examples.show_topology --demo .demo --update   (changes one row, once)
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from rich import box
from rich.console import Console
from rich.table import Table

from examples import flights, local_servers
from examples.dbrw import READ, WRITE, Client, InDoubt, NoServer, Server, Topology

BAR_WIDTH = 20
# The article's own example: 62 mod 20 = 2, the second write server.
EXAMPLE_ID = 62
ARRIVAL_SECONDS = 15.0


@dataclass
class Seen:
    """What one server told, or why it told nothing."""

    server: Server
    problem: str = ""
    version: str = ""
    bytes_resident: int = 0
    rows: int = 0
    last_id: int = 0
    first_ids: list[int] = field(default_factory=list)
    # Of a read server: rows by residue, (name, boundary, rows) of each month, channels.
    residues: dict[int, int] = field(default_factory=dict)
    months: list[tuple[str, str, int]] = field(default_factory=list)
    channels: list[dict[str, Any]] = field(default_factory=list)


# --- Asking ------------------------------------------------------------------


def look(demo: Path, server: Server, increment: int) -> Seen:
    """Ask one server, as its administrator."""
    seen = Seen(server)
    try:
        with local_servers.connect(demo, server.name) as connection, connection.cursor() as cursor:
            seen.bytes_resident = local_servers.resident_bytes(demo, server.name)
            seen.version = str(only(cursor, "SELECT VERSION() AS value"))
            seen.rows = only(cursor, f"SELECT COUNT(*) AS value FROM {flights.TABLE}")  # noqa: S608
            if server.kind == WRITE:
                look_at_ids(cursor, seen)
            else:
                look_at_merged_rows(cursor, seen, increment)
    except (pymysql.MySQLError, OSError) as error:
        seen.problem = str(error.args[-1] if error.args else error)
    return seen


def look_at_ids(cursor: Any, seen: Seen) -> None:
    """Ask a write server for its ids."""
    cursor.execute(f"SELECT id FROM {flights.TABLE} ORDER BY id LIMIT 5")  # noqa: S608
    seen.first_ids = [row["id"] for row in cursor.fetchall()]
    seen.last_id = only(
        cursor,
        f"SELECT COALESCE(MAX(id), 0) AS value FROM {flights.TABLE}",  # noqa: S608
    )


def look_at_merged_rows(cursor: Any, seen: Seen, increment: int) -> None:
    """Ask a read server where its rows come from, for its months and its channels."""
    cursor.execute(
        f"SELECT id MOD %s AS residue, COUNT(*) AS found FROM {flights.TABLE} "  # noqa: S608
        "GROUP BY residue",
        (increment,),
    )
    seen.residues = {int(row["residue"]): row["found"] for row in cursor.fetchall()}
    schema, _dot, table = flights.TABLE.partition(".")
    cursor.execute(
        "SELECT PARTITION_NAME AS name, PARTITION_DESCRIPTION AS boundary "
        "FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s "
        "AND PARTITION_NAME IS NOT NULL ORDER BY PARTITION_ORDINAL_POSITION",
        (schema, table),
    )
    for row in cursor.fetchall():
        name, boundary = str(row["name"]), str(row["boundary"]).strip("'")
        # Counted in the partition itself; the statistics are an estimate.
        rows = only(
            cursor,
            f"SELECT COUNT(*) AS value FROM {flights.TABLE} "  # noqa: S608
            f"PARTITION (`{name.replace('`', '``')}`)",
        )
        seen.months.append((name, boundary, rows))
    seen.channels = read_channels(cursor, "mariadb" in seen.version.lower())


def read_channels(cursor: Any, is_mariadb: bool) -> list[dict[str, Any]]:
    """Return name, source, threads, lag in seconds and last error of every channel."""
    cursor.execute("SHOW ALL SLAVES STATUS" if is_mariadb else "SHOW REPLICA STATUS")
    channels = []
    for row in cursor.fetchall():
        name = row["Connection_name"] if is_mariadb else row["Channel_Name"]
        source, replica = ("Master", "Slave") if is_mariadb else ("Source", "Replica")
        channels.append(
            {
                "name": name,
                "source": f"{row[f'{source}_Host']}:{row[f'{source}_Port']}",
                "receives": row[f"{replica}_IO_Running"],
                "applies": row[f"{replica}_SQL_Running"],
                "lag": row[f"Seconds_Behind_{source}"],
                "error": row["Last_IO_Error"] or row["Last_SQL_Error"],
            }
        )
    return sorted(channels, key=lambda channel: str(channel["name"]))


def only(cursor: Any, sql: str) -> Any:
    """Return the column ``value`` of the only row."""
    cursor.execute(sql)
    return cursor.fetchone()["value"]


# --- Showing -----------------------------------------------------------------


def table(title: str, *columns: str, caption: str = "") -> Table:
    """Return an empty table; a column whose name begins with ``>`` is for numbers."""
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=caption or None,
        caption_justify="left",
        caption_style="dim",
        box=box.ROUNDED,
        header_style="bold cyan",
    )
    for name in columns:
        made.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left")
    return made


def write_servers(seen: list[Seen], increment: int) -> Table:
    """One line a write server: its rows and the ids that it made."""
    shown = table(
        "Write servers: each makes ids of its own",
        *("", "data centre", ">offset", ">rows", ">first ids", ">last id"),
        caption=f"id mod {increment} = the offset of the server that has the row",
    )
    for one in seen:
        server = one.server
        if one.problem:
            shown.add_row(server.name, server.datacenter, str(server.offset), "[red]down[/]")
            continue
        ids = ", ".join(str(number) for number in one.first_ids)
        shown.add_row(
            *(server.name, server.datacenter, str(server.offset), f"{one.rows:,}"),
            *(f"{ids}, …" if ids else "", f"{one.last_id:,}" if one.last_id else ""),
        )
    return shown


def read_servers(seen: list[Seen], topology: Topology) -> Table:
    """One line a read server: its rows, and how many came from each write server."""
    sources = topology.of_kind(WRITE)
    shown = table(
        "Read servers: each holds the rows of all write servers",
        *("", "data centre", ">rows", *(f">of {source.name}" for source in sources)),
    )
    for one in seen:
        if one.problem:
            shown.add_row(one.server.name, one.server.datacenter, "[red]down[/]")
            continue
        of_each = [
            one.residues.get((source.offset or 0) % topology.increment, 0) for source in sources
        ]
        shown.add_row(
            *(one.server.name, one.server.datacenter, f"[bold]{one.rows:,}[/]"),
            *(f"{rows:,}" for rows in of_each),
        )
    return shown


def months(seen: list[Seen], block: str) -> Table:
    """One line a month: the partition's rows on each read server."""
    shown = table(
        "Months: one partition each on the read servers",
        *("partition", "before", *(f">{one.server.name}" for one in seen), ""),
    )
    by_boundary: dict[str, dict[str, tuple[str, int]]] = {}
    for one in seen:
        for name, boundary, rows in one.months:
            by_boundary.setdefault(boundary, {})[one.server.name] = (name, rows)
    counts = [rows for has in by_boundary.values() for _name, rows in has.values()]
    for boundary, has in sorted(by_boundary.items()):
        name, most = max(has.values(), key=lambda pair: pair[1])
        rows_of = [has.get(one.server.name, ("", None))[1] for one in seen]
        bar = block * round(BAR_WIDTH * most / max(*counts, 1))
        shown.add_row(
            *(name, boundary.split(" ")[0]),
            *("[red]none[/]" if rows is None else f"{rows:,}" for rows in rows_of),
            f"[cyan]{bar}[/]" if most else "[dim]ahead[/]",
        )
    return shown


def channels(seen: list[Seen]) -> Table:
    """One line a channel: from where, whether it runs, and how far behind it is."""
    shown = table("Channels", "to", "from", "source", "state", ">lag", "last error")
    for one in seen:
        for channel in one.channels:
            stopped = [
                what
                for what, runs in (
                    ("receiving", channel["receives"]),
                    ("applying", channel["applies"]),
                )
                if runs != "Yes"
            ]
            lag = channel["lag"]
            shown.add_row(
                *(one.server.name, str(channel["name"]), channel["source"]),
                f"[red]not {', not '.join(stopped)}[/]" if stopped else "[green]running[/]",
                "unknown" if lag is None else f"{lag} s",
                str(channel["error"]),
            )
    return shown


def by_hand(demo: Path, seen: list[Seen]) -> Table:
    """How a person logs in to each server."""
    client = shutil.which("mariadb") and "mariadb" or shutil.which("mysql") and "mysql"
    shown = table(
        "By hand",
        *("", "address", "version", ">memory", "option file"),
        caption=f"{client or 'mariadb'} --defaults-file=FILE"
        + ("" if client else " (install the package mariadb-client-core)"),
    )
    for one in seen:
        path = demo / "clients" / f"{one.server.name}.cnf"
        if path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())
        shown.add_row(
            one.server.name,
            f"{one.server.host}:{one.server.port}",
            "[red]down[/]" if one.problem else one.version.partition("-")[0],
            f"{one.bytes_resident / 2**20:.0f} MiB" if one.bytes_resident else "",
            str(path),
        )
    return shown


def show(console: Console, demo: Path, topology: Topology) -> int:
    """Show all tables; return how many servers do not answer."""
    seen = [look(demo, server, topology.increment) for server in topology.servers]
    down = [one for one in seen if one.problem]
    if len(down) == len(seen):
        console.print(
            f"None of the {len(seen)} servers of the demo in {demo} runs. `make demo` starts them "
            "again, with the rows that they have."
        )
        return len(down)
    writers = [one for one in seen if one.server.kind == WRITE]
    readers = [one for one in seen if one.server.kind == READ]
    up = [one for one in readers if not one.problem]
    block = "#" if console.options.ascii_only else "█"
    for shown in (
        write_servers(writers, topology.increment),
        read_servers(readers, topology),
        *((months(up, block), channels(up)) if up else ()),
        by_hand(demo, seen),
    ):
        console.print(shown)
        console.print()
    for one in down:
        console.print(f"[red]{one.server.name} does not answer:[/] {one.problem}")
    if down:
        console.print("`make demo` starts what does not run.")
    else:
        total = sum(one.bytes_resident for one in seen)
        console.print(f"All {len(seen)} servers together hold {total / 2**20:,.0f} MiB of memory.")
    return len(down)


# --- One UPDATE --------------------------------------------------------------


def update_one_row(console: Console, topology: Topology) -> None:
    """Send one UPDATE to the server that the id names, and watch it arrive; once only."""
    reader = topology.of_kind(READ)[0]
    client = Client(topology, reader.datacenter)
    ((row_id,),) = client.select(
        f"SELECT MIN(id) FROM {flights.TABLE} WHERE id >= %s",  # noqa: S608
        (EXAMPLE_ID,),
    )
    server = topology.server_of(row_id)
    rule = f"{row_id} mod {topology.increment} = {server.offset}"
    note = f"updated on {server.name}: {rule}"
    ask = f"SELECT note FROM {flights.TABLE} WHERE id = %s"  # noqa: S608
    if client.on(server, ask, (row_id,))[0] == [(note,)]:
        console.print(f"The row with id {row_id} was updated on {server.name} before: {rule}.")
        return
    started = time.monotonic()
    client.update(
        row_id,
        f"UPDATE {flights.TABLE} SET note = %s WHERE id = %s",  # noqa: S608
        (note, row_id),
    )
    shown = table(f"An UPDATE of the row with id {row_id}", "step", "server", ">after")
    shown.add_row(f"{rule}, so the UPDATE goes to", server.name, since(started))
    for reader in topology.of_kind(READ):
        while client.on(reader, ask, (row_id,))[0] != [(note,)]:
            if time.monotonic() - started > ARRIVAL_SECONDS:
                shown.add_row("has not arrived on", reader.name, since(started))
                break
            time.sleep(0.001)
        else:
            shown.add_row("its new value is read on", reader.name, since(started))
    console.print(shown)
    console.print()
    client.close()


def since(started: float) -> str:
    """Return the time since then for a person."""
    return f"{(time.monotonic() - started) * 1000:.1f} ms"


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, default=Path(".demo"), help="folder of the servers")
    parser.add_argument("--update", action="store_true", help="send one UPDATE first, once")
    options = parser.parse_args()
    demo = options.demo.absolute()
    console = Console(highlight=False)
    config = demo / "application.json"
    if not config.is_file():
        console.print(f"There is no demo in {demo}. `make demo` makes one and starts it.")
        return 0
    topology = Topology.from_file(config)
    try:
        if options.update:
            update_one_row(console, topology)
    except (NoServer, InDoubt, LookupError) as error:
        console.print(f"[red]The UPDATE was not made:[/] {error}")
        return 1
    down = show(console, demo, topology)
    return 1 if options.update and down else 0


if __name__ == "__main__":
    sys.exit(main())
