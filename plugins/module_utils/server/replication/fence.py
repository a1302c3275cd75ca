# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Closing a server to everyone but replication, proven empty, and opening it again."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import (
    ADMINISTRATORS_WRITE,
    CLOSE,
    OPEN,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.lock_wait import (
    LOCK_WAIT_TIMEOUT,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    WORDS,
    executed,
    prepared_xa,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    opening_words,
)

NO_SUCH_SESSION = 1094
# Of the server itself, and of its replicas.
_DAEMONS = ("Binlog Dump", "Binlog Dump GTID", "Daemon", "Slave_IO", "Slave_SQL", "Slave_worker")
_SYSTEM_USERS = ("system user", "event_scheduler")
# A leader of a group commit waits in it for all of its group.
_WAITS_FOR_ACK = "semi-sync ack"
# How long sessions that were ended may take to undo what they had not committed.
EMPTY_SECONDS = 10.0
_WITH_A_ROLE = "SELECT DISTINCT User AS user FROM mysql.roles_mapping WHERE User <> ''"
# How long closing may take where commits wait for a replica that is not there.
LONELY_SECONDS = 10
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Client:
    """A session of somebody else's."""

    id: int
    user: str
    host: str
    command: str
    seconds: int
    state: str
    sql: str

    @property
    def waits_for_acknowledgement(self) -> bool:
        """Whether it waits in a commit for a replica to have received it."""
        return _WAITS_FOR_ACK in self.state.lower()

    @property
    def waits_for_others(self) -> bool:
        """Whether it only waits for a lock: it is in nobody's way."""
        return self.state.startswith("Waiting for") and not self.waits_for_acknowledgement

    @property
    def sentence(self) -> str:
        """What it is, as a person reads it."""
        doing = opening_words(self.sql) if self.sql.strip() else self.state or self.command
        return f"{self.id} ({self.user} from {self.host}, {self.seconds} s: {doing})"


class NotFenced(ServerError):
    """The server could not be closed within the bound; it takes writes as before."""


def clients(server: Server, own: Collection[int]) -> list[Client]:
    """Return the sessions that could write, but for those of this work."""
    rows = server.rows("SHOW FULL PROCESSLIST")
    return [
        Client(
            int(row["Id"]),
            str(row["User"]),
            str(row["Host"] or ""),
            str(row["Command"]),
            int(row["Time"] or 0),
            str(row["State"] or ""),
            str(row["Info"] or ""),
        )
        for row in rows
        if int(row["Id"]) not in own
        and row["Command"] not in _DAEMONS
        and row["User"] not in _SYSTEM_USERS
    ]


def close(server: Server, watcher: Server, seconds: int = 1, opens_again: bool = True) -> str:
    """Close the server, end whoever could still write, and return all that it has committed.

    ``watcher`` is a second connection to it. The statement that closes waits for a statement that
    writes at the moment, while all new ones wait behind it: for ``seconds`` at most. Raises
    ``NotFenced`` with who was in the way; the server takes writes then. A commit that waits for an
    acknowledgement that no replica can give is ended without being acknowledged.

    With prepared XA transactions, which could be committed all the same, it is not closed, or opened
    again, unless it must not be open in any case (``opens_again`` is false). After every error
    commits wait for a replica as they did before.
    """
    own = {connection_id(server), connection_id(watcher)}
    # Nothing is acknowledged there by now, so that a longer wait takes nothing from anybody.
    lonely = _is_lonely(watcher)
    seconds = max(seconds, LONELY_SECONDS) if lonely else seconds
    _refuse_prepared(server, opens_again)
    server.set_session("lock_wait_timeout", seconds)
    try:
        _close(server, watcher, own, seconds, lonely)
        end_clients(watcher, own)
        _refuse_prepared(watcher, opens_again)
        return executed(watcher)
    except BaseException:
        with suppress(ServerError):
            if lonely:
                # Before it is open: nothing is acknowledged meanwhile that is on it alone.
                _wait_for_acknowledgements(server, True)
            if opens_again:
                open_again(server)
        raise


def _close(
    server: Server, watcher: Server, own: Collection[int], seconds: int, lonely: bool
) -> None:
    """Run the statement that closes; raise ``NotFenced`` where it did not get through."""
    blockers: list[Client] = []
    with _running(server, watcher) as closing:
        while not closing.ended.wait(_PAUSE_SECONDS):
            found = clients(watcher, own)
            if lonely and any(client.waits_for_acknowledgement for client in found):
                _end_unacknowledged(watcher, own, closing.ended)
            blockers = [client for client in found if not client.waits_for_others]
    if closing.error:
        if closing.error.number != LOCK_WAIT_TIMEOUT:
            raise closing.error
        busy = [client for client in blockers if client.command != "Sleep"]
        raise NotFenced(
            server.address,
            f"it did not close within {seconds} s, because a statement that writes is running or "
            f"somebody holds a lock: {_list(busy or blockers)}",
        )


@dataclass
class _Closing:
    """The statement that closes a server, while it runs in a thread of its own."""

    ended: threading.Event = field(default_factory=threading.Event)
    error: ServerError | None = None


@contextmanager
def _running(server: Server, watcher: Server) -> Iterator[_Closing]:
    """Run the statement that closes beside what is done meanwhile; afterwards it has ended."""
    closing, number = _Closing(), connection_id(server)

    def run() -> None:
        try:
            server.run(CLOSE[server.flavour])
        except ServerError as error:
            closing.error = error
        finally:
            closing.ended.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield closing
    except BaseException:
        # Nobody waits for it any more, and the connection is used again.
        with suppress(ServerError):
            watcher.rows(f"KILL QUERY {number:d}")
        raise
    finally:
        thread.join()


def _refuse_prepared(server: Server, opens_again: bool) -> None:
    prepared = prepared_xa(server) if opens_again else ()
    if prepared:
        raise NotFenced(
            server.address,
            f"it has prepared XA transactions ({', '.join(prepared)}), which could be committed on a "
            "closed server, too; commit them or roll them back (XA RECOVER)",
        )


def open_again(server: Server) -> None:
    """Let applications write."""
    server.run(OPEN)


def connection_id(server: Server) -> int:
    """Return the number of a connection on its server."""
    return int(server.row("SELECT CONNECTION_ID() AS id")["id"])


def end_clients(server: Server, own: Collection[int], seconds: float = EMPTY_SECONDS) -> None:
    """End all sessions that a server had when it was closed, and wait until they are gone.

    Those that come afterwards cannot write, and may stay: applications connect again at once. Only
    who has a privilege of administrators still writes, where the flavour lets them: they are ended
    first, and again when they come again. Raises ``ServerError`` when sessions are left.
    """
    end = time.monotonic() + seconds
    privileged = _administrators(server) if ADMINISTRATORS_WRITE[server.flavour] else set()
    found = clients(server, own)
    before = {client.id for client in found}
    while True:
        left = [one for one in found if one.id in before or one.user in privileged]
        if not left:
            return
        if time.monotonic() >= end:
            raise ServerError(
                server.address,
                f"sessions do not end, or come again: {_list(left)}. Stop what opens them",
            )
        left.sort(key=lambda one: (one.waits_for_acknowledgement, one.user not in privileged))
        _kill(server, left)
        time.sleep(_PAUSE_SECONDS)
        found = clients(server, own)


def _end_unacknowledged(
    server: Server, own: Collection[int], closing_ended: threading.Event
) -> None:
    """End commits that no replica will acknowledge, without one of them being acknowledged.

    A session that is ended is cut off from its client first, and then its commit goes on: on
    MariaDB at once, on MySQL when commits do not wait any more. Where one waits for its group,
    ending it lets the others of the group go on as well, and those that are not cut off by then
    would be acknowledged: so it comes last, when no other is left. Only while the server is being
    closed: new statements wait for that.
    """
    while not closing_ended.is_set():
        left = [client for client in clients(server, own) if client.command != "Killed"]
        others = [client for client in left if not client.waits_for_acknowledgement]
        if not others:
            if closing_ended.is_set():
                return
            _kill(server, left)
            _wait_for_acknowledgements(server, False)
            return
        _kill(server, others)


def _wait_for_acknowledgements(server: Server, wait: bool) -> None:
    """Let commits wait for a replica, or no longer."""
    word = WORDS[server.flavour].semi_sync["source"]
    server.run(Statement(f"SET GLOBAL {word} = %s", (int(wait),)))


def _is_lonely(server: Server) -> bool:
    """Tell whether commits wait for a replica, and there is none."""
    words = WORDS[server.flavour]
    source = words.semi_sync["source"]
    if server.variables(source)[source] != "ON":
        return False
    rows = server.rows(
        "SHOW GLOBAL STATUS WHERE Variable_name IN (%s, %s)",
        words.semi_sync_status["clients"],
        words.semi_sync_status["working"],
    )
    said = {str(row["Variable_name"]): str(row["Value"]) for row in rows}
    return (
        said.get(words.semi_sync_status["clients"]) == "0"
        and said.get(words.semi_sync_status["working"]) == "ON"
    )


def _kill(server: Server, found: Sequence[Client]) -> None:
    for client in found:
        try:
            server.run(Statement(f"KILL {client.id:d}"))
        except ServerError as error:
            # It has ended by itself.
            if error.number != NO_SUCH_SESSION:
                raise


def _administrators(server: Server) -> set[str]:
    """Return the names of users that a closed MariaDB server lets write.

    Who has a role counts if any role may: which ones a session has set nobody else can see.
    """
    rows = server.rows(
        "SELECT DISTINCT GRANTEE AS grantee FROM information_schema.USER_PRIVILEGES "
        "WHERE PRIVILEGE_TYPE IN ('SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN')"
    )
    grantees = [str(row["grantee"]) for row in rows]
    found = {grantee.partition("@")[0].strip("'") for grantee in grantees}
    if any("@" not in grantee for grantee in grantees):
        found |= {str(row["user"]) for row in server.rows(_WITH_A_ROLE)}
    return found


def _list(found: Sequence[Client]) -> str:
    shown = [client.sentence for client in found[:5]]
    more = len(found) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
