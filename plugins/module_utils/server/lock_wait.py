# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a table within a bounded wait for it."""

from __future__ import annotations

import time

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.values.lock_wait import LockWait
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

LOCK_WAIT_TIMEOUT = 1205

# Queries that have queued behind an ALTER get this long before it queues again.
SECONDS_BETWEEN_TRIES = 1.0

PARTITIONS, INDEXES = "partitions", "indexes"

# How often an ALTER that cannot get the table waits for lock_wait_timeout before
# it says so: MariaDB's of partitions queues a second time to clean up. Between the two
# others get in, but a session with several statements would lose the time twice.
_WAITS_OF_AN_ALTER = {
    PARTITIONS: {MYSQL: 1, MARIADB: 2},
    INDEXES: {MYSQL: 1, MARIADB: 1},
}

# Sessions that keep others from changing a table. MySQL knows them exactly;
# MariaDB has no view of metadata locks without a plugin, so these are the
# sessions with an open transaction, the usual cause.
_HOLDERS = {
    MYSQL: (
        "SELECT DISTINCT t.PROCESSLIST_ID AS id, t.PROCESSLIST_USER AS user, "
        "t.PROCESSLIST_HOST AS host FROM performance_schema.metadata_locks m "
        "JOIN performance_schema.threads t ON t.THREAD_ID = m.OWNER_THREAD_ID "
        "WHERE m.OBJECT_SCHEMA = %s AND m.OBJECT_NAME = %s AND m.LOCK_STATUS = 'GRANTED' "
        "AND t.PROCESSLIST_ID <> CONNECTION_ID() ORDER BY 1 LIMIT 10"
    ),
    MARIADB: (
        "SELECT p.ID AS id, p.USER AS user, p.HOST AS host "
        "FROM information_schema.INNODB_TRX t "
        "JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id "
        "WHERE p.ID <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 10"
    ),
}


def bound_lock_waits(server: Server, wait: LockWait, change: str) -> None:
    """Bound how long this session queues for a table that it changes, in whole seconds.

    ``change`` is what of a table is changed: ``PARTITIONS`` or ``INDEXES``. Raises ``Refused``
    where the server cannot keep to the time.
    """
    waits = _WAITS_OF_AN_ALTER[change][server.flavour]
    if wait.timeout_seconds < waits:
        raise Refused(
            [
                f"server {server.address}: lock_wait_timeout_seconds {wait.timeout_seconds} is too "
                f"short. A change of {change} that does not get its table waits {waits} times "
                f"on this server, at least a second each; choose {waits} or more."
            ]
        )
    server.set_session("lock_wait_timeout", wait.timeout_seconds // waits)


def run_with_retries(
    server: Server, statement: Statement, schema: str, table: str, wait: LockWait
) -> float:
    """Run an ALTER, again when it could not get the table; return the last try's seconds.

    Raises ``ServerError`` that says who may hold the table.
    """
    for tries_left in range(wait.retries, -1, -1):
        started = time.monotonic()
        try:
            server.run(statement, again=tries_left < wait.retries)
        except ServerError as error:
            if error.number != LOCK_WAIT_TIMEOUT:
                raise
            if not tries_left:
                raise ServerError(
                    server.address, _why(server, schema, table, wait), error.number, statement
                ) from error
            time.sleep(SECONDS_BETWEEN_TRIES)
        else:
            return time.monotonic() - started
    raise AssertionError("the last try returns or raises")


def _why(server: Server, schema: str, table: str, wait: LockWait) -> str:
    tries = wait.retries + 1
    said = (
        f"gave up after {tries} {'try' if tries == 1 else 'tries'} of {wait.timeout_seconds} s to "
        f"get table {schema}.{table}: a session that has used it in a transaction that is still open, or a "
        "statement on it that is still running, holds it"
    )
    query = _HOLDERS[server.flavour]
    try:
        rows = server.rows(query, *((schema, table) if "%s" in query else ()))
    except ServerError:
        rows = []
    if rows:
        found = ", ".join(f"{row['id']} ({row['user']}@{row['host']})" for row in rows)
        said += f"; look at these sessions: {found}"
    return f"{said}. Let it end, or end it (KILL), and run this again"
