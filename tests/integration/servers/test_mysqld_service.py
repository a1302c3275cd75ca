"""The role mysqld, and its module, under systemd: on hosts that are containers of their own.

The packages come from Debian's mirror, as on any host.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.lines import ROOT, Played, run

pytestmark = pytest.mark.lines("one")

MODULE = "mysqld_service"
# Understood by every server, and fatal at the end of its start: it has no such zone.
LATE = {"default_time_zone": "Mars/Olympus"}
# Flavour, image, unit, and the file that the role writes.
HOSTS = {
    "mariadb-11.8": ("host:trixie", "mariadb", "/etc/mysql/mariadb.conf.d/90-dbrw.cnf"),
    "mysql-9.7": ("host:sid", "mysql", "/etc/mysql/mysql.conf.d/zz-dbrw.cnf"),
}


@dataclass
class SystemdHost:
    name: str
    flavour: str
    file: str
    inventory: Path

    def shell(self, command: str) -> str:
        return run("docker", "exec", self.name, "sh", "-c", command).stdout.strip()

    def value(self, sql: str) -> str:
        return self.shell(f'{self.flavour} -NBe "{sql}"')

    @property
    def pid(self) -> str:
        return self.shell(f"systemctl show --property=MainPID --value {self.flavour}")

    def play(self, *arguments: str, **variables: Any) -> Played:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook", "-i", str(self.inventory)),
                *("-e", json.dumps(variables), *arguments, str(ROOT / "playbooks/servers.yml")),
            ],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Played(done.returncode, " ".join(done.stdout.split()), 0)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(line, id=line, marks=pytest.mark.xdist_group(f"{line} systemd"))
        for line in HOSTS
    ],
)
def systemd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemdHost]:
    image, flavour, file = HOSTS[request.param]
    name = f"dbrw-systemd-{flavour}-{secrets.token_hex(4)}"
    inventory = tmp_path_factory.mktemp(name) / "hosts.yml"
    variables = {
        "ansible_connection": "community.docker.docker",
        "ansible_python_interpreter": "/usr/bin/python3",
        "dbrw_address": "127.0.0.1",
        "dbrw_server_id": 1,
        "mysqld_flavour": flavour,
    }
    inventory.write_text(
        yaml.safe_dump({"mysqld": {"hosts": {name: {"ansible_host": name, **variables}}}})
    )
    unified = Path("/sys/fs/cgroup/unified")
    groups = unified if unified.is_dir() else unified.parent
    run(
        *("docker", "run", "--detach", "--name", name, "--cap-add", "SYS_ADMIN"),
        *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
        *("--cgroupns=host", "--volume", f"{groups}:/sys/fs/cgroup"),
        *(word for folder in ("run", "run/lock", "tmp") for word in ("--tmpfs", f"/{folder}")),
        f"dbrw-sharding/{image}",
    )
    try:
        made = SystemdHost(name, flavour, file, inventory)
        # Before the bus is there, systemctl cannot ask.
        made.shell("until test -S /run/dbus/system_bus_socket; do sleep 0.2; done")
        made.shell("systemctl is-system-running --wait")
        played = made.play()
        assert played.code == 0, played.output
        yield made
    finally:
        run("docker", "rm", "--force", "--volumes", name)


def test_a_new_server_has_an_empty_log_and_a_second_run_changes_nothing(
    systemd: SystemdHost,
) -> None:
    """Also of what the package's own scripts have done."""
    variable = {"mysql": "gtid_executed", "mariadb": "gtid_binlog_pos"}[systemd.flavour]
    assert systemd.value(f"SELECT @@{variable}") == ""
    assert systemd.shell(f"systemctl is-enabled {systemd.flavour}") == "enabled"
    pid = systemd.pid
    for arguments in (("--check",), ()):
        again = systemd.play(*arguments)
        assert again.code == 0 and " changed=0 " in again.output, again.output
    assert systemd.pid == pid


def test_a_changed_setting_restarts_it_once(systemd: SystemdHost) -> None:
    pid = systemd.pid
    checked = systemd.play("--check", mysqld_settings={"event_scheduler": True})
    assert checked.code == 0 and " changed=1 " in checked.output, checked.output
    assert systemd.pid == pid
    played = systemd.play(mysqld_settings={"event_scheduler": True})
    assert played.code == 0 and " changed=1 " in played.output, played.output
    assert systemd.pid != pid and systemd.value("SELECT @@event_scheduler") == "ON"
    again = systemd.play(mysqld_settings={"event_scheduler": True})
    assert again.code == 0 and " changed=0 " in again.output, again.output


@pytest.mark.parametrize(
    "wrong",
    [{"no_such_setting": 1}, {"event_scheduler": "2x"}, {"innodb_buffer_pool_size": "lots"}],
)
def test_what_the_server_does_not_understand_touches_nothing(
    systemd: SystemdHost, wrong: dict[str, Any]
) -> None:
    pid, text = systemd.pid, systemd.shell(f"cat {systemd.file}")
    ((name, value),) = wrong.items()
    for arguments in (("--check",), ()):
        failed = systemd.play(*arguments, mysqld_settings=wrong)
        assert failed.code != 0 and f": {name} = {value}. It reports: " in failed.output, (
            failed.output
        )
    assert systemd.pid == pid and systemd.shell(f"cat {systemd.file}") == text


@pytest.mark.parametrize("interrupted", [False, True])
@pytest.mark.lines("later")
def test_a_server_that_does_not_start_gets_the_file_before(
    systemd: SystemdHost, interrupted: bool
) -> None:
    assert systemd.play().code == 0
    text = systemd.shell(f"cat {systemd.file}")
    if interrupted:
        # As a run leaves it that is killed between writing and restarting.
        systemd.shell(f"sed -i '/^port =/a default_time_zone = Mars/Olympus' {systemd.file}")
    failed = systemd.play(mysqld_settings=LATE)
    assert failed.code != 0, failed.output
    assert ": default_time_zone = Mars/Olympus. " in failed.output, failed.output
    assert "and the server runs again with that." in failed.output, failed.output
    assert systemd.value("SELECT 1") == "1"
    assert systemd.shell(f"cat {systemd.file}") == text
    again = systemd.play()
    assert again.code == 0 and " changed=0 " in again.output, again.output


@pytest.mark.lines("later")
def test_a_server_that_ran_without_the_file_gets_none(systemd: SystemdHost) -> None:
    systemd.shell(f"rm {systemd.file}*; systemctl restart {systemd.flavour}")
    failed = systemd.play(mysqld_settings=LATE)
    assert (
        failed.code != 0 and "has been removed again, and the server runs again" in failed.output
    ), failed.output
    assert systemd.value("SELECT 1") == "1"
    assert systemd.shell(f"ls {systemd.file}* 2>/dev/null || true") == ""
    assert systemd.play().code == 0


def test_a_key_that_the_server_cannot_read_is_told(systemd: SystemdHost) -> None:
    pid = systemd.pid
    systemd.shell("install -m 600 /dev/null /root/key.pem")
    failed = systemd.play(mysqld_tls={"key": "/root/key.pem"})
    assert failed.code != 0, failed.output
    assert "The user mysql cannot read /root/key.pem." in failed.output, failed.output
    assert systemd.pid == pid


def test_no_unit_is_told(systemd: SystemdHost) -> None:
    failed = systemd.play(mysqld_service="nosuch", mysqld_install=False)
    assert failed.code != 0 and "There is no unit nosuch" in failed.output, failed.output
