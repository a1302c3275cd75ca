"""Logging in and errors, without a database server."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.server import connection
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Server,
    ServerError,
    connect,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK, Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement
from tests.integration.certificates import make_authority


@given(st.text(), st.text())
def test_no_secret_in_a_login_or_an_error(one: str, other: str) -> None:
    def shown(secret: str) -> str:
        statement = Statement("ALTER USER u IDENTIFIED BY %s", (Secret(secret),))
        error = ServerError("r1", "refused", 1396, statement)
        return f"{Login(password=Secret(secret))} {error} {error!r} {error.args}"

    assert shown(one) == shown(other)
    assert f"BY '{MASK}'" in shown(one)


def test_an_error_names_server_number_and_statement() -> None:
    error = ServerError("r1:3306", "no such table", 1146, Statement("SELECT %s", (1,)))
    assert str(error) == "server r1:3306: error 1146: no such table while running: SELECT 1"
    assert str(ServerError("r1", "gone")) == "server r1: gone"


class FakeConnection:
    """Greets as MySQL 9.7 and answers every other statement with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def cursor(self, _kind: Any) -> Any:
        return contextlib.nullcontext(self)

    def execute(self, sql: str, _args: Any) -> None:
        if "VERSION()" not in sql:
            raise self.error

    def fetchall(self) -> list[dict[str, str]]:
        return [{"version": "9.7.4", "comment": "MySQL"}]


def refused(error: Exception, *args: Any) -> str:
    server = Server(FakeConnection(error), Login(host="r1"))
    with pytest.raises(ServerError) as refusal:
        server.run(Statement("x = %s" * len(args), args))
    return str(refusal.value)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        # MariaDB's 1470, measured: the message quotes the first 70 characters.
        ("S3CRET" * 20, f"String '{('S3CRET' * 20)[:70]}...' is too long for MASTER_PASSWORD"),
        ("S3CRET", "Operation failed for 'S3CRET'"),
        # A syntax error quotes the statement as it was sent: escaped.
        ("S3C'RET", "error in your SQL syntax; ... near 'S3C\\'RET' at line 1"),
    ],
)
def test_a_server_that_quotes_a_secret_is_not_quoted(secret: str, said: str) -> None:
    text = refused(pymysql.err.OperationalError(1470, said), Secret(secret))
    assert "S3C" not in text, text
    assert "1470" in text


def test_a_lost_connection_is_told_in_words() -> None:
    """PyMySQL says (0, '') of a connection that is closed already."""
    text = refused(pymysql.err.InterfaceError(0, ""))
    assert text.startswith("server r1:3306: the connection is lost while running: "), text


def test_a_server_that_hangs_is_told_in_words() -> None:
    lost = "Lost connection to MySQL server during query"
    text = refused(pymysql.err.OperationalError(2013, f"{lost} (timed out)"))
    assert "error 2013: no answer in time: the server hangs" in text, text
    assert "hangs" not in refused(pymysql.err.OperationalError(2013, lost))


def arguments(login: Login) -> Any:
    completed, _warnings = connection._completed(login)
    return connection._Connection(**connection._arguments(completed), defer_connect=True)


def test_the_option_file_names_user_and_password(tmp_path: Path) -> None:
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nuser = admin\npassword = from_file\n")
    made = arguments(Login(config_file=str(file)))
    assert (made.user, made.password) == ("admin", b"from_file")
    made = arguments(Login(config_file=str(file), user="me", password=Secret("pä")))
    assert (made.user, made.password) == ("me", "pä".encode())


def test_a_missing_option_file_is_no_error(tmp_path: Path) -> None:
    login = Login(host="db1", config_file=str(tmp_path / "none"))
    assert connection._completed(login) == (replace(login, port=3306), [])


def test_a_host_that_was_asked_for_is_not_replaced_by_a_socket_of_the_option_file(
    tmp_path: Path,
) -> None:
    """Otherwise a run against 10.0.0.5 would change the server of this machine."""
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nuser = admin\nsocket = /run/mysqld/mysqld.sock\n")
    made = arguments(Login(host="10.0.0.5", config_file=str(file)))
    assert (made.host, made.unix_socket) == ("10.0.0.5", None)


SAID = "[client]\nhost = {}\nport = 3307\nsocket = /run/mysqld/mysqld.sock\n"


@pytest.mark.parametrize(
    ("file_host", "login", "reached"),
    [
        ("localhost", Login(), "/run/mysqld/mysqld.sock"),
        ("db1", Login(), "db1:3307"),
        ("db1", Login(host="localhost"), "/run/mysqld/mysqld.sock"),
        ("db1", Login(host="db2"), "db2:3307"),
        ("db1", Login(host="db2", port=3306), "db2:3306"),
        ("db1", Login(port=3306), "db1:3306"),
        # A port that was asked for is another server's than the socket's.
        ("localhost", Login(port=3306), "localhost:3306"),
        ("db1", Login(unix_socket="/run/other.sock"), "/run/other.sock"),
    ],
)
def test_where_an_option_file_leads(
    tmp_path: Path, file_host: str, login: Login, reached: str
) -> None:
    file = tmp_path / "my.cnf"
    file.write_text(SAID.format(file_host))
    login = replace(login, config_file=str(file))
    assert connection._completed(login)[0].address == reached
    made = arguments(login)
    assert reached == (made.unix_socket or f"{made.host}:{made.port}")


def test_an_error_names_the_server_that_the_option_file_names(tmp_path: Path) -> None:
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nhost = 127.0.0.1\nport = 1\n")
    with pytest.raises(ServerError, match=r"server 127\.0\.0\.1:1: error 2003: cannot log in: "):
        connect(Login(config_file=str(file), connect_timeout=1))


def test_an_option_file_that_everybody_can_write_to_is_told_where_the_login_fails(
    tmp_path: Path,
) -> None:
    file = tmp_path / "my.cnf"
    file.write_text("[client]\npassword = S3CRET\n")
    file.chmod(0o666)
    with pytest.raises(ServerError, match="everybody can write to it") as refusal:
        connect(Login(host="127.0.0.1", port=1, config_file=str(file), connect_timeout=1))
    assert "S3CRET" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("password = S3CRET\n[client]\n", 1),
        ("[client]\n= S3CRET\n", 2),
        ("[client]\n : S3CRET\n", 2),
        ("[client]\npassword S3CRET\n", 2),
        ("[client]\n\n[client S3CRET\n", 3),
        ("[client]\nport = S3CRET\n", 2),
        ("[client]\n!S3CRET\n", 2),
    ],
)
def test_a_broken_option_file_is_named_and_not_quoted(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "my.cnf"
    file.write_text(text)
    with pytest.raises(ServerError) as refusal:
        connect(Login(host="127.0.0.1", port=1, config_file=str(file), connect_timeout=1))
    assert "S3CRET" not in str(refusal.value)
    assert f"cannot read the option file {file}, line {line}: it" in str(refusal.value)


def test_an_unevenly_indented_option_file(tmp_path: Path) -> None:
    """A password must not become part of the name before it, which servers quote."""
    file = tmp_path / "my.cnf"
    file.write_text("[client]\nuser = admin\n  password = S3CRET\n    port=3307\n")
    made = arguments(Login(config_file=str(file)))
    assert (made.user, made.password, made.port) == ("admin", b"S3CRET", 3307)


@pytest.mark.parametrize("line", ["password", "ssl-ca", "user"])
def test_an_option_without_a_value_is_as_if_it_were_not_there(tmp_path: Path, line: str) -> None:
    """A bare ``password`` means to the clients that they shall ask for it."""
    file = tmp_path / "my.cnf"
    file.write_text(f"[mysqldump]\nquick\n[client]\n{line}\n")
    made = arguments(Login(config_file=str(file), user="me"))
    assert (made.user, made.password) == ("me", b"")


def test_check_hostname_without_an_authority_is_not_ignored() -> None:
    """A certificate whose name shall be checked is verified, or the login is refused."""
    with pytest.raises(ServerError, match="check_hostname needs ca_cert: without an authority"):
        arguments(Login(host="db1", check_hostname=True))


@pytest.mark.parametrize("login", [Login(), Login(unverified_tls=True)])
def test_no_authority_is_read_where_none_is_verified_with(login: Login) -> None:
    """The system's, a hundred and more, take longer than the rest of a connection."""
    context = arguments(login).ctx
    assert context.cert_store_stats()["x509_ca"] == 0
    assert not context.check_hostname
    assert context.verify_mode == ssl.CERT_NONE


def test_a_certificate_is_verified_with_the_authority_that_was_given(tmp_path: Path) -> None:
    make_authority(tmp_path, "ca")
    authority = str(tmp_path / "ca.pem")
    for check_hostname in (True, False):
        context = arguments(Login(ca_cert=authority, check_hostname=check_hostname)).ctx
        assert context.cert_store_stats()["x509_ca"] == 1
        assert context.check_hostname is check_hostname
        assert context.verify_mode == ssl.CERT_REQUIRED


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that accepts connections and never says a word (SIGSTOP)."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(listening.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        for one in held:
            one.close()


@pytest.mark.parametrize("read_timeout", [5, 60])
def test_logging_in_to_a_server_that_hangs_takes_the_connect_timeout(
    silent: int, read_timeout: float
) -> None:
    started = time.monotonic()
    done: list[Exception] = []

    def log_in() -> None:
        try:
            connect(
                Login(host="127.0.0.1", port=silent, connect_timeout=1, read_timeout=read_timeout)
            )
        except ServerError as error:
            done.append(error)

    # A daemon: what hangs for the read timeout must not hold up the test.
    thread = threading.Thread(target=log_in, daemon=True)
    thread.start()
    thread.join(3)
    assert done, f"still logging in after {time.monotonic() - started:.0f} s"
    assert "cannot log in" in str(done[0])


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match=f"server 127.0.0.1:{port}: error 2003: cannot log in"):
        connect(Login(host="127.0.0.1", port=port, config_file=None, connect_timeout=1))
