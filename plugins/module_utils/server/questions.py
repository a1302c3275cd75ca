# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting questions to several servers, all at once, for a bounded time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import ServerError

Answer = TypeVar("Answer")
Answers = dict[str, Union[Answer, ServerError]]


def ask_all(questions: Mapping[str, Callable[[], Answer]], seconds: float) -> Answers[Answer]:
    """Call every function at once and return their answers, or errors, by name.

    What has not answered after ``seconds`` is an error too: a source that hangs in the
    middle of a login could take several timeouts. A defect in a question is raised here.
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
    end = time.monotonic() + seconds
    answers: Answers[Answer] = {}
    try:
        while len(answers) < len(questions):
            name, answer = said.get(timeout=max(0.001, end - time.monotonic()))
            if isinstance(answer, Exception) and not isinstance(answer, ServerError):
                raise answer
            answers[name] = answer
    except queue.Empty:
        pass
    return {
        name: answers.get(name, ServerError(name, f"no answer within {seconds:.1f} s"))
        for name in questions
    }
