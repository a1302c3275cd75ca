# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a replica set: following, closing, opening, switching, failing over."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.closed import (
    OPEN,
    closed_and_lifted,
    lifted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet, all_of
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channels,
    events,
    fence,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.replica_set import (
    WORDS,
    Note,
    durability_statement,
    epoch_statements,
    executed,
    failover_note,
    forget_failover_notes,
    has_failover_notes,
    newest_epoch,
    note_failover,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    joined,
    missing,
    transactions_between,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ChannelStatus,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_report import (
    explain,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.replica_set import (
    ASYNCHRONOUS,
    STRICT,
    Epoch,
    Member,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.set_events import (
    Events,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

# How long a channel may take to connect, and how long the receiving thread of a witness may take
# to find out whether the writer still answers.
CONNECT_SECONDS = 10.0
WITNESS_SECONDS = 3.0
# How long a writer that is opened while nobody waits for it gives others to connect.
FOLLOWED_WITHIN_SECONDS = 5.0
# How long a member that is to take over may need for what was committed before that began.
CATCH_UP_SECONDS = 30.0
# What a member may need at most to apply all that it has received.
APPLY_SECONDS = 600.0
_PAUSE_SECONDS = 0.01
_SLICE_SECONDS = 0.5


def channel_of(server: Server, names: Mapping[tuple[Any, int], str]) -> ChannelStatus | None:
    """Return the channel whose source is a member of the set."""
    found = [one for one in channels.read(server) if one.settings.source in names]
    return found[0] if found else None


def follow(
    server: Server,
    name: str,
    settings: Settings,
    source: Member,
    own: Member,
    names: Mapping[tuple[Any, int], str],
    is_over: bool = True,
) -> None:
    """Let a server have its one channel of the set from another member, and start it.

    ``name`` is what a new channel is called, ``settings`` are those that are the same for all. See
    ``begin`` for ``is_over``. Raises ``ServerError`` when it does not come to run.
    """
    status = channel_of(server, names)
    runs = status is not None and (status.io_running or status.sql_running)
    # One that has stopped goes on after what the server has written itself meanwhile.
    if status is None or names.get(status.settings.source) != source.name or not runs:
        point(server, name, settings, source, own, names)
    begin(server, source, names, is_over)


def point(
    server: Server,
    name: str,
    settings: Settings,
    source: Member,
    own: Member,
    names: Mapping[tuple[Any, int], str],
) -> None:
    """Let a server's channel of the set have another source, and leave it stopped."""
    status = channel_of(server, names)
    called = status.name if status else name
    wanted = {
        **settings.given(),
        "source_host": source.host,
        "source_port": source.port,
        "source_user": own.replication_user,
        "auto_position": True,
        "source_password": own.replication_password,
    }
    if status is not None and (status.io_running or status.sql_running):
        _control(server, server.dialect.stop_channel, called)
    server.run(channels.change(server.dialect, called, wanted, demoted=True))


def begin(
    server: Server, source: Member, names: Mapping[tuple[Any, int], str], is_over: bool = True
) -> None:
    """Start the channel of the set, and wait until it runs.

    ``is_over``: what a failover has noted is then so no longer. Within one it is.
    """
    status = channel_of(server, names)
    if status is None:
        raise ServerError(server.address, f"its channel from {source.name} is gone")
    _control(server, server.dialect.start_channel, status.name)
    wait_until_following(server, names, source)
    if is_over:
        forget(server)


def make_ready(
    fleet: Fleet,
    name: str,
    settings: Settings,
    source: Member,
    own: Member,
    names: Mapping[tuple[Any, int], str],
    start: bool,
) -> None:
    """Let the active writer have a channel to another member, for when it is demoted.

    ``start``: it is about to be. On MariaDB the channel begins after what the writer has committed
    by now, and its source must know that place.
    """
    server = fleet[own.name]
    point(server, name, settings, source, own, names)
    if not start:
        return
    if not wait_until_applied(fleet[source.name], executed(server), CATCH_UP_SECONDS):
        raise ServerError(
            fleet[source.name].address,
            f"{source.name} has not applied within {CATCH_UP_SECONDS:.0f} s what {own.name} had "
            "committed; nothing has been closed. Wait until it keeps up",
        )
    begin(server, source, names)


def wait_until_following(
    server: Server, names: Mapping[tuple[Any, int], str], source: Member
) -> None:
    """Wait until the channel is connected and applies. Raises ``ServerError`` if it does not."""
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        status = channel_of(server, names)
        if status and status.connected and status.sql_running:
            return
        failed = status is None or status.denied or bool(status.sql_fault) or not status.io_running
        if failed and time.monotonic() > end - CONNECT_SECONDS + 1 or time.monotonic() > end:
            said = explain(status) if status else "there is no channel"
            raise ServerError(server.address, f"it does not follow {source.name}: {said}")
        time.sleep(_PAUSE_SECONDS)


def stop(server: Server, names: Mapping[tuple[Any, int], str], remove: bool = False) -> None:
    """Stop the channel of the set, if there is one; ``remove``: so that nothing starts it again."""
    status = channel_of(server, names)
    if status is None:
        return
    if status.io_running or status.sql_running:
        _control(server, server.dialect.stop_channel, status.name)
    if remove:
        _control(server, server.dialect.remove_channel, status.name)


def start(server: Server, names: Mapping[tuple[Any, int], str]) -> None:
    """Start the channel of the set, if there is one."""
    status = channel_of(server, names)
    if status is not None:
        _control(server, server.dialect.start_channel, status.name)


def wait_until_applied(server: Server, position: str, seconds: float) -> bool:
    """Wait until the server has all transactions of a position; tell whether it has them in time."""
    end = time.monotonic() + seconds
    while True:
        lacks = missing(position, executed(server))
        if not lacks:
            return True
        left = end - time.monotonic()
        if left <= 0:
            return False
        server.row(server.dialect.wait_for_position, lacks, max(0.01, min(left, _SLICE_SECONDS)))


def set_semi_sync(server: Server, settings: Mapping[str, Any]) -> None:
    """Set those of a member's settings of semi-synchronous replication that differ."""
    words = WORDS[server.flavour].semi_sync
    has = server.variables(*(words[name] for name in settings))
    for name, value in settings.items():
        given = int(value) if isinstance(value, bool) else value
        shown = ("OFF", "ON")[given] if isinstance(value, bool) else str(value)
        if has[words[name]] != shown:
            server.run(Statement(f"SET GLOBAL {words[name]} = %s", (given,)))


def semi_sync_clients(server: Server) -> int:
    """Return how many replicas would acknowledge what the server commits."""
    return sum(map(int, _semi_sync_status(server, "clients")))


def wait_for_it_again(
    server: Server, follower: Server, names: Mapping[tuple[Any, int], str]
) -> None:
    """Let commits wait for a replica that has come back, if they had fallen back to not waiting.

    MariaDB does so at an acknowledgement of the last commit, which under load is never the last any
    more. Turned off and on, they wait at once: when it has received what was committed by now, so
    that they do not fall back once more.
    """
    wanted, end = executed(server), time.monotonic() + FOLLOWED_WITHIN_SECONDS
    while _has_fallen_back(server):
        status = channel_of(follower, names)
        received = status.gtid_received if status else ""
        own = executed(follower)
        if semi_sync_clients(server) and not missing(
            wanted, joined(own, received) if received else own
        ):
            set_semi_sync(server, {"source": False})
            set_semi_sync(server, {"source": True})
            return
        if time.monotonic() > end:
            return
        time.sleep(_PAUSE_SECONDS)


def _has_fallen_back(server: Server) -> bool:
    """Tell whether commits are to wait for a replica, and do not."""
    return _source_waits(server) and "OFF" in _semi_sync_status(server, "working")


def _semi_sync_status(server: Server, name: str) -> list[str]:
    word = WORDS[server.flavour].semi_sync_status[name]
    rows = server.rows("SHOW GLOBAL STATUS WHERE Variable_name = %s", word)
    return [str(row["Value"]) for row in rows]


def close(fleet: Fleet, *names: str, seconds: int = 1) -> None:
    """Close members, end whoever could still write, and let no commit wait for a replica.

    They must not be open, whatever is prepared there. Each is tried; raises ``ServerError`` with
    all that are still open.
    """
    failed = []
    for name in names:
        try:
            with contextlib.closing(fleet.another(name)) as watcher:
                _fence(fleet[name], watcher, name, seconds, opens_again=False)
            events.turn_off(fleet[name], events.read(fleet[name]).on)
            _semi_sync_source(fleet[name], False)
        except ServerError as error:
            failed.append(error)
    if failed:
        raise all_of(failed)


def _fence(
    server: Server, watcher: Server, name: str, seconds: int, opens_again: bool = True
) -> str:
    """Close a member, and say which one it is where that fails. See ``fence.close``."""
    try:
        return fence.close(server, watcher, seconds, opens_again)
    except fence.NotFenced as error:
        raise fence.NotFenced(error.address, f"{name} is not closed: {error.message}") from None


def settle_events(server: Server, has: Events, is_writer: bool) -> None:
    """Let noted events run on the writer, what runs there be noted, and none run elsewhere."""
    if is_writer:
        # Noted first: a run that ends in between leaves them on.
        events.note(server, has.wanted)
        events.turn_on(server, has.to_turn_on)
    else:
        events.turn_off(server, has.on)


def open_member(
    fleet: Fleet,
    name: str,
    epoch: Epoch,
    source_settings: Mapping[str, Any],
    followed: bool = True,
    patience: float = 0.0,
) -> None:
    """Write the epoch down, unless it is, and let applications write.

    ``source_settings`` are those of semi-synchronous replication while commits wait for a replica;
    they do not where nobody follows. One that does may still be connecting, for which ``patience``
    is in seconds. A strict writer is opened only with a replica that acknowledges. The locks are
    verified immediately before.
    """
    server = fleet[name]
    strict = epoch.durability == STRICT
    if epoch.durability != ASYNCHRONOUS and (followed or strict):
        clients = _wait_for_clients(server, CONNECT_SECONDS if strict else patience)
        if strict and not clients:
            raise ServerError(
                server.address,
                f"{name} is not opened: the set is strict, and no member follows it "
                "semi-synchronously. Bring one back, or allow it to be alone (alone=true)",
            )
        if clients:
            set_semi_sync(server, {**source_settings, "source": True})
    known = newest_epoch(server)
    fleet.verify()
    if known is None or known.number < epoch.number:
        with lifted(server), server.in_binary_log():
            for statement in epoch_statements(epoch, is_first=known is None):
                server.run(statement)
    server.run(OPEN)
    events.turn_on(server, events.read(server).to_turn_on)


def adopt(server: Server, epoch: Epoch) -> None:
    """Write the first epoch of a writer that is open."""
    with server.in_binary_log():
        for statement in epoch_statements(epoch, is_first=True):
            server.run(statement)


def promise(server: Server, epoch: Epoch, logged: bool = True) -> None:
    """Write down that the durability of an epoch has changed.

    Not ``logged``: on a closed member that its active writer does not reach now, and which is to
    know before that acknowledges what is on it alone.
    """
    if not logged:
        with lifted(server):
            server.run(durability_statement(epoch))
        return
    with server.in_binary_log():
        server.run(durability_statement(epoch))


def switch(
    fleet: Fleet,
    active: str,
    epoch: Epoch,
    max_pause: float,
    source_settings: Mapping[str, Any],
    names: Mapping[tuple[Any, int], str],
) -> dict[str, Any]:
    """Fence the active writer, let the other apply everything, and open that.

    One function without a planner in it. Until the epoch is written, an error opens the active
    writer again, and nothing has changed; after that the other one is the active writer. Where the
    other one is lost while it is being opened, nobody knows, and both stay closed.
    """
    old, new = fleet[active], fleet[epoch.active]
    has, waited = events.read(old), _source_waits(old)
    events.note(old, has.wanted)
    with contextlib.closing(fleet.another(active)) as watcher:
        began = time.monotonic()
        try:
            # Before: some are an administrator's, whom a closed MariaDB server lets write.
            events.turn_off(old, has.on)
            position = _fence(old, watcher, active, max(1, int(max_pause)))
        except Exception:
            _undo(fleet, active, epoch.active, waited, names)
            raise
        # MySQL takes half a second for it, which applications need not wait for.
        off = threading.Thread(target=_semi_sync_source, args=(watcher, False), daemon=True)
        off.start()
        opening = False
        try:
            _hand_over(fleet, active, epoch, position, began + max_pause)
            stop(new, names)
            opening = True
            open_member(fleet, epoch.active, epoch, source_settings)
        except Exception:
            off.join()
            if not opening or _is_behind(new, epoch):
                _undo(fleet, active, epoch.active, waited, names)
            raise
        pause = time.monotonic() - began
        off.join()
    return {"pause_seconds": round(pause, 3)}


def _hand_over(
    fleet: Fleet,
    active: str,
    epoch: Epoch,
    position: str,
    end: float,
) -> None:
    """Let the new writer have all that the old one, which is closed, has committed."""
    old, new = fleet[active], fleet[epoch.active]
    while True:
        if not wait_until_applied(new, position, max(0.1, end - time.monotonic())):
            behind = transactions_between(position, executed(new))
            raise ServerError(
                new.address,
                f"{epoch.active} did not apply the last {behind} transactions of {active} in time; "
                f"{active} is opened again",
            )
        # On MariaDB an administrator can write after all.
        position = executed(old)
        if not missing(position, executed(new)):
            break
        if time.monotonic() > end:
            raise ServerError(
                old.address,
                f"somebody with a privilege of administrators goes on writing on {active}, which is "
                "opened again. Stop that first",
            )


def _is_behind(server: Server, epoch: Epoch) -> bool:
    """Tell whether a server says that it does not know an epoch; one that is lost says nothing."""
    try:
        known = newest_epoch(server)
    except ServerError:
        return False
    return known is None or known.number < epoch.number


def catch_up(fleet: Fleet, name: str, former: str, names: Mapping[tuple[Any, int], str]) -> None:
    """Let a member have all that the former active writer, which is closed, has committed.

    Sessions that the former one had when it was closed are ended before. Raises ``ServerError``
    when something is missing in the end; then nothing is opened.
    """
    server, closed = fleet[name], fleet[former]
    fence.end_clients(closed, {fence.connection_id(closed)})
    wanted = executed(closed)
    if not wait_until_applied(server, wanted, CATCH_UP_SECONDS):
        status = channel_of(server, names)
        raise ServerError(
            server.address,
            f"{name} is not opened: it lacks {missing(wanted, executed(server))}, which {former} has "
            f"({explain(status) if status else 'it has no channel'})",
        )


def fail_over(
    fleet: Fleet,
    lost: Epoch,
    epoch: Epoch,
    survivors: Sequence[str],
    givers: Sequence[str],
    complete: Sequence[str],
    names: Mapping[tuple[Any, int], str],
    prove_lost: bool,
    allow_loss: bool,
    rest: Callable[[], None],
    source_settings: Mapping[str, Any],
) -> None:
    """Let a survivor apply all that anybody has received, and open it.

    No survivor receives any more from the lost writer. ``givers`` are those of them that have what
    it has written, the new writer among them; ``complete`` are those that were receiving until it
    was lost. ``prove_lost``: the survivors try to reach the lost
    writer first, and one that does ends it all. ``rest`` lets the other survivors follow the new
    writer before it is opened. Raises ``ServerError`` where the new writer lacks what a giver has
    received, unless ``allow_loss``.
    """
    target = epoch.active
    for name in survivors:
        # Before a thread is stopped or started: a run that ends in between finds out how it was.
        _note(fleet[name], lost.number, name in complete, names)
    if prove_lost:
        _prove_lost(fleet, lost, survivors, names)
    for name in survivors:
        status = channel_of(fleet[name], names)
        if status and status.io_running:
            _control(fleet[name], fleet[name].dialect.stop_receiving, status.name)
    received = ""
    for name in givers:
        own = _applied(fleet[name], names)
        received = joined(received, own) if received else own
    _fetch_rest(fleet, target, givers, names)
    lacks = missing(received, executed(fleet[target]))
    if lacks and not allow_loss:
        shown = {name: channel_of(fleet[name], names) for name in givers}
        said = "; ".join(f"{name}: {explain(status)}" for name, status in shown.items() if status)
        raise ServerError(
            fleet[target].address,
            f"{target} is not opened: it lacks {lacks}, which survivors have received ({said}). "
            "Name another one, or allow the loss (allow_loss=true)",
        )
    # The lost writer's return would let in what nobody has decided about.
    stop(fleet[target], names)
    if epoch.durability == STRICT:
        rest()
    # Of those that followed the lost writer none follows the new one yet.
    open_member(fleet, target, epoch, source_settings, followed=epoch.durability == STRICT)
    stop(fleet[target], names, remove=True)
    forget(fleet[target])


def _prove_lost(
    fleet: Fleet, lost: Epoch, survivors: Sequence[str], names: Mapping[tuple[Any, int], str]
) -> None:
    """Raise ``ServerError`` if a survivor reaches the lost writer, or if none can try."""
    witnesses, untried = _who_reaches(fleet, lost, survivors, names)
    if witnesses:
        # It lives, so that nobody knows what the others lack: what was noted is no longer so.
        for name in survivors:
            forget(fleet[name])
        raise ServerError(
            fleet[witnesses[0]].address,
            f"{lost.active} cannot be reached from here, and {', '.join(witnesses)} still reaches it: "
            "it may be acknowledging writes. Close it or turn it off, and say so "
            f"(confirm_fenced={lost.active})",
        )
    if untried:
        raise ServerError(
            fleet[untried[0]].address,
            f"{', '.join(untried)} could not try to reach {lost.active}, because the channel does not "
            f"apply. Close {lost.active} or turn it off, and say so (confirm_fenced={lost.active})",
        )


def _note(server: Server, epoch: int, had_all: bool, names: Mapping[tuple[Any, int], str]) -> None:
    """Note how a survivor was before a failover touches it; what an interrupted one noted stays."""
    status = channel_of(server, names)
    has = failover_note(server, status)
    if status is None or (has.epoch == epoch and (has.had_all or not had_all)):
        return
    with lifted(server):
        note_failover(server, status, Note(epoch, had_all))


def forget(server: Server) -> None:
    """Forget what a failover has noted of a survivor's channel."""
    if has_failover_notes(server):
        with lifted(server):
            forget_failover_notes(server)


def _applied(server: Server, names: Mapping[tuple[Any, int], str]) -> str:
    """Let a survivor apply what it has received, as far as it can; return all of it."""
    status, own = channel_of(server, names), executed(server)
    if status is None or not status.gtid_received:
        return own
    wanted = joined(own, status.gtid_received)
    _wait_while_it_applies(server, wanted, names, receives=False)
    return wanted


def _wait_while_it_applies(
    server: Server, position: str, names: Mapping[tuple[Any, int], str], receives: bool
) -> None:
    """Wait until a server has a position, or its channel does not go on (``receives``: it does)."""
    end = time.monotonic() + APPLY_SECONDS
    while not wait_until_applied(server, position, _SLICE_SECONDS):
        status = channel_of(server, names)
        if status is None or not status.sql_running or time.monotonic() > end:
            return
        if receives and status.failed:
            return


def _fetch_rest(
    fleet: Fleet,
    target: str,
    givers: Sequence[str],
    names: Mapping[tuple[Any, int], str],
) -> None:
    """Let the new writer have what another survivor has and it has not, as far as it can."""
    server = fleet[target]
    status, own = channel_of(server, names), executed(server)
    if status and status.gtid_received and missing(joined(own, status.gtid_received), own):
        # What it could not apply it may have alone, and another source empties its relay log.
        return
    addresses = {name: address for address, name in names.items()}
    for name in givers:
        lacks = missing(executed(fleet[name]), executed(server))
        status = channel_of(server, names)
        if name == target or not lacks or status is None:
            continue
        host, port = addresses[name]
        _control(server, server.dialect.stop_channel, status.name)
        place = {"source_host": host, "source_port": port, "auto_position": True}
        server.run(channels.change(server.dialect, status.name, place))
        _control(server, server.dialect.start_channel, status.name)
        _wait_while_it_applies(server, lacks, names, receives=True)


def _who_reaches(
    fleet: Fleet, lost: Epoch, survivors: Sequence[str], names: Mapping[tuple[Any, int], str]
) -> tuple[list[str], list[str]]:
    """Let each survivor connect to the lost writer anew; return who comes through, who cannot try.

    The applying thread is left as it is: MariaDB empties the relay log where both start. A
    receiving thread that was stopped is stopped again.
    """
    tried, untried, stopped = list[str](), list[str](), list[str]()
    try:
        return _try_each(fleet, lost, survivors, names, tried, untried, stopped), untried
    finally:
        for name in stopped:
            with contextlib.suppress(ServerError):
                status = channel_of(fleet[name], names)
                if status and status.io_running:
                    _control(fleet[name], fleet[name].dialect.stop_receiving, status.name)


def _try_each(
    fleet: Fleet,
    lost: Epoch,
    survivors: Sequence[str],
    names: Mapping[tuple[Any, int], str],
    tried: list[str],
    untried: list[str],
    stopped: list[str],
) -> list[str]:
    """Do what ``_who_reaches`` says; add who has tried, who cannot, and whose thread was stopped."""
    for name in survivors:
        server, status = fleet[name], channel_of(fleet[name], names)
        of_lost = status is not None and names.get(status.settings.source) == lost.active
        if not of_lost and failover_note(server, status).epoch == lost.number:
            # An interrupted failover has had its proof, and let it follow another survivor.
            continue
        if (
            status is None
            or not of_lost
            or not (status.sql_running or _has_applied(server, status))
        ):
            untried.append(name)
            continue
        if status.io_running:
            _control(server, server.dialect.stop_receiving, status.name)
        else:
            stopped.append(name)
        _control(server, server.dialect.start_receiving, status.name)
        tried.append(name)
    end = time.monotonic() + WITNESS_SECONDS
    while True:
        seen = {name: channel_of(fleet[name], names) for name in tried}
        reached = [name for name, status in seen.items() if status and status.connected]
        settled = all(status and status.io_fault for status in seen.values())
        if reached or settled or time.monotonic() > end:
            return reached
        time.sleep(_PAUSE_SECONDS)


def _has_applied(server: Server, status: ChannelStatus) -> bool:
    """Tell whether a channel has applied all that it has received."""
    return not status.gtid_received or not missing(status.gtid_received, executed(server))


def _undo(
    fleet: Fleet,
    active: str,
    target: str,
    waited: bool,
    names: Mapping[tuple[Any, int], str],
) -> None:
    """Open the active writer again, and let the other go on following it.

    ``waited``: its commits waited for a replica, and do so again before it is open. The other one
    was not opened; it may be lost.
    """
    server = fleet[active]
    with contextlib.suppress(ServerError):
        if not closed_and_lifted(fleet[target])[0]:
            # Somebody else has opened it: it must not be opened beside it.
            return
        _semi_sync_source(fleet[target], False)
    _semi_sync_source(server, waited)
    if closed_and_lifted(server)[0]:
        fence.open_again(server)
    events.turn_on(server, events.read(server).to_turn_on)
    with contextlib.suppress(ServerError):
        status = channel_of(fleet[target], names)
        if status and not status.running:
            _control(fleet[target], fleet[target].dialect.start_channel, status.name)


def _source_waits(server: Server) -> bool:
    """Tell whether the server's commits are to wait for a replica."""
    word = WORDS[server.flavour].semi_sync["source"]
    return server.variables(word)[word] == "ON"


def _semi_sync_source(server: Server, on: bool) -> None:
    word = WORDS[server.flavour].semi_sync["source"]
    has = server.variables(word)[word]
    if has is not None and (has == "ON") != on:
        set_semi_sync(server, {"source": on})


def _wait_for_clients(server: Server, seconds: float) -> int:
    end = time.monotonic() + seconds
    while True:
        clients = semi_sync_clients(server)
        if clients or time.monotonic() >= end:
            return clients
        time.sleep(_PAUSE_SECONDS)


def _control(server: Server, template: str, channel: str) -> None:
    server.run(Statement(template.format(channel="%s"), (channel,)))
