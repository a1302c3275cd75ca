"""Plant one defect after the other in a copy of the collection, and expect a scenario to fail.

    python3 molecule/mutants.py                    every defect
    python3 molecule/mutants.py minimal-row-image  this one

A scenario that stays green with a defect in a role proves nothing about that role. So does one
that is red for another reason: each defect names what the scenario must have said. First the
scenarios run without a defect, and must be green.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "dbrw-sharding"


@dataclass(frozen=True)
class Mutant:
    """A defect: in ``file`` each ``before`` becomes its ``after``; ``said`` is a pattern."""

    name: str
    scenario: str
    file: str
    changes: tuple[tuple[str, str], ...]
    said: str


MUTANTS = (
    Mutant(
        "offset-used-twice",
        "default",
        "roles/write_server/tasks/ids_and_tables.yml",
        (
            ('offset: "{{ write_server_offset }}"', "offset: 2"),
            ('peers: "{{ write_server_peers }}"', "peers: []"),
        ),
        r"FAILED .*test_ids_of_its_own\[w1\]",
    ),
    Mutant(
        "filter-dropped",
        "existing",
        "roles/read_server/tasks/channels.yml",
        (
            (
                'filters: "{{ __read_server_filters if read_server_filters or '
                'read_server_filters_file else omit }}"',
                "filters: {}",
            ),
        ),
        # A row of a table that the read server lacks has stopped the channel.
        r"cannot apply|FAILED .*test_(usage_data_arrives|nothing_of_the_shop_arrives)",
    ),
    Mutant(
        "minimal-row-image",
        "default",
        "roles/mysqld/templates/server.cnf.j2",
        (("binlog_row_image = FULL", "binlog_row_image = MINIMAL"),),
        r"binlog_row_image is MINIMAL",
    ),
    Mutant(
        "one-gtid-domain",
        "default",
        "roles/mysqld/templates/server.cnf.j2",
        (
            (
                "gtid_domain_id = {{ mysqld_gtid_domain_id | default(mysqld_server_id) }}",
                "gtid_domain_id = 1",
            ),
        ),
        # The role refuses already to let a read server follow them.
        r"have sources with the same gtid_domain_id, 1:",
    ),
    Mutant(
        "retries-at-the-default",
        "default",
        "roles/read_server/tasks/channels.yml",
        # The module's own defaults are the role's; these are the servers'.
        (
            ("connect_retry_seconds: 2", "connect_retry_seconds: 60"),
            ("retry_count: 0", "retry_count: 10"),
        ),
        r"FAILED .*test_a_channel_from_each_write_server",
    ),
    Mutant(
        "no-limit-of-tries",
        "default",
        "roles/mysqld/templates/server.cnf.j2",
        # MariaDB's receiving threads end at the second loss in a row then.
        (("master_retry_count = 2147483647", "master_retry_count = 0"),),
        r"FAILED .*test_a_channel_from_each_write_server",
    ),
    Mutant(
        "accounts-without-tls",
        "default",
        "roles/write_server/vars/main.yml",
        (("'require_tls': write_server_require_tls", "'require_tls': false"),),
        r"FAILED .*test_nobody_logs_in_without_tls\[w1\]",
    ),
    Mutant(
        "replication-without-tls",
        "default",
        "plugins/module_utils/values/accounts/server_accounts.py",
        (
            (
                '"require_tls": variables["require_tls"]',
                '"require_tls": variables["require_tls"] and not account.listed',
            ),
        ),
        # The channels use TLS all the same.
        r"FAILED .*test_nobody_logs_in_without_tls\[w1\]",
    ),
    Mutant(
        "applied-ddl-replaces",
        "default",
        "roles/mysqld/templates/server.cnf.j2",
        (("slave_ddl_exec_mode = STRICT", "slave_ddl_exec_mode = IDEMPOTENT"),),
        r"slave_ddl_exec_mode is IDEMPOTENT",
    ),
)


def main() -> int:
    """Run from the command line; return the exit code."""
    names = [mutant.name for mutant in MUTANTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("defect", nargs="*", help=f"one of: {', '.join(names)}; none means all")
    given = parser.parse_args().defect
    unknown = [name for name in given if name not in names]
    if unknown:
        parser.error(f"there is no defect {', '.join(unknown)}. There is: {', '.join(names)}")
    wanted = [mutant for mutant in MUTANTS if not given or mutant.name in given]

    survived = []
    for scenario in dict.fromkeys(mutant.scenario for mutant in wanted):
        if not show(f"{scenario}, no defect", *run(scenario, None), red=False):
            survived.append(f"{scenario} fails without a defect")
    for mutant in wanted:
        if not show(mutant.name, *run(mutant.scenario, mutant), red=True):
            survived.append(mutant.name)
    if survived:
        print(f"Not as expected: {', '.join(survived)}", file=sys.stderr)
    return 1 if survived else 0


def run(scenario: str, mutant: Mutant | None) -> tuple[bool, str, float]:
    """Run a scenario on a copy; return whether it was as expected, why, and the seconds."""
    begun = time.monotonic()
    STATE.mkdir(parents=True, exist_ok=True)
    with (
        # Hosts and networks are named after their scenario: see script/molecule.
        (STATE / f"scenario-{scenario}.lock").open("w") as lock,
        tempfile.TemporaryDirectory(prefix="dbrw-mutant-") as folder,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy = copied(Path(folder) / "collection")
        if mutant:
            plant(mutant, copy)
        output, code = "", 0
        try:
            # Some modules have nothing to do before the second run, which idempotence is.
            # A run that was killed may have left hosts.
            for step in ("destroy", "create", "prepare", "converge", "idempotence", "verify"):
                said, code = molecule(copy, step, scenario)
                output += said
                if code:
                    break
        finally:
            destroyed, broken = molecule(copy, "destroy", scenario)
            if broken:
                raise SystemExit(f"{scenario} was not destroyed:\n{destroyed}")
    seconds = time.monotonic() - begun
    if mutant is None:
        return code == 0, output if code else "green", seconds
    found = re.search(mutant.said, output)
    if code and found:
        return True, f"red: {line_of(output, found)}", seconds
    return False, f"the scenario {'does not say ' + mutant.said if code else 'is green'}", seconds


def copied(folder: Path) -> Path:
    """Copy what git knows or could know, with an environment that is this checkout's."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    for name in files.decode().split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    # Molecule finds its base configuration from where the repository begins.
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    collections = folder / ".collections/ansible_collections/dbrw"
    collections.mkdir(parents=True)
    (collections / "sharding").symlink_to("../../..")
    return folder


def plant(mutant: Mutant, copy: Path) -> None:
    """Write the defect into the copy; a text that is no longer there is an error."""
    file = copy / mutant.file
    text = file.read_text()
    for before, after in mutant.changes:
        if before not in text:
            raise SystemExit(f"{mutant.name}: {mutant.file} has no longer the text {before!r}")
        text = text.replace(before, after)
    file.write_text(text)


def molecule(copy: Path, step: str, scenario: str) -> tuple[str, int]:
    """Run one step of a scenario; return what it said and its exit code."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # All hosts have the server already: the defects are not about its installation.
        "LAB_BARE_HOSTS": "",
        "MOLECULE_COMMAND_BORDERS": "false",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["molecule", step, "--scenario-name", scenario],
        cwd=copy,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


def line_of(output: str, found: re.Match[str]) -> str:
    """Return the line that a match is in, not longer than a screen."""
    begin = output.rfind("\n", 0, found.start()) + 1
    return output[begin:].split("\n", 1)[0].strip()[:120]


def show(what: str, expected: bool, why: str, seconds: float, red: bool) -> bool:
    """Tell the result as a line; return whether it was as expected."""
    word = "ok" if expected else ("SURVIVED" if red else "FAILED")
    print(f"{word:9} {what:24} {seconds:5.0f} s  {why}", flush=True)
    return expected


if __name__ == "__main__":
    sys.exit(main())
