"""Option files of clients: where options come from, and that no error quotes a line."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.server.option_file import (
    Unreadable,
    read_client_options,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.cnf"


def values(file: Path, text: str | bytes) -> dict[str, str]:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_client_options(str(file)).values


def refused(file: Path, text: str | bytes) -> str:
    with pytest.raises(Unreadable) as refusal:
        values(file, text)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[mysql]\nuser = a\n[client]\nuser = b\n[mysqld]\nuser = c\n", {"user": "b"}),
        ("[client-mariadb]\nuser = a\n[client]\nuser = b\n", {"user": "b"}),
        ("[client]\nuser = b\n[client-server]\nuser = a\n", {"user": "a"}),
        ("[client]\nssl_ca = /a\nloose-ssl-cert=/b\nloose_ssl_key=/c\nquick\n", None),
        ("[client]\nuser = a\nuser\n", {}),
        ("[client]\nport = 0\npassword =\n", {}),
        ("[client]\nport = 3307\npassword = 'ä#'\n", {"port": "3307", "password": "ä#"}),
        # What is not asked for need not be UTF-8.
        (b"[client]\nprompt = \xff\n[mysql]\nneither a nor b\n", {}),
    ],
)
def test_what_is_taken(file: Path, text: str | bytes, expected: dict[str, str] | None) -> None:
    three = {"ssl-ca": "/a", "ssl-cert": "/b", "ssl-key": "/c"}
    assert values(file, text) == (three if expected is None else expected)


def test_includes(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "d"
    (folder / "e.cnf").mkdir(parents=True)
    for name, text in (
        ("a.cnf", "[client]\nuser = a\nport = 1\n"),
        ("b.cnf", "[client]\nuser = b\n"),
        ("c.cnf~", "[client]\nuser = c\n"),
    ):
        (folder / name).write_text(text)
    found = values(
        file,
        f"[client]\nport = 2\n!includedir {folder}\n!include {folder}/none\nhost = after\n",
    )
    assert found == {"user": "b", "port": "1", "host": "after"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("!include my.cnf", "does not begin with /"),
        ("!include {file}", "include is circular"),
        ("!includedir {file}.d", "a folder that does not exist"),
    ],
)
def test_includes_that_cannot_be_followed(file: Path, line: str, why: str) -> None:
    said = refused(file, "[client]\n" + line.format(file=file))
    assert why in said and f"{file}, line 2: " in said


def test_a_mistake_in_an_included_file_is_told_of_that_file(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.cnf"
    other.write_text("user = S3CRET\n")
    said = refused(file, f"!include {other}\n")
    assert f"{other}, line 1: " in said and "S3CRET" not in said


def test_a_value_that_is_not_utf_8(file: Path) -> None:
    assert "line 2: its value is not UTF-8" in refused(file, b"[client]\npassword = S3C\xff\n")


@pytest.mark.parametrize("port", ["65536", "-1", "1e3", "²", "0x10"])
def test_a_port_that_is_none(file: Path, port: str) -> None:
    assert "line 2: its port is not a number" in refused(file, f"[client]\nport = {port}\n")


def test_one_that_everybody_can_write_to_is_ignored(file: Path) -> None:
    values(file, "[client]\nuser = a\n")
    file.chmod(0o646)
    found = read_client_options(str(file))
    assert found.values == {}
    assert len(found.warnings) == 1 and f"chmod o-w {file}" in found.warnings[0]


def test_what_is_not_there_has_no_options(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "none" / "none", tmp_path):
        assert read_client_options(str(path)).values == {}


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("[client]\nuser = a\n",))
    writer.start()
    assert read_client_options(str(pipe)).values == {"user": "a"}
    writer.join()


def test_one_that_may_not_be_read_is_told(file: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert f"option file {loop}: Too many levels" in refused(file, f"!include {loop}\n")


TEMPLATE = st.lists(
    st.sampled_from(["[client]", "password", "user", "port", "ssl-ca", "!include ", "S3CRET"])
    | st.sampled_from("\n\t\r\0 =#'\"\\[]!:\xff"),
    max_size=25,
).map("".join)


@given(TEMPLATE)
def test_no_error_quotes_a_line(text: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode("latin-1"))
        file.flush()
        try:
            read_client_options(file.name)
        except Unreadable as error:
            assert "S3CRET" not in str(error)
            assert error.__cause__ is None
