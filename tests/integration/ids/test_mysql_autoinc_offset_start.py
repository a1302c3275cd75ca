"""The pair that a server would have after its next start: mysql_autoinc_offset looks ahead."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import outside_binary_log, restart, running
from tests.integration.lines import PORT, ROOT, TestServer, Topology, wait_until

MODULE = "mysql_autoinc_offset"


@pytest.fixture
def conf_d(bare: Topology, server: TestServer) -> Iterator[Path]:
    """The folder that w1's configuration includes; the server runs as ever afterwards."""
    folder = server.work_dir / "conf.d"
    before = set(folder.iterdir())
    configuration = (server.work_dir / "my.cnf").read_text()
    started = server.pid
    yield folder
    for file in set(folder.iterdir()) - before:
        file.unlink()
    (server.work_dir / "my.cnf").write_text(configuration)
    if server.pid != started:
        restart(bare, server)


def start_with(server: TestServer, *words: str, environment: str = "") -> None:
    """Start w1 with a command line of one's own."""
    server.kill()
    program = "$(command -v mariadbd || command -v mysqld)"
    server.host.run(
        *("sh", "-c"),
        f"cd / && {environment} setsid {program} {shlex.join(words)} "
        f"</dev/null >>{server.work_dir}/by-hand.log 2>&1 &",
    )
    wait_until(server.answers, 30, f"{server.name} does not answer")


def problem_of(run_module: Any, server: TestServer, options: dict[str, Any]) -> str:
    """Return why the module refuses the server, in check mode and in earnest."""
    before = running(server)
    said = []
    for check in (True, False):
        refused = run_module(MODULE, server, check=check, **options)
        assert refused.get("failed") and not refused["changed"], refused
        said.append(refused["msg"])
    assert running(server) == before and said[0] == said[1]
    return str(said[0])


def printed(server: TestServer) -> tuple[int, int]:
    """Ask the server's own program what pair the server would be started with."""
    said = server.host.run(
        "mariadbd", f"--defaults-file={server.work_dir}/my.cnf", "--print-defaults"
    ).stdout
    found = [1, 1]
    for place, word in enumerate(("increment", "offset")):
        for value in re.findall(rf"auto[-_]increment[-_]{word[:3]}\w*=(\d+)", said):
            found[place] = int(value)
    return found[0], found[1]


@pytest.mark.flavour("mariadb")
@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("zz.cnf", "[mysqld]\nauto_increment_increment = 2\nauto_increment_offset=1\n", 3),
        ("zz.cnf", "[client]\nx=1\n  [mariadb]\n  auto-increment-increment='3' # three\n", 4),
        ("zz.cnf", "[server]\nloose-auto_increment_offset = 7\n", 2),
        ("zz.cnf", "[client-server]\n; no\nloose_auto_increment_incr = 1K\n", 3),
    ],
)
def test_a_later_file_is_found_before_it_counts(
    server: TestServer,
    run_module: Any,
    pair: dict[str, Any],
    conf_d: Path,
    name: str,
    text: str,
    line: int,
) -> None:
    (conf_d / name).write_text(text)
    problem = problem_of(run_module, server, pair)
    assert f"persist_file {pair['persist_file']}: at its next start this server would" in problem
    assert f"{conf_d}/{name}, line {line} has " in problem, problem
    assert not Path(pair["persist_file"]).exists()
    # One that is read before does no harm, nor a group that no server reads.
    (conf_d / name).rename(conf_d / "a.cnf")
    (conf_d / "zz.cnf").write_text("[mysqldump]\nauto_increment_increment = 2\n")
    (conf_d / "zz.txt").write_text("[mysqld]\nauto_increment_increment = 2\n")
    assert run_module(MODULE, server, **pair)["changed"]
    assert not run_module(MODULE, server, **pair)["changed"]
    assert printed(server) == running(server) == (20, 1)
    # It comes later: this time the pair is there already.
    (conf_d / "zz.cnf").write_text(text)
    assert printed(server) != (20, 1)
    assert f"{conf_d}/zz.cnf, line {line} has " in problem_of(run_module, server, pair)


@pytest.mark.flavour("mariadb")
def test_a_file_that_the_server_does_not_read_is_refused(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path, tmp_path: Path
) -> None:
    elsewhere = problem_of(run_module, server, {**pair, "persist_file": f"{tmp_path}/a.cnf"})
    assert "would still have increment 1 and offset 1" in elsewhere
    assert f"it does not read this file; it reads {server.work_dir}/my.cnf" in elsewhere
    assert not (tmp_path / "a.cnf").exists()
    for name in ("autoinc", "autoinc.conf", "autoinc.cnf.bak"):
        options = {**pair, "persist_file": str(conf_d / name)}
        assert "it does not read this file" in problem_of(run_module, server, options)
    # A link's name is as good as the folder's own.
    (tmp_path / "link").symlink_to(conf_d)
    linked = {**pair, "persist_file": str(tmp_path / "link" / "autoinc.cnf")}
    assert run_module(MODULE, server, check=True, **linked)["changed"]
    # Whoever sets the pair in another way needs no file of this one.
    (conf_d / "own.cnf").write_text(
        "[mysqld]\nauto_increment_increment = 20\nauto_increment_offset = 1\n"
    )
    assert run_module(MODULE, server, check=True, **{**pair, "persist_file": f"{tmp_path}/a.cnf"})[
        "changed"
    ]


@pytest.mark.flavour("mariadb")
def test_a_file_that_everybody_can_write_to_is_refused(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    assert run_module(MODULE, server, **pair)["changed"]
    file = Path(pair["persist_file"])
    file.chmod(0o666)
    assert printed(server) == (1, 1)
    for options in (pair, {**pair, "increment": 40}):
        problem = problem_of(run_module, server, options)
        assert f"{file} is ignored, because everybody can write to it: chmod o-w" in problem
    file.chmod(0o644)
    assert not run_module(MODULE, server, **pair)["changed"]


@pytest.mark.flavour("mariadb")
def test_a_file_that_the_servers_user_cannot_read_is_refused(
    bare: Topology, server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    """The server runs as the user nobody, as it may; the module as root."""
    assert run_module(MODULE, server, **pair)["changed"]
    data, whole = server.work_dir / "data", bare.host.work_dir
    server.kill()
    mode = whole.stat().st_mode & 0o777
    try:
        bare.host.run("chown", "-R", "nobody", str(data), f"{data}.tmp", str(server.work_dir))
        bare.host.run("chmod", "a+rx", str(whole), str(whole / "bare"), str(server.work_dir))
        start_again_as(server, "nobody")
        assert not run_module(MODULE, server, **pair)["changed"] and running(server) == (20, 1)
        file = Path(pair["persist_file"])
        bare.host.run("chown", "root", str(file))
        file.chmod(0o600)
        problem = problem_of(run_module, server, pair)
        assert f"{file} is ignored, because the server's user nobody cannot read it" in problem
        # In most containers root may not look at others' processes.
        assert without_ptrace(server, pair)["msg"] == problem
        server.kill()
        start_again_as(server, "nobody", "+net_bind_service")
        # So it is.
        assert running(server) == (1, 1)
        assert "is ignored" in problem_of(run_module, server, pair)
        if not bare.host.container:
            # Nor at one with capabilities, as packages give them to the server.
            assert "is ignored" in without_ptrace(server, pair)["msg"]
        file.chmod(0o644)
        told = run_module(MODULE, server, **pair)
        assert told["changed"] and "This server ran with increment 1 and offset 1" in str(
            told["warnings"]
        )
    finally:
        server.kill()
        bare.host.run("chown", "-R", "root", str(server.work_dir))
        whole.chmod(mode)
        bare.playbook("servers.yml", "--limit", "w1")


def without_ptrace(server: TestServer, options: dict[str, Any]) -> Any:
    """Run the module as a root who lacks one capability."""
    login = {"login_unix_socket": server.socket, "login_user": "root"}
    done = subprocess.run(
        [
            *("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", sys.executable),
            *("-m", f"ansible_collections.dbrw.sharding.plugins.modules.{MODULE}"),
        ],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**login, **options}}),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


def start_again_as(server: TestServer, user: str, capabilities: str = "-all") -> None:
    """Start w1 by a user who has been that user from the beginning, as systemd does."""
    command = f"exec mariadbd --defaults-file={server.work_dir}/my.cnf --user={user}"
    server.host.run(
        *("sh", "-c"),
        f"cd / && setsid setpriv --reuid={user} --regid=nogroup --clear-groups "
        f"--inh-caps={capabilities} --ambient-caps={capabilities} sh -c '{command}' "
        f"</dev/null >>{server.work_dir}/by-hand.log 2>&1 &",
    )
    wait_until(server.answers, 30, f"{server.name} does not answer")


def test_a_command_line_goes_before_every_file_but_what_mysql_stores(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    file = f"--defaults-file={server.work_dir}/my.cnf"
    start_with(server, file, "--auto-increment-increment=2", "--loose-auto_increment_offset=2")
    assert running(server) == (2, 2)
    options = {**pair, "force": True}
    if server.flavour == "mysql":
        assert run_module(MODULE, server, **options)["changed"]
        start_with(server, file, "--auto-increment-increment=2")
        assert running(server) == (20, 1)
        return
    problem = problem_of(run_module, server, options)
    assert (
        "its command line has auto-increment-increment = 2; its command line has loose" in problem
    )
    same = ("--auto-increment-increment=20", "--auto-increment-offset=1")
    start_with(server, file, *same)
    assert run_module(MODULE, server, **options)["changed"] and running(server) == (20, 1)


def test_a_limit_of_the_pair_is_refused(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    """The server would make less of the pair without an error, and a run be green."""
    file = f"--defaults-file={server.work_dir}/my.cnf"
    start_with(server, file, "--maximum-auto-increment-increment=5")
    server.rows("SET GLOBAL auto_increment_increment = 20")
    assert running(server) == (5, 1)
    server.rows("SET GLOBAL auto_increment_increment = 1")
    problem = problem_of(run_module, server, pair)
    assert "its command line has maximum-auto-increment-increment = 5" in problem


@pytest.mark.flavour("mariadb")
def test_files_that_no_command_line_names(
    bare: Topology, server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    """The server's own list of files, with what its environment and command line add."""
    homes = [server.work_dir / name for name in ("a home", "extra", "user")]
    for home in homes:
        home.mkdir(exist_ok=True)
    own, extra, user = (home / "my.cnf" for home in homes)
    text = (server.work_dir / "my.cnf").read_text()
    own.write_text(text.replace("!includedir", "#"))
    extra.write_text(f"[mysqld_w1]\nauto_increment_offset = 3\n!includedir {conf_d}\n")
    users = user.with_name(".my.cnf")
    users.write_text("[mysqld]\nauto_increment_increment = 5\n")
    words = (f"--defaults-extra-file={extra}", "--defaults-group-suffix=_w1")
    environment = f"MYSQL_HOME={shlex.quote(str(own.parent))} HOME={user.parent}"
    start_with(server, *words, environment=environment)
    assert running(server) == (5, 3)
    options = {**pair, "force": True}
    if bare.host.container:
        # Its list of files is not this machine's.
        told = run_module(MODULE, server, check=True, **options)
        assert "is unknown: the server sees another / than this module" in str(told["warnings"])
        return
    problem = problem_of(run_module, server, options)
    assert f"{users}, line 2 has auto_increment_increment = 5" in problem
    assert f"{extra}, line 2" not in problem
    users.unlink()
    assert run_module(MODULE, server, **options)["changed"]
    start_with(server, *words, environment=environment)
    assert running(server) == (20, 1)


def test_what_else_sets_the_pair(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    first = server.work_dir / "first.sql"
    first.write_text("SET GLOBAL auto_increment_increment = 4;\n")
    (conf_d / "a.cnf").write_text(f"[mysqld]\ninit-file = {first}\n")
    problem = problem_of(run_module, server, pair)
    assert f"init_file {first} sets it, whatever is set on this server" in problem
    first.write_text("SELECT 1;\n")
    server.rows("SET GLOBAL init_connect = 'SET auto_increment_increment = 4'")
    try:
        assert "init_connect sets this server's increment" in problem_of(run_module, server, pair)
    finally:
        server.rows("SET GLOBAL init_connect = ''")
    assert run_module(MODULE, server, **pair)["changed"]


@pytest.mark.flavour("mysql")
@pytest.mark.parametrize("said", ["persisted_globals_load = OFF", "skip-persisted-globals-load"])
def test_mysql_that_does_not_load_what_it_stores_is_refused(
    bare: Topology,
    server: TestServer,
    run_module: Any,
    pair: dict[str, Any],
    conf_d: Path,
    said: str,
) -> None:
    file = conf_d / "load.cnf"
    file.write_text(f"[mysqld]\n{said}\n")
    expected = (
        "At its next start this server would have increment 1 and offset 1, and not the pair that "
        "it has stored with SET PERSIST, which it would not load: "
    )
    for check in (True, False):
        problem = run_module(MODULE, server, check=check, **pair)["msg"]
        assert expected in problem and f"in {file}, line 2" in problem
    # What it would do is what it does.
    server.rows("SET PERSIST auto_increment_increment = 20, PERSIST auto_increment_offset = 1")
    restart(bare, server)
    assert running(server) == (1, 1)
    assert expected in problem_of(run_module, server, pair)
    # In its configuration, too, it counts.
    file.write_text(f"[mysqld]\n{said}\nauto_increment_increment = 20\nauto-increment-offset = 1\n")
    told = run_module(MODULE, server, **pair)
    assert told["changed"] and "ran with increment 1 and offset 1" in str(told["warnings"])
    restart(bare, server)
    assert running(server) == (20, 1) and not run_module(MODULE, server, **pair)["changed"]


@pytest.mark.flavour("mysql")
def test_mysql_without_defaults_does_not_load_what_it_stores(
    server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    """And says ON of persisted_globals_load all the same."""
    server.rows("SET PERSIST auto_increment_increment = 20, PERSIST auto_increment_offset = 1")
    folder = server.work_dir
    start_with(
        server,
        *("--no-defaults", "--user=root", f"--datadir={folder}/data", f"--port={PORT}"),
        *(f"--socket={server.socket}", f"--pid-file={folder}/data/mysqld.pid", "--mysqlx=OFF"),
        *(f"--tmpdir={folder}/data.tmp", f"--secure-file-priv={folder}"),
        *(f"--bind-address={server.address}", "--server-id=1", "--log-bin=binlog"),
        *("--gtid-mode=ON", "--enforce-gtid-consistency=ON"),
    )
    assert running(server) == (1, 1) and server.value("SELECT @@persisted_globals_load") == 1
    assert "--no-defaults on its command line" in problem_of(run_module, server, pair)


@pytest.mark.flavour("mysql")
def test_mysql_whose_stored_variables_are_gone_stores_them_again(
    server: TestServer, run_module: Any, pair: dict[str, Any]
) -> None:
    assert run_module(MODULE, server, **pair)["changed"]
    stored = server.work_dir / "data" / "mysqld-auto.cnf"
    stored.unlink()
    assert run_module(MODULE, server, **pair)["changed"]
    assert '"auto_increment_increment"' in stored.read_text()
    assert not run_module(MODULE, server, **pair)["changed"]


def test_a_server_that_has_come_up_with_another_pair_is_told_of(
    bare: Topology,
    server: TestServer,
    run_module: Any,
    pair: dict[str, Any],
    conf_d: Path,
    schema: str,
) -> None:
    assert run_module(MODULE, server, **pair)["changed"]
    table = f"{schema}.calls"
    outside_binary_log(
        server, f"CREATE TABLE {table} (id BIGINT AUTO_INCREMENT PRIMARY KEY, b INT)"
    )
    late = conf_d / "zz.cnf"
    off = "persisted_globals_load = OFF\n" if server.flavour == "mysql" else ""
    late.write_text(f"[mysqld]\n{off}auto_increment_increment = 2\nauto_increment_offset = 1\n")
    restart(bare, server)
    outside_binary_log(
        server, f"INSERT INTO {table} (b) VALUES (1)", f"INSERT INTO {table} () VALUES ()"
    )
    late.unlink()
    told = run_module(MODULE, server, **pair)
    assert told["changed"] and running(server) == (20, 1)
    assert told["warnings"][0].startswith(
        f"This server ran with increment 2 and offset 1 (from {late}), and not with 20 and "
        "1, which had been set."
    ), told["warnings"]
    # And which ids of others it has made.
    assert any(f"{table}: 1 of the 2 newest ids" in text for text in told["warnings"])
    again = run_module(MODULE, server, **pair)
    assert not again["changed"] and "This server ran with" not in str(again["warnings"])


def test_where_it_cannot_be_seen_it_is_said(
    bare: Topology, server: TestServer, run_module: Any, pair: dict[str, Any], conf_d: Path
) -> None:
    """Over TCP the server's process is found where it runs on the module's own host."""
    outside_binary_log(
        server, "CREATE USER remote IDENTIFIED BY 'remote'", "GRANT ALL ON *.* TO remote"
    )
    tcp = {"login_host": server.address, "login_port": server.port, "login_user": "remote"}
    options = {**pair, **tcp, "login_password": "remote", "login_unix_socket": None}
    (conf_d / "zz.cnf").write_text(
        "[mysqld]\nauto_increment_increment = 2\npersisted_globals_load = OFF\n"
        if server.flavour == "mysql"
        else "[mysqld]\nauto_increment_increment = 2\n"
    )
    try:
        if not bare.host.container:
            assert "zz.cnf, line 2 has" in problem_of(run_module, server, options)
            return
        told = run_module(MODULE, server, **options)
        assert told["changed"]
        assert (
            "Whether this server has this increment and offset after its next start is unknown: "
            "the server's process is not found on the host where this module runs"
            in str(told["warnings"])
        )
        if server.flavour == "mysql":
            # It says itself what it does since it was started.
            restart(bare, server)
            assert "persisted_globals_load is OFF" in problem_of(run_module, server, options)
            (conf_d / "zz.cnf").unlink()
            restart(bare, server)
            assert running(server) == (20, 1)
            assert "is unknown" not in str(run_module(MODULE, server, **options)["warnings"])
    finally:
        outside_binary_log(server, "DROP USER remote")
