# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several servers at once: named connections, opened and asked side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import MARIADB, MYSQL
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import (
    holds_lock,
    take_lock,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import (
    Answers,
    ask_all,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.pin import Pin

Answer = TypeVar("Answer")

# What stays as it is while it is the same server. MariaDB has no uuid, and its server_uid is made
# of the host's network card and the port: two servers may have one, and one may have two.
_KNOWN_BY = {
    MYSQL: ("server_uuid", "server_id"),
    MARIADB: ("server_id", "hostname", "port", "datadir"),
}
_POSITION = {MYSQL: "gtid_executed", MARIADB: "gtid_binlog_state"}

# One connection waits while a step works on another, for hours, and holds a lock.
_WAIT_TIMEOUT = 7 * 24 * 3600
# Beyond what a login may take: to hear of it.
_GRACE_SECONDS = 1.0
_ANSWER_SECONDS = 60.0


class Fleet:
    """Open connections by name. One that could not be reached is in ``unreachable``.

    It is used by one thread; only ``ask`` works side by side.
    """

    def __init__(
        self,
        servers: Mapping[str, Server],
        unreachable: Mapping[str, ServerError] | None = None,
        may_be_unreachable: Collection[str] = (),
        logins: Mapping[str, Login] | None = None,
        logged: Collection[str] = (),
    ) -> None:
        self._servers = dict(servers)
        self._logins = dict(logins or {})
        self._logged = frozenset(logged)
        self.unreachable = dict(unreachable or {})
        self._pins: dict[str, Pin] = {}
        self._locks: dict[str, str] = {}
        self._optional = frozenset(may_be_unreachable)
        # Connections that were closed because an answer was late.
        self._given_up: list[Server] = []
        # Connections beside the first ones.
        self._further: list[Server] = []

    @classmethod
    def open(
        cls,
        logins: Mapping[str, Login],
        may_be_unreachable: Collection[str] = (),
        logged: Collection[str] = (),
    ) -> Fleet:
        """Log in everywhere at once, within the longest ``connect_timeout`` of all.

        Every connection leaves the binary log, but those to servers named in ``logged``.
        Raises ``ServerError`` that names all that cannot be reached and must be.
        """
        ready: dict[str, Server] = {}
        ended = threading.Event()
        lock = threading.Lock()

        def log_in(name: str, login: Login) -> None:
            server = connect(login)
            try:
                server.set_session("wait_timeout", _WAIT_TIMEOUT)
                if name not in logged:
                    server.leave_binary_log()
            except ServerError:
                server.close()
                raise
            with lock:
                if ended.is_set():
                    server.close()
                else:
                    ready[name] = server

        seconds = max((login.connect_timeout for login in logins.values()), default=0.0)
        answers = ask_all(
            {name: partial(log_in, name, login) for name, login in logins.items()},
            seconds + _GRACE_SECONDS,
        )
        with lock:
            # Who logs in from now on is late, and closed at once.
            ended.set()
        unreachable = {}
        for name, login in logins.items():
            if name not in ready:
                answer = answers[name]
                said = answer if isinstance(answer, ServerError) else None
                # What has not answered has no address in its error.
                unreachable[name] = ServerError(
                    login.address,
                    f"{name} cannot be reached: {said.message if said else 'no answer'}",
                    said.number if said else 0,
                )
        reached = {name: ready[name] for name in logins if name in ready}
        fleet = cls(reached, unreachable, may_be_unreachable, logins, logged)
        missing = [unreachable[name] for name in unreachable if name not in may_be_unreachable]
        if missing:
            fleet.close()
            raise all_of(missing)
        return fleet

    def __getitem__(self, name: str) -> Server:
        """Return a connection. Raises the ``ServerError`` of one that cannot be reached."""
        if name in self.unreachable:
            raise self.unreachable[name]
        return self._servers[name]

    def another(self, name: str) -> Server:
        """Open one more connection to a server, like the first one; the caller closes it.

        For what has to be looked at or ended while a statement waits on the first one.
        """
        server = connect(self._logins[name])
        if name not in self._logged:
            server.leave_binary_log()
        self._further.append(server)
        return server

    def __contains__(self, name: object) -> bool:
        return name in self._servers

    @property
    def servers(self) -> Mapping[str, Server]:
        """Those that were reached, by name."""
        return dict(self._servers)

    @property
    def has_changed(self) -> bool:
        """Whether a statement that changes something has succeeded anywhere."""
        used = (*self._servers.values(), *self._given_up, *self._further)
        return any(server.has_changed for server in used)

    def ask(
        self,
        question: Callable[[Server], Answer],
        names: Collection[str] | None = None,
        seconds: float = _ANSWER_SECONDS,
    ) -> Answers[Answer]:
        """Put one question to several servers at once (without names: to all), for ``seconds``.

        The answer of a server that cannot be reached, refuses, or does not answer in time is a
        ``ServerError``; the connection of the last is given up, and the server is in
        ``unreachable`` from then on.
        """
        wanted = [*self._servers, *self.unreachable] if names is None else list(names)
        heard: set[str] = set()

        def put(name: str) -> Answer:
            try:
                return question(self._servers[name])
            finally:
                heard.add(name)

        asked = {name: partial(put, name) for name in wanted if name in self._servers}
        answers = ask_all(asked, seconds)
        said: Answers[Answer] = {}
        for name in wanted:
            if name not in asked:
                said[name] = self.unreachable[name]
                continue
            said[name] = answers[name]
            answer = answers[name]
            if isinstance(answer, ServerError) and name not in heard:
                # The thread that waits still uses the connection.
                late = ServerError(self._servers[name].address, f"{name}: {answer.message}")
                given_up = self._servers.pop(name)
                self._given_up.append(given_up)
                given_up.close()
                said[name] = self.unreachable[name] = late
        return said

    def pin(self, *names: str) -> None:
        """Remember who answers under each name (without names: all), for ``verify``.

        A step that itself makes a server another one pins it again.
        """
        for name, answer in self.ask(read_pin, names or self._servers).items():
            if isinstance(answer, ServerError):
                raise answer
            self._pins[name] = answer

    @property
    def pins(self) -> Mapping[str, Pin]:
        """What each server was last seen as."""
        return dict(self._pins)

    def take_locks(self, locks: Mapping[str, str]) -> str | None:
        """Take a lock by its name on each server, in the order of names; say who has one."""
        for name in sorted(locks):
            if name not in self._servers:
                continue
            holder = take_lock(self._servers[name], locks[name])
            if holder:
                return holder
            self._locks[name] = locks[name]
        return None

    def verify(self) -> None:
        """Compare every pinned server with its pin, and look whether the locks are still held.

        One that was given up meanwhile counts if it must be there. Raises ``ServerError`` that
        names all of which it is not true.
        """
        problems = []
        asked = [name for name in self._pins if name in self or name not in self._optional]
        for name, answer in self.ask(self._look, asked).items():
            if isinstance(answer, ServerError):
                problems.append(answer)
                continue
            now, locks = answer
            address = self._servers[name].address
            differs = self._pins[name].differs_from(now)
            if differs:
                problems.append(ServerError(address, f"{name}: {differs}"))
            elif locks:
                problems.append(
                    ServerError(address, f"{name}: this call's lock {locks} is no longer held")
                )
            else:
                # From here on it may lose nothing of what it has by now.
                self._pins[name] = now
        if problems:
            raise all_of(problems)

    def close(self) -> None:
        """Close all connections; the locks end with them."""
        for server in self._servers.values():
            server.close()

    def _look(self, server: Server) -> tuple[Pin, str]:
        """Return what the server is now, and the lock that its connection has lost."""
        (name,) = [name for name, one in self._servers.items() if one is server]
        lock = self._locks.get(name, "")
        return read_pin(server), "" if not lock or holds_lock(server, lock) else lock


def read_pin(server: Server) -> Pin:
    """Return what a server is known by."""
    names = _KNOWN_BY[server.flavour]
    # SHOW VARIABLES cuts long values short.
    columns = [f"@@GLOBAL.{name} AS {name}" for name in names]
    row = server.row(
        f"SELECT {', '.join(columns)}, @@GLOBAL.{_POSITION[server.flavour]} AS position"
    )
    position = str(row["position"] or "").replace("\n", "")
    return Pin({name: str(row[name]) for name in names}, position)


def all_of(errors: list[ServerError]) -> ServerError:
    """Return one error for several."""
    if len(errors) == 1:
        return errors[0]
    first, *rest = errors
    said = "; ".join([first.message, *(str(error) for error in rest)])
    return ServerError(first.address, said, first.number)
