"""A long operation made for the tests: it moves a table's rows to another server, one by one.

The table has numbers and texts. Each row takes two statements, so that half of one can be left;
that both tables are alike is noted in the journal alone; at last the source is marked as moved.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.long_work import (
    LongDone,
    LongOperation,
    Noted,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.operations.operation import Params
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import HERE, Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.fleet import Fleet
from ansible_collections.dbrw.sharding.plugins.module_utils.server.schemas import has_schema
from ansible_collections.dbrw.sharding.plugins.module_utils.values.journal import Journal
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_table,
)

SOURCE, WITNESS = "source", "witness"
NAME = "tests.support.numbered_rows"

Rows = Mapping[int, str]


@dataclass(frozen=True)
class Desired:
    schema: str
    source_socket: str
    witness_socket: str | None = None
    witness_optional: bool = False
    # What happens while a step is taken: its action, a server, and SQL.
    accident: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Current:
    """The rows of both (None: no table), what was found alike, and whether it is marked."""

    source: Rows | None
    target: Rows | None
    verified: str | None = None
    moved: bool = False
    unreachable: tuple[str, ...] = ()


def fingerprint(rows: Rows) -> str:
    return ",".join(f"{number}={rows[number]}" for number in sorted(rows))


def plan_of(schema: str, current: Current) -> Plan:
    if current.moved:
        return Plan()
    if current.source is None:
        raise Refused([f"source has no table {schema}.t."])
    steps = []
    if current.target is None:
        steps.append(Step("create", "table t", None, {"rows": 0}))
    there = current.target or {}
    for number in sorted({*current.source, *there}):
        text, found = current.source.get(number), there.get(number)
        if text == found:
            continue
        steps.append(
            Step(
                "remove" if text is None else "copy",
                f"row {number}",
                None if found is None else {"text": found},
                None if text is None else {"text": text},
                (number, text),
            )
        )
    wanted = fingerprint(current.source)
    if steps or current.verified != wanted:
        steps.append(Step("verify", "table t", value=wanted))
    steps.append(Step("mark", "table t", {"moved": False}, {"moved": True}, server=SOURCE))
    return Plan(tuple(steps))


class NumberedRows(LongOperation[Desired, Current]):
    work = "numbered_rows"
    options = {
        "schema": {"type": "str", "required": True},
        "source_socket": {"type": "str", "required": True},
        "witness_socket": {"type": "str"},
        "witness_optional": {"type": "bool", "default": False},
        "accident": {"type": "list", "elements": "str"},
    }

    def desired(self, params: Params) -> Desired:
        accident = params["accident"]
        return Desired(
            params["schema"],
            params["source_socket"],
            params["witness_socket"],
            params["witness_optional"],
            (accident[0], accident[1], accident[2]) if accident else None,
        )

    def logins(self, desired: Desired, here: Login) -> Mapping[str, Login]:
        logins = {HERE: here, SOURCE: replace(here, unix_socket=desired.source_socket)}
        if desired.witness_socket:
            logins[WITNESS] = replace(here, unix_socket=desired.witness_socket)
        return logins

    def may_be_unreachable(self, desired: Desired) -> Collection[str]:
        return (WITNESS,) if desired.witness_optional else ()

    def name(self, desired: Desired) -> str:
        return desired.schema

    def current(self, fleet: Fleet, journal: Journal, desired: Desired) -> Current:
        def look(server: Server) -> tuple[Rows | None, bool]:
            return rows_of(server, desired.schema), has_table(server, desired.schema, "moved")

        answers = fleet.ask(look)
        for name in (SOURCE, HERE):
            answer = answers[name]
            if isinstance(answer, ServerError):
                raise answer
        source, target = answers[SOURCE], answers[HERE]
        assert not isinstance(source, ServerError) and not isinstance(target, ServerError)
        verified = journal.last("verify")
        return Current(
            source[0],
            target[0],
            verified.detail["rows"] if verified else None,
            source[1],
            tuple(name for name in answers if isinstance(answers[name], ServerError)),
        )

    def plan(self, desired: Desired, current: Current) -> Plan:
        # What a step needs beside its own value: the schema, and the accident.
        made = plan_of(desired.schema, current)
        return Plan(
            tuple(replace(step, value=(step.value, desired)) for step in made.steps),
            made.warnings,
        )

    def intent(self, desired: Desired, current: Current, step: Step) -> Noted:
        return {"rows_before": len(current.target or {})}

    def perform(self, fleet: Fleet, step: Step) -> Noted:
        value, desired = step.value
        if desired.accident and desired.accident[0] == step.action:
            fleet[desired.accident[1]].rows(desired.accident[2])
        table = quote_table(desired.schema, "t")
        here = fleet[HERE]
        if step.action == "create":
            here.run(Statement(f"CREATE TABLE {table} (number INT PRIMARY KEY, text VARCHAR(20))"))
        elif step.action == "copy":
            number, text = value
            here.run(Statement(f"REPLACE INTO {table} (number) VALUES (%s)", (number,)))
            here.run(Statement(f"UPDATE {table} SET text = %s WHERE number = %s", (text, number)))
        elif step.action == "remove":
            here.run(Statement(f"DELETE FROM {table} WHERE number = %s", (value[0],)))
        elif step.action == "verify":
            found = fingerprint(rows_of(here, desired.schema) or {})
            if found != value:
                raise ServerError(here.address, f"{found} is not {value}")
            return {"rows": found}
        elif step.action == "mark":
            moved = quote_table(desired.schema, "moved")
            fleet[step.server].run(Statement(f"CREATE TABLE {moved} (id INT PRIMARY KEY)"))
        return None

    def result(self, desired: Desired, current: Current, done: LongDone) -> dict[str, Any]:
        return {"rows": len(current.target or {}), "without": list(current.unreachable)}


def has_table(server: Server, schema: str, name: str) -> bool:
    return has_schema(server, schema) and bool(
        server.rows(
            "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            *(schema, name),
        )
    )


def rows_of(server: Server, schema: str) -> Rows | None:
    if not has_table(server, schema, "t"):
        return None
    rows = server.rows(f"SELECT number, text FROM {quote_table(schema, 't')}")
    return {int(row["number"]): str(row["text"] or "") for row in rows}


def main() -> None:
    run(NumberedRows())
