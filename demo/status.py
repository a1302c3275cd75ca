"""Show what the topology holds: servers, ids, months, channels, and how to connect.

python -m demo.status --demo .demo
python -m demo.status --demo .demo --update   (changes one row, once)
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server as Admin,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels as channels_of_server,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.tables import (
    partitions as partitions_of_server,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tables.partition import (
    Partition,
    text_of,
)
from demo import fabric, local_servers
from demo.writers import Member
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
    # Of a read server: rows by residue, each month's partition, channels.
    residues: dict[int, int] = field(default_factory=dict)
    months: tuple[Partition, ...] = ()
    channels: list[ChannelStatus] = field(default_factory=list)


# --- Asking ------------------------------------------------------------------


def look(demo: Path, server: Server, increment: int) -> Seen:
    """Ask one server, as its administrator, with the option file that a person would use."""
    seen = Seen(server)
    login = Login(
        config_file=str(demo / "clients" / f"{server.name}.cnf"),
        connect_timeout=2,
        # To count rows on a busy machine takes some seconds.
        read_timeout=30,
    )
    try:
        with contextlib.closing(connect(login)) as admin:
            seen.bytes_resident = local_servers.resident_bytes(demo, server.name)
            seen.version = admin.version_text
            seen.rows = admin.row("SELECT COUNT(*) AS found FROM usage_data.flights")["found"]
            if server.kind == WRITE:
                look_at_ids(admin, seen)
            else:
                look_at_merged_rows(admin, seen, increment)
    except ServerError as error:
        seen.problem = error.message
    return seen


def look_at_member(demo: Path, member: Member) -> Seen:
    """Ask a member of the replica set what it is; the set itself is asked by demo.fabric."""
    seen = Seen(Server(member.name, "fabric", member.datacenter, member.host, member.port))
    login = Login(config_file=str(demo / "clients" / f"{member.name}.cnf"), connect_timeout=2)
    try:
        with contextlib.closing(connect(login)) as admin:
            seen.bytes_resident = local_servers.resident_bytes(demo, member.name)
            seen.version = admin.version_text
    except ServerError as error:
        seen.problem = error.message
    return seen


def look_at_ids(admin: Admin, seen: Seen) -> None:
    """Ask a write server for its ids."""
    rows = admin.rows("SELECT id FROM usage_data.flights ORDER BY id LIMIT 5")
    seen.first_ids = [row["id"] for row in rows]
    seen.last_id = admin.row("SELECT COALESCE(MAX(id), 0) AS last FROM usage_data.flights")["last"]


def look_at_merged_rows(admin: Admin, seen: Seen, increment: int) -> None:
    """Ask a read server where its rows come from, for its months and its channels."""
    rows = admin.rows(
        "SELECT id MOD %s AS residue, COUNT(*) AS found FROM usage_data.flights GROUP BY residue",
        increment,
    )
    seen.residues = {int(row["residue"]): row["found"] for row in rows}
    table = partitions_of_server.read(admin, "usage_data", "flights", None)
    # Counted in the partitions themselves; the statistics are an estimate.
    seen.months = partitions_of_server.count_rows(admin, table, table.partitions).partitions
    seen.channels = channels_of_server.read(admin)


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
    by_boundary: dict[datetime, dict[str, Partition]] = {}
    for one in seen:
        for partition in one.months:
            below = partition.below or datetime.max
            by_boundary.setdefault(below, {})[one.server.name] = partition
    counts = [partition.counted or 0 for one in seen for partition in one.months]
    for boundary, has in sorted(by_boundary.items()):
        most = max(partition.counted or 0 for partition in has.values())
        rows_of = [has[one.server.name].counted if one.server.name in has else None for one in seen]
        blocks = block * round(BAR_WIDTH * most / max(*counts, 1))
        shown.add_row(
            *(next(iter(has.values())).name, text_of(boundary)),
            *("[red]none[/]" if rows is None else f"{rows:,}" for rows in rows_of),
            f"[cyan]{blocks}[/]" if most else "[dim]ahead[/]",
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
                    ("receiving", channel.connected),
                    ("applying", channel.sql_running),
                )
                if not runs
            ]
            lag = channel.seconds_behind_source
            shown.add_row(
                *(one.server.name, channel.name, channel.source),
                f"[red]not {', not '.join(stopped)}[/]" if stopped else "[green]running[/]",
                "unknown" if lag is None else f"{lag} s",
                channel.io_fault.message or channel.sql_fault.message,
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


def show(console: Console, demo: Path, topology: Topology, members: Sequence[Member]) -> int:
    """Show all tables; return how many servers do not answer."""
    seen = [
        *(look(demo, server, topology.increment) for server in topology.servers),
        *(look_at_member(demo, member) for member in members),
    ]
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
    said = fabric.ask(demo, members)
    block = "#" if console.options.ascii_only else "█"
    for shown in (
        write_servers(writers, topology.increment),
        read_servers(readers, topology),
        *((months(up, block), channels(up)) if up else ()),
        *((fabric.table(said, members),) if said.get("members") else ()),
        by_hand(demo, seen),
    ):
        console.print(shown)
        console.print()
    for line in fabric.findings(said) if members else ():
        console.print(line)
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
        "SELECT MIN(id) FROM usage_data.flights WHERE id >= %s", (EXAMPLE_ID,)
    )
    server = topology.server_of(row_id)
    rule = f"{row_id} mod {topology.increment} = {server.offset}"
    note = f"updated on {server.name}: {rule}"
    ask = "SELECT note FROM usage_data.flights WHERE id = %s"
    if client.on(server, ask, (row_id,))[0] == [(note,)]:
        console.print(f"The row with id {row_id} was updated on {server.name} before: {rule}.")
        return
    started = time.monotonic()
    client.update(row_id, "UPDATE usage_data.flights SET note = %s WHERE id = %s", (note, row_id))
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
    parser.add_argument("--net", type=int, default=0, help="third number of their addresses")
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
    down = show(console, demo, topology, local_servers.members(options.net))
    return 1 if options.update and down else 0


if __name__ == "__main__":
    sys.exit(main())
