"""Purge a write server of what its read servers have, and find, name and cure a defect.

Old rows leave one write server, and stay on every read server. Then a channel is stopped
behind everybody's back; the check names it, and what it says cures it. Done once for a demo;
run again, it shows what came out.

    python -m demo.upkeep --demo .demo
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.markup import escape

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from demo import local_servers
from demo.report import Report
from examples.dbrw import READ, WRITE, Topology

TABLE = "usage_data.flights"
# Of the year of flights some two months go.
DAYS_KEPT = 300
CHECK, SITE, PURGE = "check.yml", "site.yml", "retention_purge.yml"
STOPPED = "channel.stopped"
# How long a channel may take until it has what it has missed, on a busy machine.
PATIENCE_SECONDS = 60.0
WENT = re.compile(re.escape(TABLE) + r": \d+ rows .*? of [-\d]+ [:\d]+")


class Stopped(Exception):
    """The run cannot go on; the message tells what was found and what to do."""


@dataclass(frozen=True)
class Checked:
    """What a check has found, and how many of the servers have answered it."""

    findings: Sequence[dict[str, Any]]
    answering: int
    servers: int

    @property
    def codes(self) -> list[str]:
        """The codes of what is wrong."""
        return [one["code"] for one in self.findings]

    @property
    def lines(self) -> list[str]:
        """What is wrong, or that nothing is, as the check's own report has it."""
        if not self.findings:
            return [f"Nothing is wrong; {self.answering} of {self.servers} servers answer"]
        return [
            line
            for one in self.findings
            for line in (
                f"{one['severity'].upper()}  {one['where']}  {one['code']}",
                f"  {one['text']}",
                f"  -> {one['todo']}",
            )
        ]


@dataclass(frozen=True)
class Upkeep:
    """The demo's servers, and who is told how the work goes."""

    demo: Path
    net: int
    report: Report

    def play(self, playbook: str, *words: str, said: str = "", may_fail: bool = False) -> str:
        """Say a command, run it, and return its output; ``said`` stands for its words."""
        self.report.event(
            escape(f"ansible-playbook playbooks/{playbook} {said or ' '.join(words)}")
        )
        code, output = local_servers.try_play(self.demo, self.net, playbook, *words)
        # To be read afterwards, beside site.log.
        (self.demo / f"upkeep-{playbook}").with_suffix(".log").write_text(output)
        if code and not may_fail:
            raise Stopped(f"playbooks/{playbook} has failed:\n{output}")
        return output

    def ask(self, name: str) -> Server:
        """Log in to a server as its administrator, with the option file that a person would use."""
        file = self.demo / "clients" / f"{name}.cnf"
        return connect(Login(config_file=str(file), connect_timeout=5, read_timeout=60))

    def rows(self, name: str, increment: int = 1, residue: int = 0) -> int:
        """Return how many flights a server has, all or those of one residue class."""
        with contextlib.closing(self.ask(name)) as server:
            sql = "SELECT COUNT(*) AS found FROM usage_data.flights WHERE id MOD %s = %s"
            return int(server.row(sql, increment, residue)["found"])

    def check(self) -> Checked:
        """Run the check, which ends with 2 where something is critical."""
        file = self.demo / "check.json"
        file.unlink(missing_ok=True)
        output = self.play(CHECK, "-e", f"check_json={file}", may_fail=True)
        if not file.is_file():
            raise Stopped(f"playbooks/{CHECK} has failed:\n{output}")
        told = json.loads(file.read_text())
        servers = told["observation"]["servers"]
        return Checked(told["findings"], sum(one["answers"] for one in servers), len(servers))

    def green(self) -> Checked:
        """Check until nothing is wrong: what was away has to catch up first."""
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := self.check()).findings:
            if time.monotonic() > end:
                raise Stopped(
                    "The check finds what should not be there:\n" + "\n".join(found.lines)
                )
        return found

    def tell(self, found: Checked) -> None:
        """Say what a check has found."""
        for line in found.lines:
            self.report.say(escape(line))


def purge(upkeep: Upkeep, topology: Topology) -> dict[str, Any]:
    """Purge the last write server, and compare it and every read server with before."""
    writer = topology.of_kind(WRITE)[-1]
    readers = [server.name for server in topology.of_kind(READ)]
    of_writer = (topology.increment, (writer.offset or 0) % topology.increment)
    before = upkeep.rows(writer.name)
    had = {name: upkeep.rows(name, *of_writer) for name in readers}
    limit = f"{writer.name},read_servers,fabric_servers"
    output = upkeep.play(
        PURGE,
        *("--limit", limit, "-e", json.dumps({"dbrw_usage_tables": with_days_kept()})),
        said=f"--limit {limit}, with days_kept: {DAYS_KEPT}",
    )
    told = WENT.search(" ".join(output.split()))
    if not told:
        raise Stopped(f"playbooks/{PURGE} has not said what went:\n{output}")
    upkeep.report.say(f"{writer.name}: {told.group()}")
    after = upkeep.rows(writer.name)
    lost = [name for name in readers if upkeep.rows(name, *of_writer) != had[name]]
    if lost:
        raise Stopped(f"{', '.join(lost)} does not have the rows of {writer.name} any more.")
    return {"server": writer.name, "rows": before - after, "left": after, "readers": readers}


def with_days_kept() -> list[dict[str, Any]]:
    """Return the inventory's usage tables with a rule by which old rows leave write servers."""
    file = local_servers.ROOT / "inventories/local/group_vars/all.yml"
    tables = yaml.safe_load(file.read_text())["dbrw_usage_tables"]
    return [{**table, "days_kept": DAYS_KEPT} for table in tables]


def plant(upkeep: Upkeep, reader: str, channel: str) -> None:
    """Stop a channel, as somebody does who means to start it again and forgets."""
    with contextlib.closing(upkeep.ask(reader)) as server:
        stop = Statement(server.dialect.stop_channel.format(channel="%s"), (channel,))
        server.run(stop)
    upkeep.report.event(f"{reader}: {stop.shown}")


def play_all(upkeep: Upkeep, topology: Topology) -> dict[str, Any]:
    """Purge, check, plant a defect, see it named, cure it, and check again."""
    purged = purge(upkeep, topology)
    upkeep.tell(upkeep.green())
    reader, channel = topology.of_kind(READ)[0].name, topology.of_kind(WRITE)[0].name
    plant(upkeep, reader, channel)
    found = upkeep.check()
    upkeep.tell(found)
    if found.codes != [STOPPED]:
        raise Stopped(
            f"The check should have found {STOPPED} of {reader} alone. `make demo` puts it right."
        )
    # As the finding says.
    upkeep.play(SITE)
    cured = upkeep.green()
    upkeep.tell(cured)
    return {**purged, "found": found.findings[0]["where"], "code": STOPPED}


def shown(kept: dict[str, Any]) -> list[str]:
    """Return what came out, as sentences."""
    readers = " and ".join(kept["readers"])
    return [
        f"{kept['rows']:,} old rows have left {kept['server']}, which has {kept['left']:,} yet; "
        f"{readers} have all of them.",
        f"One defect was planted, {kept['code']} ({kept['found']}); the check named it and no other, and "
        "site.yml cured it.",
    ]


def run(demo: Path, net: int, report: Report) -> None:
    """Do it all once; afterwards show what came out, and what the check says now."""
    upkeep = Upkeep(demo, net, report)
    kept_in = demo / "upkeep.json"
    if kept_in.is_file():
        report.say("A write server was purged before, and a defect was found:")
        kept = json.loads(kept_in.read_text())
        upkeep.tell(upkeep.check())
    else:
        kept = play_all(upkeep, Topology.from_file(demo / "application.json"))
        kept_in.write_text(json.dumps(kept, indent=1))
    for sentence in shown(kept):
        report.say(escape(sentence))


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, default=Path(".demo"), help="folder of the servers")
    parser.add_argument("--net", type=int, default=0, help="third number of their addresses")
    options = parser.parse_args()
    demo = options.demo.absolute()
    try:
        if not (demo / "application.json").is_file():
            raise Stopped(f"There is no demo in {demo}. `make demo` makes it.")
        run(demo, options.net, Report())
    except (Stopped, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` begins this part anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
