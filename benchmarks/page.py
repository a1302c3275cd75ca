"""The page docs/benchmarks.md, and the same tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import rich.table
from rich.console import Console

from benchmarks import check as checks
from benchmarks import directory as lookups
from benchmarks import month as months
from benchmarks import purge as purges
from benchmarks import replica_set as sets
from benchmarks import site as sites
from benchmarks import tables as usage
from benchmarks.check import Checks
from benchmarks.directory import Lookup
from benchmarks.measure import Sample, Table
from benchmarks.month import Month
from benchmarks.purge import Purge
from benchmarks.replica_set import Switched
from benchmarks.site import Site
from benchmarks.tables import Tables

HEAD = """\
# Benchmarks

```sh
make bench
```

`make bench` measures, and writes this page: every number and every verdict below is computed by
it. It needs MariaDB on this machine, starts servers of its own as plain processes, and stops them
again.

"""

SITE = """\
## A second run of site.yml

The whole topology is as the inventory says, and the playbook is run again. Beside it, by turns on
the same servers, runs [peer_site.yml](../benchmarks/peer_site.yml): the same desired state,
written with community.mysql's modules as somebody who knows them well writes it. Both come with
the same forks, pipelining and inventory; neither gathers facts. The first runs at each size, which
make what is missing, are the warm-up and count in no table.

Only site.yml validates the inventory and the servers' settings, compares the tables that are
there, and compares the options of running channels.

A host is a write server or the read server. Processor time is that of Ansible and its modules,
not of the servers.

"""

FLOOR = """\
[empty.yml](../benchmarks/empty.yml) has no task: it is what Ansible takes to start.
[pings.yml](../benchmarks/pings.yml) runs a module that does nothing four times on each host, as
often as site.yml runs one on a write server: no collection that runs so many can take less. The
last column is the ratio that site.yml would have if its modules did nothing at all.

"""

USAGE_TABLES = """\
## Many usage tables

The same playbook on the smallest topology, with one usage table and with ten, by turns. Each server's
tables are one call of a module, so that Ansible starts none more.

"""

MONTH = """\
## A month dropped

A read server's table by month, with a primary key and three indexes. Each run has a table made
afresh; all ways work outside the binary log. The module is run as Ansible runs it, as a process
of its own: it starts Python, connects, reads and judges the partitions, counts what would go, and
drops.

"""

REPLICA_SET = """\
## The active writer switched, and killed

A pair with one active writer, semi-synchronous, and eight clients that write to whoever takes writes.
Beside the playbooks, by turns, a pair of its own with the same configuration is switched and failed over by
the manual's statements in shell scripts: [stock_switch.sh](../benchmarks/stock_switch.sh) and
[stock_failover.sh](../benchmarks/stock_failover.sh).

The first two lines are what clients measure, the longest wait of any of them, with no switch, which is the
machine's own, and over one. The playbook closes the set only after it has asked and judged everything, so that
its own time does not count. In the third line it does: the command is given after the kill. The scripts ask
nothing: neither whether the active writer is dead, nor what the other server may lack. The last column is
the servers' part of it, as the module says.

"""

DIRECTORY = """\
## Lookups in the directory

Clients on the same machine, each a process of its own, ask for tenants in no order, without TLS: over a
connection that is kept, and over a new one for each lookup. The largest of the directories below is asked.

"""

CACHED = """\
A cached lookup is one of [examples/directory.py](../examples/directory.py), which polls the version meanwhile. The
module runs as a process of its own, as Ansible runs it; tenants are none of its work, and must not slow it.

"""


PURGE = f"""\
## Old rows purged

A write server's table, with nothing but a primary key, and a read server that follows it. Each run has a table
made afresh, of which one row stays for each {purges.KEPT_PART} that go. All ways walk along the primary key,
remove {purges.CHUNK_ROWS:,} rows in each transaction, which is on disk when it ends (`sync_binlog` and
`innodb_flush_log_at_trx_commit` are 1), and work outside the binary log, so that the read server keeps its rows.
pt-archiver reads ids alone (`--primary-key-only`). It is run with a statement for each chunk (`--bulk-delete`),
and once with a statement for each row, for {purges.LONGEST_SECONDS} s at most.

Only the module asks whether the read server has the rows, leaves those that have come since then, and pauses
while commits of others take long. It is run as Ansible runs it, as a process of its own, with its start, its
search for old rows, and the wait for the read server.

"""

INSERTS = """\
Clients, each a process of its own, insert rows into the same table before each run and meanwhile. These are in the
binary log, and the read server on the same machine applies them.

"""

CHECK = f"""\
## The check

`mysql_topology_info` asks every server of a topology side by side, and judges what they say together. It is run
as Ansible runs it, as a process of its own, on a healthy topology that site.yml has made: small servers, all on
this machine, whose processors they share with the module. The most are the servers of the largest real topology,
each asked under {checks.NAMES} names: as many connections and answers, but a read server has the channels of the
real ones alone, and what is not as it would be in a topology of that size is found.

"""


def written(
    date: str,
    about: Mapping[str, str],
    loads: Sequence[str],
    site: Site,
    tables: Tables,
    switched: Switched,
    lookup: Lookup,
    month: Month,
    purge: Purge,
    check: Checks,
    seconds: float,
) -> str:
    """Return the page; ``loads`` are the machine's loads before and after."""
    facts = {
        "date": date,
        **about,
        "load when it began and ended": " and ".join(loads),
        "it took": f"{seconds / 60:.1f} minutes",
    }
    return (
        "".join(
            [
                HEAD,
                markdown(Table("", ("measured on", ""), [[*fact] for fact in facts.items()])),
                "\n## The aims\n\n",
                *(
                    f"- {sentence}\n"
                    for sentence in (
                        *sites.judged(site),
                        usage.judged(tables),
                        *sets.judged(switched),
                        *lookups.judged(lookup),
                        *purges.judged(purge),
                        *checks.judged(check),
                    )
                ),
                "\n",
                SITE,
                f"Each playbook ran {site.repetitions} times at each size. "
                "A run of site.yml that\nchanges something fails the benchmark.\n\n",
                *(section(table) for table in (sites.times(site), sites.work(site))),
                *([section(sites.grown(site))] if len(site.sizes) == 3 else []),
                FLOOR,
                section(sites.floor(site)),
                section(sites.longest(site)),
                USAGE_TABLES,
                section(usage.table(tables)),
                REPLICA_SET,
                section(sets.table(switched)),
                f"{switched.rows:,} rows were acknowledged to the clients meanwhile, and every survivor "
                "had all of them.\n\n",
                DIRECTORY,
                section(lookups.table(lookup)),
                CACHED,
                section(lookups.module_table(lookup)),
                MONTH,
                section(months.table(month)),
                PURGE,
                section(purges.table(purge)),
                INSERTS,
                section(purges.inserts_table(purge)),
                f"Of the time beside them the module paused for {Sample(tuple(purge.paused))} s.\n\n",
                CHECK,
                section(checks.table(check)),
            ]
        ).rstrip("\n")
        + "\n"
    )


def section(table: Table) -> str:
    """Return a table with its title above it."""
    return f"**{table.title}**\n\n{markdown(table)}\n"


def markdown(table: Table) -> str:
    """Return a table in Markdown."""
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    # A bar in a cell would end it.
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join("| " + " | ".join(line) + " |\n" for line in cells)


def show(console: Console, table: Table) -> None:
    """Print a table."""
    shown = rich.table.Table(title=table.title, title_justify="left")
    for number, name in enumerate(table.head):
        shown.add_column(name, justify="left" if number == 0 else "right")
    for row in table.rows:
        shown.add_row(*row)
    console.print(shown)
