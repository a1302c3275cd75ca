"""A module's process is killed at each of its statements that is no query, one after the other.

The kill is SIGKILL in the module's own process, and the server is a real one: nothing in the
collection knows of it. Before each kill everything is as it was before the module's first run, and
after it the module is run again and must reach what an undisturbed run reaches.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from pymysql.connections import Connection
from pymysql.constants.COMMAND import COM_QUERY

from tests.integration.lines import TestServer, wait_until
from tests.integration.modules import run_module, try_module

# A query leaves nothing behind: killed at one, a module leaves what it had left before.
QUERIES = ("SELECT ", "SHOW ")
# Before a statement is sent; and when it was sent, so that the server runs it while nobody waits
# for its answer. After the answer is the first of the next statement.
BEFORE, SENT = "before", "sent"


def killed_everywhere(
    module: str,
    server: TestServer,
    arguments: dict[str, Any],
    reset: Callable[[], None],
    look: Callable[[], Any],
    *others: TestServer,
    after_kill: Callable[[], None] = lambda: None,
    every: int = 1,
) -> int:
    """Kill the module everywhere, and return how often it was killed.

    ``others`` are servers that it logs in to as well.

    ``reset`` puts everything back as it was before the first run, and ``look`` returns what the
    module is to have reached, asked from outside. ``after_kill`` looks at what a kill has left.
    Where a module has very many statements of one kind, ``every`` so many-th is enough.
    """
    reset()
    undisturbed = run_module(module, server, **arguments)
    assert undisturbed.get("changed") and "failed" not in undisturbed, undisturbed
    wanted = look()
    kills = 0
    for moment in (BEFORE, SENT):
        for number in count(1, every):
            reset()
            # Another test may have left a session that is not closed yet.
            before = {one.name: sessions(one) for one in (server, *others)}
            ended = try_module(module, server, partial(kill_at, number, moment), **arguments)
            if isinstance(ended, dict):
                # It has no more statements.
                assert ended.get("changed") and "failed" not in ended, ended
                break
            assert ended == -signal.SIGKILL, ended
            kills += 1
            # What was sent is done first: two runs at once are another matter.
            for one in (server, *others):
                ended_there = partial(has_no_more, one, before[one.name])
                wait_until(ended_there, 20, "the module's session is left")
            after_kill()
            again = run_module(module, server, **arguments)
            where = f"killed when statement {number} was {moment}: {again}"
            assert "failed" not in again, where
            reached = look()
            assert reached == wanted, f"{where}: {reached}, not {wanted}"
            settled = run_module(module, server, **arguments)
            assert not settled["changed"], f"{where}, and once more: {settled}"
    return kills


def is_alone(server: TestServer) -> bool:
    """Tell whether root and the operator have no session beside the test's own."""
    return not sessions(server)


def has_no_more(server: TestServer, before: set[int]) -> bool:
    """Tell whether root and the operator have no session beside those of before."""
    return not sessions(server) - before


def sessions(server: TestServer) -> set[int]:
    """Return the sessions of root and the operator beside the test's own."""
    rows = server.rows(
        "SELECT id FROM information_schema.processlist "
        "WHERE user IN ('root', 'operator') AND id <> CONNECTION_ID()"
    )
    return {int(row["id"]) for row in rows}


def kill_at(number: int, moment: str) -> None:
    """Let this process end at its statement of this number, counted over all connections.

    Queries do not count. Connections may be used side by side.
    """
    send: Any = Connection._execute_command
    # Taking the next number is one operation, whichever thread does it.
    numbers = count(1)

    def counted(connection: Any, command: int, sql: Any) -> None:
        own = 0
        text = sql.decode(errors="replace") if isinstance(sql, bytes) else sql
        if command == COM_QUERY and not text.lstrip().upper().startswith(QUERIES):
            own = next(numbers)
            if own == number and moment == BEFORE:
                os.kill(os.getpid(), signal.SIGKILL)
        send(connection, command, sql)
        if own == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Connection._execute_command = counted
