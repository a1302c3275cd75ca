"""Fixtures: real servers of each line, started once a session."""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration import lines, modules
from tests.integration.lines import LINES, Host, Line, TestServer, Topology, running_topology

EVERY, FLAVOURS, ONE, LATER = "every", "flavours", "one", "later"


_BEGAN = time.monotonic()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid: str) -> None:
    _finished.append(nodeid)


_finished: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """End the run before a test that would begin too late."""
    seconds = item.config.getoption("--seconds")
    if seconds is not None and time.monotonic() - _BEGAN > seconds:
        left = len(item.session.items) - len(_finished)
        code = pytest.ExitCode.TESTS_FAILED if item.session.testsfailed else pytest.ExitCode.OK
        raise pytest.exit.Exception(f"{seconds:.0f} s are over; {left} tests were not run", code)


def drawn(choices: Sequence[Line], path: Path) -> Line:
    """Return the same one of ``choices`` for a file each time."""
    return choices[zlib.crc32(path.name.encode()) % len(choices)]


def lines_of(path: Path, which: str, flavour: str | None) -> list[Line]:
    """Return the lines that a file's tests run on.

    ``which`` is EVERY: what servers do, which differs by version; FLAVOURS: what a module does,
    on MySQL and one of MariaDB's lines; ONE: what playbooks and roles pass on; LATER: with
    --every-line alone, on all. The tests of a thing that only one flavour has run on that alone.
    """
    able = [line for line in LINES if flavour in (None, line.flavour)]
    if which == EVERY:
        return able
    flavours = dict.fromkeys(line.flavour for line in able)
    if which in (ONE, LATER):
        # A line that others of the file run on, which share its servers.
        flavours = {drawn(able, path).flavour: None}
    return [drawn([line for line in able if line.flavour == one], path) for one in flavours]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses a server on its lines, in groups that workers take in turn.

    Those of a line that share its bare servers are a group, three where there are many; a file
    with servers of its own is another.
    """
    if "host" not in metafunc.fixturenames:
        return
    path = metafunc.definition.path
    flavour = metafunc.definition.get_closest_marker("flavour")
    marker = metafunc.definition.get_closest_marker("lines")
    every = metafunc.config.getoption("--every-line")
    which = EVERY if every else marker.args[0] if marker else FLAVOURS
    assert which in (EVERY, FLAVOURS, ONE, LATER), f"{path}: lines({which!r})"
    shared = path.stem
    if "bare" in metafunc.fixturenames:
        shared = f"bare {zlib.crc32(path.name.encode()) // 7 % 3}"
    metafunc.parametrize(
        "host",
        [
            pytest.param(line, id=line.name, marks=pytest.mark.xdist_group(f"{line.name} {shared}"))
            for line in lines_of(path, which, flavour.args[0] if flavour else None)
        ],
        indirect=True,
        scope="session",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for later; run file after file, and each from its top to its end.

    pytest would begin with what only one flavour has, of every file, and what a file's tests share
    would be made twice. Within a file it would take those of two lines before those of three.
    """

    def place(item: pytest.Item) -> tuple[str, str, int]:
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if "host" not in given:
            return "", str(item.path), 0
        return given["host"].name, str(item.path), item.location[1] or 0

    later = [item for item in items if _is_for_later(item)]
    if later and not config.getoption("--every-line"):
        config.hook.pytest_deselected(items=later)
        items[:] = [item for item in items if not _is_for_later(item)]
    items.sort(key=place)


def _is_for_later(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("lines")
    return marker is not None and marker.args == (LATER,)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Report each failure as it happens: the run takes long, and its summary comes last."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        config.pluginmanager.register(FailuresAtOnce(terminal))


class FailuresAtOnce:
    """Names what failed in a line of its own."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            said = str(report.longrepr).strip().splitlines()[-1:]
            self.terminal.write_line(f"\nFAILED {report.nodeid} ({report.when}) {''.join(said)}")


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    with lines.host_of(request.param) as made:
        yield made


@pytest.fixture(scope="session")
def bare(host: Host) -> Iterator[Topology]:
    """Servers as the role mysqld leaves them: w1, w2, w3 and r1, no data, no accounts."""
    with running_topology(host, "bare") as topology:
        names = ("w1", "w2", "w3", "r1")
        if not (topology.kept and all(topology.server(name).answers() for name in names)):
            topology.playbook("servers.yml", "--limit", ",".join(names))
        yield topology


@pytest.fixture
def server(bare: Topology) -> TestServer:
    """One server for a module's test."""
    w1 = bare.server("w1")
    assert w1.version.startswith(bare.host.line.version_starts), w1.version
    return w1


@pytest.fixture(scope="session")
def cold_directory(bare: Topology) -> str:
    """A directory besides its own that r1 may put files into."""
    directory = bare.host.work_dir / "cold"
    directory.mkdir(mode=0o777, exist_ok=True)
    directory.chmod(0o777)
    if bare.server("r1").flavour == "mysql":
        settings = {"innodb_directories": str(directory)}
        bare.playbook("servers.yml", "--limit", "r1", mysqld_settings=settings)
    return str(directory)


@contextmanager
def own_schema(server: TestServer) -> Iterator[str]:
    """Make a schema of the test's own on a server, known to no binary log."""
    name = f"test_{secrets.token_hex(4)}"
    outside_binary_log(server, f"CREATE SCHEMA {name} DEFAULT CHARACTER SET utf8mb4")
    try:
        yield name
    finally:
        outside_binary_log(server, f"DROP SCHEMA {name}")


@pytest.fixture
def schema(server: TestServer) -> Iterator[str]:
    """A schema of the test's own on ``server``."""
    with own_schema(server) as name:
        yield name


@pytest.fixture
def ahead_of_utc(server: TestServer) -> Iterator[None]:
    """A server whose sessions, the module's too, are two hours ahead of UTC."""
    zone = server.value("SELECT @@GLOBAL.time_zone")
    server.rows("SET GLOBAL time_zone = '+02:00'")
    server.close()
    yield
    server.rows("SET GLOBAL time_zone = %s", zone)
    server.close()


@pytest.fixture
def pair(server: TestServer) -> Iterator[dict[str, Any]]:
    """Options of mysql_autoinc_offset, 20 and 1; the server's pair is put back afterwards."""
    yield {"increment": 20, "offset": 1, "persist_file": str(persist_file(server))}
    forget_pair(server)


def persist_file(server: TestServer) -> Path:
    """Return a file in the folder that a server's configuration includes."""
    return server.work_dir / "conf.d" / "autoinc.cnf"


def restart(bare: Topology, server: TestServer) -> None:
    """Let a server read its configuration again, as after a crash."""
    server.kill()
    bare.playbook("servers.yml", "--limit", server.name)


def running(server: TestServer) -> tuple[int, int]:
    """Return the increment and the offset that a server gives new sessions."""
    (row,) = server.rows(
        "SELECT @@GLOBAL.auto_increment_increment AS i, @@GLOBAL.auto_increment_offset AS o"
    )
    return row["i"], row["o"]


def forget_pair(server: TestServer) -> None:
    """Give a server the increment and the offset that every server has by itself."""
    if server.flavour == "mysql":
        server.rows("RESET PERSIST IF EXISTS auto_increment_increment")
        server.rows("RESET PERSIST IF EXISTS auto_increment_offset")
    persist_file(server).unlink(missing_ok=True)
    server.rows("SET GLOBAL auto_increment_increment = 1, GLOBAL auto_increment_offset = 1")


@pytest.fixture(scope="session")
def run_module() -> Any:
    return modules.run_module


def outside_binary_log(server: TestServer, *statements: str) -> None:
    with server.admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        for statement in statements:
            cursor.execute(statement)


def logged(server: TestServer) -> Any:
    """Return the GTIDs in a server's binary log."""
    return server.value(
        "SELECT @@GLOBAL.gtid_executed"
        if server.flavour == "mysql"
        else "SELECT @@GLOBAL.gtid_binlog_pos"
    )


# What of a binary log is of its files, and of no transaction.
OF_FILES = ("Format_desc", "Previous_gtids", "Gtid_list", "Binlog_checkpoint", "Rotate", "Stop")


def logged_transactions(server: TestServer) -> list[str]:
    """Return the transactions in a server's binary logs, each with its events."""
    found: list[str] = []
    for log in server.rows("SHOW BINARY LOGS"):
        for event in server.rows(f"SHOW BINLOG EVENTS IN '{log['Log_name']}'"):
            kind, info = str(event["Event_type"]), str(event["Info"])
            if kind in OF_FILES:
                continue
            if kind in ("Gtid", "Anonymous_Gtid"):
                found.append("")
            found[-1] += f"{kind} {info}\n"
    return found


def logged_beside_heartbeats(server: TestServer) -> list[str]:
    """Return the transactions in a server's binary logs, but for the heartbeats that it writes."""
    return [one for one in logged_transactions(server) if "(dbrw.heartbeat)" not in one]


@pytest.fixture
def nothing_is_logged(server: TestServer) -> Iterator[None]:
    """The binary log of ``server`` is the same after the test."""
    before = logged(server)
    yield
    assert logged(server) == before


@contextmanager
def setting(server: TestServer, name: str, value: Any) -> Iterator[None]:
    """Change a global variable for a while."""
    before = server.value(f"SELECT @@GLOBAL.{name}")
    server.rows(f"SET GLOBAL {name} = %s", value)
    try:
        yield
    finally:
        server.rows(f"SET GLOBAL {name} = %s", before)


def forget_binary_logs(*servers: TestServer) -> None:
    """Let servers forget all that they have logged and applied; no channel may run."""
    for server in servers:
        if server.flavour == "mysql":
            server.rows("RESET BINARY LOGS AND GTIDS")
        else:
            server.rows("RESET MASTER")
            server.rows("SET GLOBAL gtid_slave_pos = ''")
