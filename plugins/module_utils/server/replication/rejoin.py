# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member that returns is asked, and how its numbers go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import lifted
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    one_line,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.servers.rejoined import REJOINED
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import GtidPosition
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication import (
    rejoin as values,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.errant import Errant
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.rejoin import Notes
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_table,
)

_APPLIED = quote_table("mysql", "gtid_slave_pos")
# The event at the beginning of a log that says what was before it.
_STARTS = ("Gtid_list", "Previous_gtids")


@dataclass(frozen=True)
class Words:
    """What a flavour calls what a rejoin needs. ``clones``: a server copies another by itself."""

    program: str
    package: str
    clones: bool
    size: str


WORDS = {
    MARIADB: Words(
        "mariadb-binlog",
        "mariadb-client",
        False,
        "SELECT SUM(FILE_SIZE) AS size FROM information_schema.INNODB_SYS_TABLESPACES",
    ),
    MYSQL: Words(
        "mysqlbinlog",
        "mysql-client",
        True,
        "SELECT SUM(FILE_SIZE) AS size FROM information_schema.INNODB_TABLESPACES",
    ),
}


def data_size(server: Server) -> int:
    """Return how many bytes the files of a server's tables have."""
    return int(server.row(WORDS[server.flavour].size)["size"] or 0)


def outside(server: Server, datadir: Path) -> tuple[str, ...]:
    """Say which parts of a server's data are not in its data directory; it is on this host."""
    return values.outside(
        server.variables(values.BINARY_LOG, values.DATA_FILES, *values.FOLDERS), datadir
    )


def logs_with(server: Server, errant: Errant) -> tuple[list[str], bool]:
    """Return the paths of the binary logs that can have these transactions, the oldest first.

    And whether they have all of them: older logs may be gone.
    """
    folder = Path(server.variables("log_bin_basename")["log_bin_basename"] or "/").parent
    found: list[str] = []
    names = [str(row["Log_name"]) for row in server.rows("SHOW BINARY LOGS")]
    for name in reversed(names):
        found.insert(0, str(folder / name))
        starts = [
            one_line(row["Info"]).strip("[]")
            for row in server.rows("SHOW BINLOG EVENTS IN %s LIMIT 3", name)
            if row["Event_type"] in _STARTS
        ]
        if starts and not errant.begun_before(starts[0]):
            return found, True
    return found, False


def position_statements(position: str) -> list[str]:
    """Return what lets a MariaDB server that has not started yet go on after a position.

    A domain in which it has applied more already stays as it is.
    """
    found = []
    for domain, (server, number) in GtidPosition.parse(position).domains.items():
        more = f"domain_id = {domain:d} AND seq_no > {number:d}"
        found += [
            f"DELETE FROM {_APPLIED} WHERE domain_id = {domain:d} AND seq_no <= {number:d}",
            f"INSERT INTO {_APPLIED} (domain_id, sub_id, server_id, seq_no) "
            f"SELECT {domain:d}, 1 + COALESCE(MAX(sub_id), 0), {server:d}, {number:d} "
            f"FROM {_APPLIED} HAVING NOT EXISTS (SELECT 1 FROM {_APPLIED} WHERE {more})",
        ]
    return found


def columns_of(
    server: Server, tables: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], list[str]]:
    """Return the names of tables' columns, in their order; none for one that is gone."""
    return {
        (schema, table): [
            str(row["name"])
            for row in server.rows(
                "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS "
                "WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                schema,
                table,
            )
        ]
        for schema, table in tables
    }


def number_on(writer: Server, notes: Notes) -> None:
    """Let the numbers of a member's domain go on above every one that it has issued.

    A transaction of the active writer in that domain says so to every server that has a channel.
    The member must not run: with its old data it would look as if it had that transaction.
    """
    with writer.in_binary_log():
        writer.run(
            Statement(
                f"CREATE TABLE IF NOT EXISTS {REJOINED} ("
                "domain BIGINT UNSIGNED NOT NULL, number BIGINT UNSIGNED NOT NULL, "
                "member VARCHAR(64) NOT NULL, rejoined_at DATETIME(6) NOT NULL COMMENT 'UTC', "
                "PRIMARY KEY (domain, number)) ENGINE=InnoDB "
                "DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            )
        )
        own = writer.row("SELECT @@SESSION.gtid_domain_id AS own")["own"]
        try:
            writer.rows("SET SESSION gtid_domain_id = %s", notes.domain)
            writer.rows("SET SESSION gtid_seq_no = %s", notes.issued + 1)
            writer.run(
                Statement(
                    f"INSERT INTO {REJOINED} (domain, number, member, rejoined_at) "
                    "VALUES (%s, %s, %s, UTC_TIMESTAMP(6))",
                    (notes.domain, notes.issued + 1, notes.member),
                )
            )
        finally:
            writer.rows("SET SESSION gtid_domain_id = %s", own)


def clone(
    server: Server,
    source: Server,
    address: tuple[str, int],
    user: str,
    password: Secret | None,
    tls: bool,
    ca_cert: str | None,
    folder: str,
) -> None:
    """Let a server copy another into a folder, which must not be there; its own data stays.

    Over TLS the source's certificate is verified with ``ca_cert``, a file on the server's host;
    without one it is not.
    """
    for one in (source, server):
        _ensure_clone_plugin(one)
    host, port = address
    before = server.variables("clone_ssl_ca")["clone_ssl_ca"]
    server.rows("SET GLOBAL clone_valid_donor_list = %s", f"{host}:{port}")
    try:
        if tls and ca_cert:
            server.rows("SET GLOBAL clone_ssl_ca = %s", ca_cert)
        server.run(
            Statement(
                f"CLONE INSTANCE FROM %s@%s:{port:d} IDENTIFIED BY %s DATA DIRECTORY = %s "
                f"REQUIRE {'SSL' if tls else 'NO SSL'}",
                (user, host, password or Secret(""), folder),
            )
        )
    finally:
        server.rows("SET GLOBAL clone_valid_donor_list = DEFAULT")
        server.rows("SET GLOBAL clone_ssl_ca = %s", before or "")


def _ensure_clone_plugin(server: Server) -> None:
    if server.rows("SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'clone'"):
        return
    try:
        with lifted(server):
            server.run(Statement("INSTALL PLUGIN clone SONAME 'mysql_clone.so'"))
    except ServerError as error:
        raise ServerError(
            server.address, f"cannot load the plugin mysql_clone.so: {error.message}", error.number
        ) from None
