# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time zones: a host's files, and a server's tables and clock."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.servers.time_zones import Load
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.moment import EPOCH
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.time_zone import (
    Clock,
    ServerZones,
    is_zone_file,
    is_zone_name,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# Whether each transaction in the binary log names the time zone of its session. MariaDB's
# does only where it is logged as a statement.
NAMED_IN_EVERY_TRANSACTION = {MYSQL: True, MARIADB: False}

# Rows of one INSERT.
_ROWS = 10_000

_MAY_NOT_READ = (1142, 1143, 1146)


def files(folder: str, known: Iterable[str]) -> dict[str, bytes]:
    """Return the zone files below a folder, by name, without those that are ``known``."""
    lower = {name.lower() for name in known}
    found = {}
    for path in _below(folder):
        name = path.relative_to(folder).as_posix()
        if name.lower() not in lower and is_zone_name(name):
            data = path.read_bytes()
            if is_zone_file(data):
                found[name] = data
    return found


def has_zones(folder: str) -> bool:
    """Whether there is a zone file in the folder or one below it."""
    return any(is_zone_file(_beginning(path)) for path in _below(folder))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _below(folder: str) -> Iterator[Path]:
    for parent, _folders, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


def names(server: Server) -> frozenset[str]:
    """Return the names of the zones that a server knows."""
    rows = server.rows("SELECT Name AS name FROM mysql.time_zone_name")
    return frozenset(str(row["name"]) for row in rows)


def last_id(server: Server) -> int:
    """Return the highest id in the tables, an interrupted run's rows included."""
    row = server.row(
        "SELECT GREATEST((SELECT COALESCE(MAX(Time_zone_id), 0) FROM mysql.time_zone), "
        "(SELECT COALESCE(MAX(Time_zone_id), 0) FROM mysql.time_zone_transition), "
        "(SELECT COALESCE(MAX(Time_zone_id), 0) FROM mysql.time_zone_transition_type)) AS last"
    )
    return int(row["last"])


def read(server: Server) -> ServerZones:
    """Read a server's clock, and the names that it knows if the login may read them."""
    said = server.row(
        "SELECT @@GLOBAL.time_zone AS own, @@GLOBAL.system_time_zone AS of_host, "
        "YEAR(UTC_TIMESTAMP()) AS this_year"
    )
    host = f"SYSTEM ({said['of_host']})"
    zone = host if said["own"] == "SYSTEM" else str(said["own"])
    first = datetime(int(said["this_year"]), 1, 1)
    last = datetime(first.year + 2, 1, 1)
    seconds = [int((moment - EPOCH).total_seconds()) for moment in (first, last)]
    days = server.rows(
        "WITH RECURSIVE days AS (SELECT %s AS at UNION ALL SELECT at + 86400 FROM days "
        "WHERE at + 86400 < %s) SELECT at, "
        "TIMESTAMPDIFF(SECOND, '1970-01-01', FROM_UNIXTIME(at)) - at AS ahead FROM days",
        *seconds,
    )
    found = [
        ((EPOCH + timedelta(seconds=int(row["at"]))).date().isoformat(), int(row["ahead"]))
        for row in days
    ]
    return ServerZones("this server", Clock.of(zone, first.year, found), _names_or_none(server))


def _names_or_none(server: Server) -> frozenset[str] | None:
    try:
        return names(server)
    except ServerError as error:
        if error.number not in _MAY_NOT_READ:
            raise
        return None


class Rows(Statement):
    """An INSERT of many rows, of which the first is shown."""

    @classmethod
    def of(cls, table: str, rows: Sequence[tuple[Any, ...]]) -> Rows:
        """Return the statement for a table of the schema mysql."""
        row = f"({', '.join(['%s'] * len(rows[0]))})"
        sql = f"INSERT INTO mysql.{table} VALUES {', '.join([row] * len(rows))}"
        return cls(sql, tuple(chain.from_iterable(rows)))

    @property
    def shown(self) -> str:
        """The statement with its first row, and how many there are."""
        head, rest = self.sql.split(")", 1)
        count = rest.count("(") + 1
        first = Statement(f"{head})", self.args[: head.count("%s")])
        return first.shown if count == 1 else f"{first.shown}, ... ({count} rows)"


def statements(step: Step) -> list[Statement]:
    """Return what loads the zones of a step, their names last and at once.

    A server finds a zone by its name, and MariaDB's tables know no transactions: what an
    interrupted run leaves there is found by nobody.
    """
    load: Load = step.value
    zones = load.zones.items()
    types = [
        (number, place, kind.offset, int(kind.is_dst), kind.abbreviation)
        for number, zone in zones
        for place, kind in enumerate(zone.types)
    ]
    transitions = [(number, *change) for number, zone in zones for change in zone.transitions]
    return [
        Statement("START TRANSACTION"),
        Rows.of("time_zone", [(number, "N") for number, _zone in zones]),
        Rows.of("time_zone_transition_type", types),
        *(
            Rows.of("time_zone_transition", transitions[at : at + _ROWS])
            for at in range(0, len(transitions), _ROWS)
        ),
        Rows.of("time_zone_name", list(load.names.items())),
        Statement("COMMIT"),
    ]
