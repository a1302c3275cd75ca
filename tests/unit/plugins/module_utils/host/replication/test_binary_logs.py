"""What the server's program shows of binary logs arrives as it is, byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication import binary_logs
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    durable,
)

# No UTF-8, a CR within a line and at its end, a line of Python's that is none, and no LF at the end.
BYTES = b"###   @2='caf\xe9 \xc3\xa9'\nupdate t set a = 'x\ry'\r\n\x85\x1c\xe2\x80\xa8\nlast\xff"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shown").write_bytes(BYTES)
    file = tmp_path / "binlog-program"
    file.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat {tmp_path}/shown\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_what_is_shown_can_be_saved_byte_by_byte(program: Path) -> None:
    lines = list(binary_logs.show("binlog-program", "some-client", ["binlog.000001"]))
    assert len(lines) == 4 and lines[1] == "update t set a = 'x\ry'\r\n"
    with durable(program / "saved") as file:
        file.writelines(lines)
    assert (program / "saved").read_bytes() == BYTES
    assert (program / "saved").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("with_events", "form"), [(False, "decode-rows"), (True, "auto")])
def test_rows_are_shown_as_events_too_where_that_is_asked_for(
    program: Path, with_events: bool, form: str
) -> None:
    list(binary_logs.show("binlog-program", "some-client", ["a", "b"], with_events))
    words = (program / "words").read_text().split()
    assert words == ["--no-defaults", f"--base64-output={form}", "--verbose", "a", "b"]


def test_a_program_that_fails_or_is_missing(program: Path) -> None:
    (program / "binlog-program").write_text("#!/bin/sh\necho torn >&2\nexit 3\n")
    with pytest.raises(binary_logs.NotReadable, match="failed with code 3: torn"):
        list(binary_logs.show("binlog-program", "some-client", []))
    with pytest.raises(binary_logs.NotReadable, match="install some-client"):
        list(binary_logs.show("no-such-program", "some-client", []))
