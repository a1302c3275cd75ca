# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting questions to several servers, all at once, for a bounded time.

Connections that are asked more than once, and stay open meanwhile, are a ``Fleet``.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)

Answer = TypeVar("Answer")
Answers = dict[str, Union[Answer, ServerError]]


def ask_servers(
    logins: Mapping[str, Login | Callable[[], Login]],
    question: Callable[[str, Server], Answer],
    seconds: float | None,
) -> Answers[Answer]:
    """Log in everywhere at once, put a question to each server, and log out again.

    ``question`` gets the server's name here and its connection. A login may be made by a
    function, whose error is then that server's answer, as with ``ask_all``.
    """

    def ask(name: str, login: Login | Callable[[], Login]) -> Answer:
        server = connect(login if isinstance(login, Login) else login())
        try:
            return question(name, server)
        finally:
            server.close()

    return ask_all({name: partial(ask, name, login) for name, login in logins.items()}, seconds)


def ask_all(
    questions: Mapping[str, Callable[[], Answer]], seconds: float | None
) -> Answers[Answer]:
    """Call every function at once and return their answers, or errors, by name.

    What has not answered after ``seconds`` is an error too: a source that hangs in the
    middle of a login could take several timeouts. None: as long as each takes by itself.
    A defect in a question is raised here.
    """
    said: queue.Queue[tuple[str, Answer | Exception]] = queue.Queue()

    def ask(name: str, question: Callable[[], Answer]) -> None:
        try:
            said.put((name, question()))
        except ServerError as error:
            said.put((name, error))
        except RuntimeError as error:
            # The client library lacks what the account's authentication needs.
            said.put((name, ServerError(name, str(error))))
        except Exception as error:
            said.put((name, error))

    for name, question in questions.items():
        threading.Thread(target=ask, args=(name, question), daemon=True).start()
    end = None if seconds is None else time.monotonic() + seconds
    answers: Answers[Answer] = {}
    try:
        while len(answers) < len(questions):
            name, answer = said.get(timeout=end and max(0.001, end - time.monotonic()))
            if isinstance(answer, Exception) and not isinstance(answer, ServerError):
                raise answer
            answers[name] = answer
    except queue.Empty:
        pass
    late = f"no answer within {seconds or 0.0:.1f} s"
    return {name: answers.get(name, ServerError(name, late)) for name in questions}
