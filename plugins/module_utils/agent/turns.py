# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One turn of an agent: look at its own server, ask the others where need be, and act."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from ansible_collections.dbrw.sharding.plugins.module_utils.agent.config import Config
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.agent import (
    CLOSE,
    FOLLOW,
    IN_SERVICE,
    OPEN,
    STAY,
    Decision,
    Seen,
    decide,
    decide_alone,
    decide_open,
    silent_members,
    still_open,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.replica_set import (
    source_settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.named_lock import lock_name
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    replica_set_steps as steps,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    observe,
    read,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    MemberState,
    SetState,
    lock_of,
)

# How often the agent of an open server asks whether another is the active writer by now.
ASK_SECONDS = 5.0


def set_lock(set_name: str) -> str:
    """Return the name of the lock that all work on a set takes on its members."""
    return lock_name(*lock_of(set_name))


class Agent:
    """Takes turns; ``seen`` is what it knows of its server since that has started."""

    def __init__(self, config: Config, seen: Seen | None = None) -> None:
        self._config = config
        self._names = {member.address: member.name for member in config.members}
        # A healthy server costs one connection that stays.
        self._server: Server | None = None
        self.seen = seen
        self._asked_at = 0.0
        # Who did not answer then.
        self._silent: tuple[str, ...] = ()

    def turn(self) -> Decision:
        """Look, and do what is to be done. A server that does not answer is a reason, not an error."""
        try:
            return self._turn()
        # A position that cannot be read is none.
        except (ServerError, ValueError) as error:
            self._forget()
            return Decision(STAY, str(error))

    def _turn(self) -> Decision:
        try:
            own, seen = self._look()
        except ServerError as error:
            self._forget()
            return Decision(STAY, f"its own server does not answer ({error.message})")
        decision = decide_alone(own, seen)
        if own.open:
            decision = self._while_open() or still_open(own, self._silent)
        if decision is None:
            decision = self._with_the_others(seen)
        if decision.action in (IN_SERVICE, OPEN):
            seen = replace(seen, in_service=True)
        self.seen = seen
        return decision

    def _look(self) -> tuple[MemberState, Seen]:
        if self._server is None:
            self._server = connect(self._config.logins[self._config.member])
        own = replace(read(self._server, self._names, False, False), name=self._config.member)
        now = Seen(time.time() - own.uptime_seconds, self._server.process_id())
        same = self.seen is not None and self.seen.is_same_start(now)
        return own, self.seen if same and self.seen else now

    def _forget(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _while_open(self) -> Decision | None:
        """Close the server if another is the active writer by now; ask for it now and then.

        None: it stays open.
        """
        if time.monotonic() - self._asked_at < ASK_SECONDS:
            return None
        self._asked_at = time.monotonic()
        own = self._config.member
        with contextlib.closing(self._fleet()) as fleet:
            state = self._ask(fleet)
            self._silent = silent_members(state)
            decision = decide_open(own, state)
            if decision.action != CLOSE:
                return None
            holder = fleet.take_locks(dict.fromkeys(fleet.servers, set_lock(self._config.set_name)))
            if holder:
                return Decision(
                    IN_SERVICE, f"{decision.reason}; the set is being worked on: {holder}"
                )
            decision = decide_open(own, self._ask(fleet))
            if decision.action == CLOSE:
                steps.close(fleet, own)
            return decision

    def _fleet(self) -> Fleet:
        """Open connections to all members; those that do not answer are a fact."""
        config = self._config
        others = [member.name for member in config.members if member.name != config.member]
        # The accounts elsewhere write nothing, and may not leave the binary log.
        return Fleet.open(config.logins, others, logged=others)

    def _with_the_others(self, seen: Seen) -> Decision:
        config = self._config
        with contextlib.closing(self._fleet()) as fleet:
            decision = self._decide(self._ask(fleet), seen)
            if decision.action not in (OPEN, FOLLOW):
                return decision
            # Whoever works on the set meanwhile knows better.
            lock = set_lock(config.set_name)
            holder = fleet.take_locks(dict.fromkeys(fleet.servers, lock))
            if holder:
                return Decision(STAY, f"the set is being worked on: {holder}")
            fleet.pin()
            state = self._ask(fleet)
            decision = self._decide(state, seen)
            self._act(fleet, decision, state)
            return decision

    def _ask(self, fleet: Fleet) -> SetState:
        return observe(fleet, self._config.members, with_rows=False, with_xa=False)

    def _decide(self, state: SetState, seen: Seen) -> Decision:
        own = state.members[self._config.member]
        if not own.reachable:
            return Decision(STAY, own.unreachable)
        return decide_alone(own, seen) or decide(own.name, state)

    def _act(self, fleet: Fleet, decision: Decision, state: SetState) -> None:
        own, epoch = self._config.member, state.epoch
        if decision.action == OPEN and epoch:
            # It verifies the locks itself, immediately before.
            steps.open_member(fleet, own, epoch, source_settings(epoch))
        elif decision.action == FOLLOW:
            fleet.verify()
            steps.start(fleet[own], self._names)
