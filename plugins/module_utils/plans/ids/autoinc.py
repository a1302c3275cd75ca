# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the increment and offset that a server has to those that it shall have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.ids import (
    id_columns,
    reader_ids,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.finding import (
    CRITICAL,
    WARNING,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.autoinc import Autoinc
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.id_column import (
    IdColumn,
    IdLimits,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.reader_ids import (
    IdsOnReader,
    UsageTable,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.session import (
    END,
    REPORT,
    ConnectionMark,
    Session,
    StalePolicy,
    listed,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.ids.start_options import (
    INCREMENT,
    OFFSET,
    StartOptions,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import refuse_if_any

SET = "set auto-increment"
PERSIST_IN_FILE = "persist auto-increment"
END_SESSION = "end session"

_HEADER = "# Written by dbrw.sharding.mysql_autoinc_offset."

_MARK = "# Connections up to {newest} of the start at {started} may number with older values."
_MARK_START, _MARK_MIDDLE, _MARK_END = (
    "# Connections up to ",
    " of the start at ",
    " may number with older values.",
)


@dataclass(frozen=True)
class DesiredAutoinc:
    """The pair that a server shall have, and what else is asked for.

    ``earlier_increment``: ids of the residue modulo it are this server's too,
    from the time before its increment was multiplied. ``next_id_above`` has
    floors by table. ``usage_tables`` are those of which read servers are asked;
    one that is not there is made later.
    """

    pair: Autoinc
    stale: StalePolicy
    limits: IdLimits
    next_id_above: Mapping[str, int] = field(default_factory=dict)
    earlier_increment: int | None = None
    force: bool = False
    usage_tables: tuple[UsageTable, ...] = ()


@dataclass(frozen=True)
class CurrentAutoinc:
    """What a server has: at run time, and after its next start.

    A server that can store variables itself (``has_persist``: MySQL) has
    ``stored`` or nothing yet; any other has a configuration ``file``.
    ``controlled_by`` names what else sets the pair. ``start`` is what it reads at its
    next start if the file is as it shall be, ``origin`` names the files that the
    running pair comes from. ``sessions`` are those that
    would hold other values than the desired ones once these are set. ``on_readers``
    is what read servers have said before ``columns`` were read.
    """

    running: Autoinc
    has_persist: bool
    stored: Autoinc | None = None
    file: ConfigFile | None = None
    controlled_by: str | None = None
    start: StartOptions | None = None
    origin: str = ""
    sessions: tuple[Session, ...] = ()
    columns: tuple[IdColumn, ...] = ()
    on_readers: tuple[IdsOnReader, ...] = ()

    @property
    def given(self) -> Autoinc:
        """The pair that the server was given; what runs may have drifted from it."""
        kept = self.stored if self.has_persist else pair_in(self.file)
        return kept or self.running


def file_text(pair: Autoinc) -> str:
    """Return the configuration file that makes the pair outlive a restart."""
    return (
        f"{_HEADER} Rows of two servers with one offset\n"
        "# collide on the read servers: change it in the inventory, never here.\n"
        "[mysqld]\n"
        f"auto_increment_increment = {pair.increment}\n"
        f"auto_increment_offset = {pair.offset}\n"
    )


def marked(file: ConfigFile, mark: ConnectionMark) -> ConfigFile:
    """Return the file with a note of the sessions that are older than its pair.

    A server that cannot tell a session's values forgets them otherwise, and a
    run that fails while they are still there could not be run again.
    """
    note = _MARK.format(newest=mark.newest, started=mark.started)
    return ConfigFile(file.path, f"{file.text}{note}\n")


def mark_in(file: ConfigFile | None) -> ConnectionMark | None:
    """Return the note of a file that ``marked`` has written; None: it has none."""
    for line in _lines(file):
        if line.startswith(_MARK_START) and line.endswith(_MARK_END):
            newest, _rest, started = line[len(_MARK_START) : -len(_MARK_END)].partition(
                _MARK_MIDDLE
            )
            if newest.isdigit() and started.isdigit():
                return ConnectionMark(int(newest), int(started))
    return None


def pair_in(file: ConfigFile | None) -> Autoinc | None:
    """Return the pair of a file that this module has written; None: it is another file."""
    values = dict(line.split(" = ", 1) for line in _lines(file) if " = " in line)
    said = [values.get(f"auto_increment_{word}", "") for word in ("increment", "offset")]
    if not all(value.isdigit() for value in said):
        return None
    pair = Autoinc(int(said[0]), int(said[1]))
    return pair if _text_without_mark(file) == file_text(pair) else None


def is_set(pair: Autoinc, current: CurrentAutoinc) -> bool:
    """Tell whether the pair runs, and the file, if there is one, has it too."""
    return current.running == pair and (current.file is None or _fits(current.file, pair))


def judged_by(desired: DesiredAutoinc, current: CurrentAutoinc) -> Autoinc:
    """Return the pair whose ids are this server's own, those from before included."""
    earlier = desired.earlier_increment
    given = current.given
    if earlier is None and given.increment > 1 and desired.pair.multiplies(given):
        earlier = given.increment
    if earlier is None:
        return desired.pair
    return Autoinc(earlier, desired.pair.offset % earlier or earlier)


def next_ids(desired: DesiredAutoinc, columns: Sequence[IdColumn]) -> dict[str, int]:
    """Return by usage table the id that the server gives next, once it has its pair and floors."""
    return reader_ids.next_ids(desired.usage_tables, columns, desired.pair, desired.next_id_above)


def plan(desired: DesiredAutoinc, current: CurrentAutoinc) -> Plan:
    """Return the steps to ``desired``, at run time and for the next start.

    Raises ``Refused`` when something else sets the pair, when the file is somebody
    else's, when the new pair leaves the old one's residue class, when ids run out or
    are foreign, or when read servers have ids that the server would give again.
    """
    raises, problems = id_columns.plan_floors(
        desired.next_id_above,
        current.columns,
        desired.pair,
        [table.table_name for table in desired.usage_tables],
    )
    checked = _checked(current.columns, desired.limits)
    vital = desired.limits.fail_on_foreign
    foreign = id_columns.foreign_ids(
        checked, judged_by(desired, current), CRITICAL if vital else WARNING
    )
    refuse_if_any(
        [
            *_control_problems(current),
            *_file_problems(current.file),
            *_start_problems(desired.pair, current),
            *_class_problems(desired, current),
            *problems,
            *id_columns.range_problems(checked, desired.limits, desired.pair),
            *(foreign if vital else ()),
            *reader_ids.problems_of(
                current.on_readers, next_ids(desired, current.columns), desired.pair
            ),
        ]
    )
    steps = _pair_steps(desired.pair, current)
    ends = (
        [_end_step(session) for session in current.sessions] if desired.stale.action == END else []
    )
    warnings = [
        *_drift(desired.pair, current),
        *_unknown_start(current),
        *map(str, (*foreign, *id_columns.unread(checked))),
        *reader_ids.unknown(current.on_readers),
    ]
    if current.sessions and desired.stale.action == REPORT:
        warnings.append(stale_warning(current.sessions))
    # Counters first: nothing may be numbered below a floor by the new sessions.
    return Plan((*raises, *steps, *ends), tuple(warnings))


def stale_warning(sessions: Sequence[Session]) -> str:
    """Say which sessions still number with other values, and what to do."""
    return (
        f"Sessions that may still give ids with other values than these: {listed(sessions)}. No "
        "other server may use the ids that this one gives up until these sessions have ended: let "
        "them reconnect, or use stale_sessions: wait or end."
    )


def _checked(columns: Sequence[IdColumn], limits: IdLimits) -> list[IdColumn]:
    if not limits.enabled:
        return []
    return [one for one in columns if not limits.schemas or one.schema in limits.schemas]


def _control_problems(current: CurrentAutoinc) -> list[str]:
    if current.controlled_by is None:
        return []
    return [
        f"{current.controlled_by} sets this server's increment and offset itself, and would "
        "overwrite other values at its next change of members. Leave both to it, or switch that "
        "off first."
    ]


def _file_problems(file: ConfigFile | None) -> list[str]:
    # In an empty one there is nothing to throw away.
    if file is None or not (file.text or "").strip():
        return []
    return file.problems("persist_file", _HEADER)


def _start_problems(wanted: Autoinc, current: CurrentAutoinc) -> list[str]:
    """Say what would give the server another pair at its next start."""
    start = current.start
    if start is None:
        return []
    if start.sets_pair:
        return [f"{start.sets_pair}, whatever is set on this server. Remove that there."]
    limits = start.limits_of(wanted)
    if limits:
        return [
            f"This server cannot have increment {wanted.increment} and offset {wanted.offset}: "
            f"{'; '.join(limits)}. Remove that, and restart it."
        ]
    if current.has_persist:
        return _forgotten(wanted, start)
    if start.unknown or start.pair == wanted or current.file is None:
        return []
    path = current.file.path
    reasons = list(start.passed_over)
    if path not in start.files:
        reasons.append(f"it does not read this file; it reads {', '.join(start.files) or 'none'}")
    reasons += [
        f"{one.where} has {one.name} = {one.value}"
        for one in (start.last(INCREMENT), start.last(OFFSET))
        if one and not one.where.startswith(f"{path}, ")
    ]
    return [
        f"persist_file {path}: at its next start this server would still have "
        f"increment {start.pair.increment} and offset {start.pair.offset}: "
        f"{'; '.join(reasons)}. Choose a name that ends in .cnf, in a folder that the server "
        "includes, and that is read after all others that set increment and offset; or remove the "
        "settings from the others."
    ]


def _forgotten(wanted: Autoinc, start: StartOptions) -> list[str]:
    """Say whether a server that stores its variables itself would not load them."""
    if start.unknown and start.proven is False:
        return [
            "This server does not load the increment and offset that it has stored with SET "
            "PERSIST (persisted_globals_load is OFF), and would give ids of other servers after "
            "its next start. Remove that setting from its configuration, and restart it."
        ]
    if start.unknown or not start.forgets_stored or start.pair == wanted:
        return []
    return [
        f"At its next start this server would have increment {start.pair.increment} and offset "
        f"{start.pair.offset}, and not the pair that it has stored with SET PERSIST, which it "
        f"would not load: {start.forgets_stored}. Remove that, or set the pair in its "
        f"configuration, too."
    ]


def _unknown_start(current: CurrentAutoinc) -> list[str]:
    start = current.start
    if start is None or not start.unknown or start.proven is not None:
        return []
    where = (
        "the pair stored with SET PERSIST is loaded (persisted_globals_load, no --no-defaults)"
        if current.has_persist
        else "persist_file is read after all others that set the pair (mariadbd --print-defaults)"
    )
    return [
        "Whether this server has this increment and offset after its next start is unknown: "
        f"{start.unknown}. Make sure that {where}."
    ]


def _drift(wanted: Autoinc, current: CurrentAutoinc) -> list[str]:
    """Say whether the server has numbered rows with a pair that nobody has given it."""
    running, given = current.running, current.given
    if running in (given, wanted):
        return []
    origin = f" (from {current.origin})" if current.origin else ""
    return [
        f"This server ran with increment {running.increment} and offset {running.offset}{origin}, "
        f"and not with {given.increment} and {given.offset}, which had been set. Rows that it has "
        "numbered since may have ids of other servers, and then read servers have two rows with "
        "one id: look at foreign_ids of each of id_columns, and find out who has changed the "
        "setting."
    ]


def _class_problems(desired: DesiredAutoinc, current: CurrentAutoinc) -> list[str]:
    old, new = current.given, desired.pair
    if desired.force or new == old or new.multiplies(old):
        return []
    if old.problems(""):
        return [
            f"This server has increment {old.increment} and offset {old.offset}, which is not "
            "valid: rows that it has numbered may have ids of other servers. Look at its ids, "
            "then repeat this with force: true."
        ]
    factor = max(2, -(-new.increment // old.increment))
    return [
        f"This server has increment {old.increment} and offset {old.offset}; with increment "
        f"{new.increment} and offset {new.offset} it would give ids that belong to other servers. "
        f"An increment may only be multiplied ({old.increment} to {old.increment * factor}, say), "
        f"with an offset that is {old.residue} modulo {old.increment}. If no server has ids of the "
        "new class, use force: true."
    ]


def _pair_steps(desired: Autoinc, current: CurrentAutoinc) -> list[Step]:
    steps = []
    stale_at_start = current.has_persist and current.stored != desired
    if current.running != desired or stale_at_start:
        steps.append(Step(SET, "server", _shown(current), _wanted(desired, current), desired))
    # After SET GLOBAL: until then, a session with the old values can still open.
    if current.file and not _fits(current.file, desired):
        wanted = ConfigFile(current.file.path, file_text(desired))
        before = _text_without_mark(current.file)
        steps.append(
            Step(
                PERSIST_IN_FILE,
                current.file.path,
                None if before is None else {"text": before},
                {"text": wanted.text},
                wanted,
            )
        )
    return steps


def _end_step(session: Session) -> Step:
    return Step(
        END_SESSION,
        f"session {session.id}",
        {"user": session.user, "host": session.host},
        None,
        session,
    )


def _lines(file: ConfigFile | None) -> list[str]:
    return file.text.splitlines() if file and file.text is not None else []


def _fits(file: ConfigFile, pair: Autoinc) -> bool:
    return _text_without_mark(file) == file_text(pair)


def _text_without_mark(file: ConfigFile | None) -> str | None:
    if file is None or file.text is None:
        return None
    return "".join(
        line
        for line in file.text.splitlines(keepends=True)
        if not line.startswith(_MARK_START) or not line.rstrip().endswith(_MARK_END)
    )


def _shown(current: CurrentAutoinc) -> dict[str, object]:
    shown = _as_dict(current.running)
    if current.has_persist:
        shown["persisted"] = _as_dict(current.stored) if current.stored else None
    return shown


def _wanted(desired: Autoinc, current: CurrentAutoinc) -> dict[str, object]:
    wanted = _as_dict(desired)
    if current.has_persist:
        wanted["persisted"] = _as_dict(desired)
    return wanted


def _as_dict(pair: Autoinc) -> dict[str, object]:
    return {"increment": pair.increment, "offset": pair.offset}
