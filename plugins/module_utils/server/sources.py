# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the sources of channels, all at once, for a bounded time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar, Union

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.sources import Source
from ansible_collections.dbrw.sharding.plugins.module_utils.server import settings as judged
from ansible_collections.dbrw.sharding.plugins.module_utils.server.channels import (
    connect_to_source,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.channel import Settings
from ansible_collections.dbrw.sharding.plugins.module_utils.values.identity import VARIABLES
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret

Answer = TypeVar("Answer")
Answers = dict[str, Union[Answer, ServerError]]


def ask_all(questions: Mapping[str, Callable[[], Answer]], seconds: float) -> Answers[Answer]:
    """Call every function at once and return their answers, or errors, by name.

    What has not answered after ``seconds`` is an error too: a source that hangs in the
    middle of a login could take several timeouts.
    """
    said: queue.Queue[tuple[str, Answer | ServerError]] = queue.Queue()

    def ask(name: str, question: Callable[[], Answer]) -> None:
        try:
            said.put((name, question()))
        except ServerError as error:
            said.put((name, error))
        except RuntimeError as error:
            # The client library lacks what the account's authentication needs.
            said.put((name, ServerError(name, str(error))))

    for name, question in questions.items():
        threading.Thread(target=ask, args=(name, question), daemon=True).start()
    end = time.monotonic() + seconds
    answers: Answers[Answer] = {}
    try:
        while len(answers) < len(questions):
            name, answer = said.get(timeout=max(0.001, end - time.monotonic()))
            answers[name] = answer
    except queue.Empty:
        pass
    return {
        name: answers.get(name, ServerError(name, f"no answer within {seconds:.1f} s"))
        for name in questions
    }


def describe(server: Server) -> Source:
    """Return what matters of a server for those that follow it."""
    variables = {**judged.read(server), **server.variables(*VARIABLES)}
    said = server.row(server.dialect.source_position)
    position, uuid = (str(said[name] or "") for name in ("position", "uuid"))
    return Source(server.dialect.flavour, variables, position.replace("\n", ""), uuid)


def describe_source(settings: Settings, password: Secret, seconds: float) -> Source:
    """Log in to a channel's source with the channel's account and describe it."""
    source = connect_to_source(settings, password, seconds)
    try:
        return describe(source)
    finally:
        source.close()
