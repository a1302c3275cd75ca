# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One connection to one server: the only file that talks through PyMySQL."""

from __future__ import annotations

import contextlib
import re
import socket as sockets
import ssl
import struct
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import (
    DIALECTS,
    Dialect,
    flavour_of,
    version_of,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.option_file import (
    Unreadable,
    read_client_options,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.names import Names
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import (
    MASK,
    Secret,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
)

try:
    import pymysql
    from pymysql.connections import Connection
    from pymysql.cursors import DictCursor, SSCursor

    PYMYSQL_ERROR: str | None = None
except ImportError:
    PYMYSQL_ERROR = traceback.format_exc()
else:

    class _Connection(Connection):
        """A connection that reads authorities only where a certificate is verified with them.

        PyMySQL offers TLS on every connection, over a socket too, and reads all authorities of
        the system for it, which it then does not use: 30 ms with OpenSSL 3.0, more than all
        that most modules ask a server.
        """

        def _create_ssl_ctx(self, sslp: dict[str, Any]) -> ssl.SSLContext:
            context: ssl.SSLContext
            if sslp.keys() - {"check_hostname"}:
                base: Any = super()
                context = base._create_ssl_ctx(sslp)
            else:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            return context


Row = dict[str, Any]

LOCALHOST, DEFAULT_PORT = "localhost", 3306

# What statements mean, and how the server words its answers, whatever its administrator
# prefers: ANSI_QUOTES would have other quotes around names.
SQL_MODE = "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION"

# The client library's number for a connection that broke off while it waited.
LOST = 2013


# The client library's own numbers: the connection could not be made, or broke.
_CLIENT_ERRORS = range(2000, 3000)


class ServerError(Exception):
    """A server refused a statement, did not answer, or could not be reached.

    ``number`` is the server's or the client library's error number (0: none),
    ``details`` what a module returns of it beside the message.
    """

    def __init__(
        self,
        address: str,
        message: str,
        number: int = 0,
        statement: Statement | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        self.address = address
        self.message = message
        self.number = number
        self.statement = statement
        self.details = details or {}
        doing = f" while running: {statement.shown}" if statement else ""
        code = f"error {number}: " if number else ""
        super().__init__(f"server {address}: {code}{message}{doing}")

    @property
    def is_answer(self) -> bool:
        """Whether the server has said this; else nobody knows what became of the statement."""
        return bool(self.number) and self.number not in _CLIENT_ERRORS


@dataclass(frozen=True)
class Login:
    """How to reach a server; a socket goes before host and port.

    What is None is what the option file says, else localhost, 3306, and the
    operating system's user.

    Times are in seconds. ``read_timeout`` bounds the wait for any one answer:
    a server whose disk is full can leave a status query unanswered for hours.
    None waits without end, which only statements that rewrite tables need.
    """

    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: Secret | None = None
    unix_socket: str | None = None
    config_file: str | None = None
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    check_hostname: bool | None = None
    # TLS without an authority to verify against: encrypted, and that is all.
    unverified_tls: bool = False
    no_tls: bool = False
    # Those that may be spoken, such as TLSv1.3; empty: all.
    tls_versions: tuple[str, ...] = ()
    # File with the server's public key, for a login without TLS; without it, it is asked for.
    public_key: str | None = None
    connect_timeout: float = 10
    read_timeout: float | None = 60

    @property
    def address(self) -> str:
        """Name of the server in error messages."""
        return self.unix_socket or f"{self.host or LOCALHOST}:{self.port or DEFAULT_PORT}"


class Server:
    """An open connection, with the flavour detected and what was run remembered.

    ``warnings`` are of the way in: an option file that was ignored.
    """

    def __init__(self, connection: Any, login: Login, warnings: Sequence[str] = ()) -> None:
        self._connection = connection
        self.address = login.address
        self.warnings = list(warnings)
        self.executed: list[str] = []
        # Whether one of them has succeeded.
        self.has_changed = False
        said = self.row("SELECT VERSION() AS version, @@version_comment AS comment")
        self.version_text = str(said["version"])
        self.version = version_of(self.version_text)
        self.dialect: Dialect = DIALECTS[flavour_of(self.version_text, str(said["comment"]))]

    @property
    def flavour(self) -> str:
        """Either mysql or mariadb."""
        return self.dialect.flavour

    @cached_property
    def names(self) -> Names:
        """How it compares and stores the names of schemas and tables."""
        rule = self.row("SELECT @@lower_case_table_names AS rule")["rule"]
        return Names(ignores_case=bool(int(rule)))

    @property
    def logs_generated(self) -> bool:
        """Whether an UPDATE's rows in its binary log have generated columns, too."""
        omits_from = self.dialect.omits_generated_from
        return omits_from is None or self.version < omits_from

    def rows(self, sql: str, *args: Any) -> list[Row]:
        """Return the rows of a query; it is not remembered as something done."""
        return self._execute(Statement(sql, args))

    def column(self, sql: str) -> Iterator[Any]:
        """Give the only column of a query, row by row as the server sends them.

        The query is sent as it is. ``ServerError`` where it has another number of columns, or gives
        no rows at all, as SET does.
        """
        statement = Statement(sql.replace("%", "%%"))
        try:
            with self._connection.cursor(SSCursor) as cursor:
                cursor.execute(sql)
                columns = len(cursor.description or ())
                if columns != 1:
                    gives = f"{columns} columns; one is needed" if columns else "no rows"
                    raise ServerError(self.address, f"the query gives {gives}", 0, statement)
                for row in cursor:
                    yield row[0]
        except (pymysql.MySQLError, OSError) as error:
            number, message = _number_and_message(error)
            raise ServerError(self.address, message, number, statement) from None

    def row(self, sql: str, *args: Any) -> Row:
        """Return the first row of a query that always has one."""
        return self.rows(sql, *args)[0]

    def run(self, statement: Statement, again: bool = False) -> list[Row]:
        """Run a statement that changes something, and remember it as shown, but not ``again``."""
        if not again:
            self.executed.append(statement.shown)
        rows = self._execute(statement)
        self.has_changed = True
        return rows

    def variables(self, *names: str) -> dict[str, str | None]:
        """Return global variables by name; one that the server lacks is None."""
        marks = ", ".join(["%s"] * len(names))
        found = self.rows(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({marks})", *names)
        values = {str(row["Variable_name"]).lower(): row["Value"] for row in found}
        return {name: values.get(name) for name in names}

    def leave_binary_log(self) -> None:
        """Keep what this session does out of the binary log.

        DDL and accounts must never travel through a channel: MariaDB applies a
        replicated CREATE TABLE as CREATE OR REPLACE, which empties the table.
        """
        try:
            self.rows("SET SESSION sql_log_bin = 0")
        except ServerError as error:
            raise ServerError(
                self.address,
                f"cannot keep this session out of the binary log ({error.message}); grant the "
                "login user BINLOG ADMIN (MariaDB) or SESSION_VARIABLES_ADMIN (MySQL)",
                error.number,
            ) from error

    @contextlib.contextmanager
    def in_binary_log(self) -> Iterator[None]:
        """Let what this session does enter the binary log for a while, and leave it again.

        What a replica set's members share is written so, on the active writer.
        """
        self.rows("SET SESSION sql_log_bin = 1")
        try:
            yield
        finally:
            with contextlib.suppress(ServerError):
                self.leave_binary_log()

    def set_session(self, variable: str, value: Any) -> None:
        """Set a variable of this session."""
        self.rows(f"SET SESSION {quote_identifier(variable)} = %s", value)

    def process_id(self) -> int | None:
        """Return the number of the process that listens on this connection's socket file.

        None: the connection is over TCP, or the process cannot be seen from here.
        """
        connected = self._connection._sock
        if connected.family != sockets.AF_UNIX or not hasattr(sockets, "SO_PEERCRED"):
            return None
        told = connected.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, struct.calcsize("3i"))
        number: int = struct.unpack("3i", told)[0]
        return number or None

    def is_local(self) -> bool:
        """Tell whether the server's address is this host's own."""
        connected = self._connection._sock
        if connected.family == sockets.AF_UNIX:
            return True
        try:
            with sockets.socket(connected.family) as own:
                own.bind((connected.getpeername()[0], 0))
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close the connection; one that is gone already is no error."""
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection.close()

    def _execute(self, statement: Statement) -> list[Row]:
        try:
            with self._connection.cursor(DictCursor) as cursor:
                cursor.execute(statement.sql, statement.executed_args)
                return list(cursor.fetchall())
        except (pymysql.MySQLError, OSError) as error:
            number, message = _number_and_message(error)
            if statement.has_secrets:
                # Servers quote what they complain of: whole, cut short, or escaped.
                message = re.sub(r"'.*'", f"'{MASK}'", message, flags=re.DOTALL)
            raise ServerError(self.address, message, number, statement) from None


def connect(login: Login) -> Server:
    """Open a connection.

    Raises ``ServerError`` when the server cannot be reached or refuses, does not
    answer in time, or when the option file cannot be read.
    """
    login, warnings = _completed(login)
    try:
        # PyMySQL bounds only the connection by connect_timeout. A server that
        # hangs accepts it and never says a word.
        connection: Any = _Connection(
            **_arguments(login), read_timeout=login.connect_timeout, defer_connect=True
        )
        if login.tls_versions and connection.ssl:
            known = sorted(ssl.TLSVersion[name.replace(".", "_")] for name in login.tls_versions)
            connection.ctx.minimum_version, connection.ctx.maximum_version = known[0], known[-1]
        connection.connect()
        server = Server(connection, login, warnings)
        connection._read_timeout = login.read_timeout
    except (pymysql.MySQLError, OSError) as error:
        number, message = _number_and_message(error)
        said = " ".join([f"cannot log in: {message}", *warnings])
        raise ServerError(login.address, said, number) from error
    return server


def _completed(login: Login) -> tuple[Login, list[str]]:
    """Return the login with what its option file says where it says nothing, and warnings."""
    if not login.config_file:
        return login, []
    try:
        file = read_client_options(login.config_file)
    except Unreadable as error:
        raise ServerError(login.address, str(error)) from None
    said = file.values
    host = login.host or said.get("host")
    socket = login.unix_socket
    # A host or port that was asked for is never replaced by a socket of this machine.
    if host in (None, LOCALHOST) and login.port is None:
        socket = socket or said.get("socket")
    password = login.password
    if password is None and "password" in said:
        password = Secret(said["password"])
    completed = replace(
        login,
        host=host,
        port=login.port or int(said.get("port", DEFAULT_PORT)),
        user=login.user or said.get("user"),
        password=password,
        unix_socket=socket,
        ca_cert=login.ca_cert or said.get("ssl-ca"),
        client_cert=login.client_cert or said.get("ssl-cert"),
        client_key=login.client_key or said.get("ssl-key"),
    )
    return completed, file.warnings


def _arguments(login: Login) -> dict[str, Any]:
    """Return what PyMySQL takes."""
    if login.check_hostname and not login.ca_cert:
        raise ServerError(
            login.address,
            "check_hostname needs ca_cert: without an authority that verifies the certificate, its "
            "name proves nothing",
        )
    password = login.password.reveal() if login.password else None
    arguments: dict[str, Any] = {
        "host": login.host or LOCALHOST,
        "port": login.port or DEFAULT_PORT,
        "user": login.user,
        # Bytes, because PyMySQL would send a string as Latin-1, which servers do not expect.
        "password": password.encode() if password else None,
        "unix_socket": login.unix_socket,
        "ssl": {"check_hostname": False} if login.unverified_tls else None,
        "ssl_disabled": login.no_tls or None,
        "server_public_key": Path(login.public_key).read_bytes() if login.public_key else None,
        "ssl_ca": login.ca_cert,
        "ssl_cert": login.client_cert,
        "ssl_key": login.client_key,
        "ssl_verify_cert": True if login.ca_cert else None,
        "ssl_verify_identity": login.check_hostname,
        "connect_timeout": login.connect_timeout,
        "charset": "utf8mb4",
        "sql_mode": SQL_MODE,
        "autocommit": True,
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _number_and_message(error: BaseException) -> tuple[int, str]:
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        if error.args[0] == LOST and "timed out" in str(error.args[1]):
            return LOST, (
                "no answer in time: the server hangs (its process is stopped, its disk is full) "
                "or is overloaded; the connection is closed"
            )
        return error.args[0], str(error.args[1]) or "the connection is lost"
    return 0, str(error) or type(error).__name__
