# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions that still hold the increment and offset of before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.ids.autoinc import (
    INCREMENT,
    OFFSET,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    END,
    ConnectionMark,
    Session,
    StalePolicy,
    listed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

NO_SUCH_THREAD = 1094
SECONDS_BETWEEN_LOOKS = 0.2

# Whether the server can say which values each session holds.
_KNOWS_VALUES = {MYSQL: True, MARIADB: False}

# Threads that number no rows of their own: replication applies ids that are
# there already. None of them may ever be ended.
_NOT_CLIENTS = (
    "USER NOT IN ('system user', 'event_scheduler') "
    "AND COMMAND NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID', 'Delayed insert', "
    "'Slave_IO', 'Slave_SQL', 'Slave_worker')"
)

_CLIENTS = (
    "SELECT ID AS id, USER AS user, HOST AS host, TIME AS seconds "
    f"FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND {_NOT_CLIENTS} "
    "ORDER BY ID"
)

# Every session (t) with each of its variables (v), on a server that tells them.
BY_THREAD = (
    "performance_schema.threads AS t JOIN performance_schema.variables_by_thread AS v "
    "USING (THREAD_ID)"
)
OF_CLIENTS = (
    # By the thread's name: a replication thread goes by the user who started it.
    "(t.NAME LIKE '%%one_connection' OR t.NAME LIKE 'thread/mysqlx/%%' "
    "OR t.NAME = 'thread/sql/event_worker') "
    "AND COALESCE(t.PROCESSLIST_COMMAND, '') NOT IN ('Daemon', 'Binlog Dump', 'Binlog Dump GTID')"
)
_WITH_OTHER_VALUES = (
    "SELECT t.PROCESSLIST_ID AS id, t.PROCESSLIST_USER AS user, t.PROCESSLIST_HOST AS host, "
    f"t.PROCESSLIST_TIME AS seconds FROM {BY_THREAD} WHERE t.PROCESSLIST_ID <> CONNECTION_ID() "
    f"AND v.VARIABLE_NAME IN ('{INCREMENT}', '{OFFSET}') "
    f"AND v.VARIABLE_VALUE <> IF(v.VARIABLE_NAME = '{INCREMENT}', %s, %s) "
    f"AND {OF_CLIENTS} GROUP BY 1, 2, 3, 4 ORDER BY 1"
)


def knows_values(server: Server) -> bool:
    """Tell whether the server can say which values each session holds.

    Raises ``ServerError`` when the login user may not see other sessions: none
    would be found, and that would be taken for proof that there is none.
    """
    try:
        if not _KNOWS_VALUES[server.flavour]:
            # A query that the privilege PROCESS alone permits.
            server.rows("SELECT 1 FROM information_schema.INNODB_TRX LIMIT 1")
            return False
        # Its own session at least, unless performance_schema is switched off.
        return bool(
            server.rows(
                "SELECT 1 FROM performance_schema.variables_by_thread JOIN "
                "performance_schema.threads USING (THREAD_ID) "
                "WHERE PROCESSLIST_ID = CONNECTION_ID() AND VARIABLE_NAME = %s",
                INCREMENT,
            )
        )
    except ServerError as error:
        if error.number not in (1142, 1227):
            raise
        raise ServerError(
            server.address,
            f"cannot see the sessions of others ({error.message}); grant the login user PROCESS, "
            "and on MySQL SELECT on performance_schema",
            error.number,
        ) from error


def mark(server: Server) -> ConnectionMark:
    """Return the number of the newest connection, and when the server started."""
    row = server.row("SELECT UNIX_TIMESTAMP() AS now")
    status = {
        str(one["Variable_name"]): int(one["Value"])
        for one in server.rows(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Connections', 'Uptime')"
        )
    }
    return ConnectionMark(status["Connections"], int(row["now"]) - status["Uptime"])


def with_other_values(server: Server, pair: Autoinc) -> tuple[Session, ...]:
    """Return the sessions that hold another pair, on a server that knows their values."""
    return sessions_of(server.rows(_WITH_OTHER_VALUES, str(pair.increment), str(pair.offset)))


def opened_before(server: Server, moment: ConnectionMark) -> tuple[Session, ...]:
    """Return the sessions that may have been open at ``moment``."""
    if not moment.same_start(mark(server).started):
        return ()
    found = sessions_of(server.rows(_CLIENTS))
    return tuple(one for one in found if one.id <= moment.newest)


def end_statement(session: Session) -> Statement:
    """Return the statement that ends a session."""
    return Statement("KILL CONNECTION %s", (session.id,))


def run_end(server: Server, statement: Statement) -> None:
    """End a session; one that has gone by itself is no error."""
    try:
        server.run(statement)
    except ServerError as error:
        if error.number != NO_SUCH_THREAD:
            raise


@dataclass(frozen=True)
class Watch:
    """How a server is asked for the sessions of before, by whichever way it offers.

    ``exact``: it knows the values of each session. ``moment``: when the pair was set, for one
    that does not.
    """

    pair: Autoinc
    exact: bool
    moment: ConnectionMark

    def stale(self, server: Server) -> tuple[Session, ...]:
        """Return the sessions that may number with other values now."""
        if self.exact:
            return with_other_values(server, self.pair)
        return opened_before(server, self.moment)

    def settle(
        self, server: Server, policy: StalePolicy, ended: Sequence[Session]
    ) -> tuple[Session, ...]:
        """Wait until no such session is left, and end those that are (policy end).

        ``ended`` has the sessions that were told to end before; returned are these and those
        that are told so here. Raises ``ServerError`` when some are left after the policy's time.
        """
        told = {session.id: session for session in ended}
        until = time.monotonic() + policy.timeout_seconds
        # A session that was logging in at the change can be missing from the first look.
        looks_without = 0
        while looks_without < 2:
            left = self.stale(server)
            looks_without = 0 if left else looks_without + 1
            for session in left if policy.action == END else ():
                if session.id not in told:
                    run_end(server, end_statement(session))
                    told[session.id] = session
            if left and time.monotonic() >= until:
                raise ServerError(server.address, _still_there(left, policy))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return tuple(told.values())


def _still_there(left: tuple[Session, ...], policy: StalePolicy) -> str:
    what = (
        "they have been ended and are rolling their transactions back; give them more time"
        if policy.action == END
        else "let them reconnect, or use stale_sessions: end"
    )
    return (
        f"after {policy.timeout_seconds} s there are sessions that may still give ids with other "
        f"values: {listed(left)}. The new values are set; {what}, and run this again"
    )


def sessions_of(rows: list[Row]) -> tuple[Session, ...]:
    """Make a session of each row with its id, user, host and seconds."""
    return tuple(
        Session(
            int(row["id"]),
            str(row["user"]),
            str(row["host"] or "").rsplit(":", 1)[0],
            max(0, int(row["seconds"] or 0)),
        )
        for row in rows
    )
