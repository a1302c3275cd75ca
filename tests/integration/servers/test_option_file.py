"""Option files are read as each line's own clients read them."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.server.option_file import (
    Unreadable,
    _options,
)
from tests.integration.conftest import outside_binary_log
from tests.integration.lines import Host, TestServer

pytestmark = pytest.mark.lines("one")

# Two texts of a quote, an escape and a comment each, in any order, are what files differ in.
PIECE = st.sampled_from(
    [b"a", b"b", b" ", b"\t", b"#", b";", b"=", b"'", b'"', b"\\", b"\\n", b"\\s", b"\\x", b"]"]
    + [b"[", b"\xc3\xa0", b"\r", b"-", b"_"]
)
TEXT = st.lists(PIECE, max_size=8).map(b"".join)
LINE = st.one_of(
    # The clients read before the beginning of a line that has no name.
    TEXT.filter(lambda text: not text.strip(b" \t\r").startswith(b"=")),
    st.builds(lambda indent, text: indent + b"[" + text, st.sampled_from([b"", b" "]), TEXT),
    st.builds(
        lambda name, equals, value: name + equals + value,
        st.sampled_from([b"password", b"  user", b"ssl_ca", b"loose-ssl-key", b"port"]),
        st.sampled_from([b"=", b" = ", b"", b" "]),
        TEXT,
    ),
    st.sampled_from([b"[client]", b" [client] # x", b"[mysql]", b"# c", b"  ; c", b""]),
    st.sampled_from([b"!include INCLUDED", b" !  include\tINCLUDED ", b"!includedir FOLDER"]),
)
FILE = st.lists(LINE, max_size=8).map(lambda lines: b"[client]\n" + b"\n".join(lines) + b"\n")


@pytest.fixture(scope="module")
def folder(host: Host) -> Iterator[Path]:
    """A folder of option files, with some that others include."""
    made = host.work_dir / "option_files"
    (made / "d.cnf.d").mkdir(parents=True)
    (made / "included.cnf").write_text("[mysql]\nuser = no\n[client]\n user = included\n")
    (made / "d.cnf.d" / "b.cnf").write_text("[client]\nhost = b\n")
    (made / "d.cnf.d" / "a.b.cnf").write_text("[client]\nhost = a\n")
    (made / "d.cnf.d" / "c.ini").write_text("[client]\nhost = c\n")
    yield made


def ours(path: Path) -> bytes | None:
    """Return the options of [client] as my_print_defaults would print them; None: refused."""
    try:
        return b"".join(
            b"--" + option.name + (b"" if option.value is None else b"=" + option.value) + b"\n"
            for _path, option in _options(path, [], ())
            if option.group == b"client"
        )
    except Unreadable:
        return None


def theirs(host: Host, path: Path) -> bytes | None:
    shown = ["--show"] if host.line.flavour == "mysql" else []
    done = subprocess.run(
        host.command("my_print_defaults", f"--defaults-file={path}", *shown, "client"),
        capture_output=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else None


numbers = itertools.count()


def test_as_the_clients_read_them(host: Host, folder: Path) -> None:
    @settings(
        max_examples=150 if host.container else 600,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(FILE)
    def compare(content: bytes) -> None:
        path = folder / f"{next(numbers)}.cnf"
        # Two inclusions of one file are no loop; one of the file itself is refused.
        path.write_bytes(
            content.replace(b"INCLUDED", os.fsencode(folder / "included.cnf")).replace(
                b"FOLDER", os.fsencode(folder / "d.cnf.d")
            )
        )
        read = ours(path)
        assert read == theirs(host, path)
        assume(read is not None)

    compare()


def test_one_that_everybody_can_write_to(host: Host, folder: Path) -> None:
    path = folder / "open.cnf"
    path.write_text("[client]\nuser = a\n")
    path.chmod(0o666)
    assert ours(path) == theirs(host, path) == b""


USER, PASSWORD = "from_file", "a#b \"c' \\d; =é"
CONTENT = """\
# indented as people do
[client]
  user={user}
password = "{password}" # a comment
    {where}
"""


@pytest.fixture
def account(server: TestServer) -> Iterator[None]:
    outside_binary_log(
        server,
        f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD.translate(ESCAPED)}'",
        f"GRANT SELECT ON *.* TO {USER}@'%'",
    )
    yield
    outside_binary_log(server, f"DROP USER {USER}@'%'")


ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"'})


@pytest.fixture
def option_file(host: Host, server: TestServer) -> Iterator[Path]:
    path = host.work_dir / "my.cnf"
    written = CONTENT.format(
        user=USER,
        password=PASSWORD.translate(ESCAPED),
        where=f"host = {server.address}\n  port={server.port}",
    )
    path.write_text(written, encoding="utf-8")
    path.chmod(0o644)
    yield path
    path.unlink()


@pytest.mark.usefixtures("account")
def test_a_login_by_file_alone(
    host: Host, server: TestServer, run_module: Any, option_file: Path
) -> None:
    client = "mariadb" if host.line.flavour == "mariadb" else "mysql"
    words = (client, f"--defaults-file={option_file}", "-NBe", "SELECT USER(), @@port")
    assert host.run(*words).stdout.split("@")[0] == USER
    result = run_module("mysql_server_info", None, config_file=str(option_file))
    assert "failed" not in result, result
    assert result["server"]["address"] == f"{server.address}:{server.port}"
    assert result["warnings"] == []


def test_an_ignored_file_is_a_warning(
    server: TestServer, run_module: Any, option_file: Path
) -> None:
    option_file.chmod(0o666)
    result = run_module("mysql_server_info", server, config_file=str(option_file))
    assert "failed" not in result, result
    (warning,) = result["warnings"]
    assert f"{option_file} is ignored" in warning and "chmod o-w" in warning


@pytest.mark.parametrize(
    "text",
    [
        "[client]\nuser = root\n  password = S3CRET\n",
        "[client]\n  user = root\npassword S3CRET\n",
        "[client]\nuser = root\npassword = 'S3CRET\n",
    ],
)
def test_no_error_has_the_password(
    host: Host, server: TestServer, run_module: Any, text: str
) -> None:
    """Unevenly indented, the password was once sent as a part of the user's name."""
    path = host.work_dir / "broken.cnf"
    path.write_text(text)
    result = run_module(
        "mysql_server_info",
        None,
        config_file=str(path),
        login_host=server.address,
        login_port=server.port,
    )
    assert result["failed"] and "S3CRET" not in str(result), result
    assert "user 'root'@" in result["msg"] or f"{path}, line 3" in result["msg"], result
