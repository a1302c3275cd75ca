"""mysqld_copy: a running server is copied over TLS, and its copy is one that a server can start with."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.integration.certificates import make_authority, make_certificate
from tests.integration.lines import TestServer
from tests.integration.modules import run_module

# The line of this machine's own programs is one of them.
pytestmark = [pytest.mark.lines("every"), pytest.mark.flavour("mariadb")]


@pytest.fixture
def folder(server: TestServer, tmp_path: Path) -> Path:
    if server.host.container:
        pytest.skip("the module runs on this host, where this server's programs are not")
    for name in ("ca", "other"):
        make_authority(tmp_path, name)
    make_certificate(tmp_path, "donor", "IP:127.0.0.1")
    make_certificate(tmp_path, "target", "IP:127.0.0.1")
    make_certificate(tmp_path, "stranger", "IP:127.0.0.1", authority="other")
    return tmp_path


def options(folder: Path, name: str, port: int) -> dict[str, Any]:
    return {
        **{"address": "127.0.0.1", "port": port, "word": "of this run"},
        **{"tls_ca": f"{folder}/ca.pem", "tls_cert": f"{folder}/{name}.pem"},
        "tls_key": f"{folder}/{name}.key",
    }


def copy(server: TestServer, folder: Path, donor: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let a server be copied to beside a data directory that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    file = server.work_dir / "my.cnf"
    # The target's own file says where its data are to be.
    target = folder / "target.cnf"
    target.write_text(file.read_text().replace(str(server.work_dir / "data"), str(folder / "data")))
    with ThreadPoolExecutor(2) as pool:
        received = pool.submit(
            run_module,
            "mysqld_copy",
            None,
            state="received",
            datadir=f"{folder}/data",
            defaults_file=str(target),
            **options(folder, "target", port),
        )
        sent = pool.submit(
            run_module,
            "mysqld_copy",
            None,
            state="sent",
            socket=server.socket,
            defaults_file=str(file),
            **options(folder, donor, port),
        )
        return received.result(), sent.result()


def test_a_copy_has_the_position_of_what_is_in_it(server: TestServer, folder: Path) -> None:
    server.rows("CREATE SCHEMA copied")
    try:
        received, sent = copy(server, folder, "donor")
        assert received.get("bytes") == sent.get("bytes") > 0, (received, sent)
        assert received["position"] == server.value("SELECT @@GLOBAL.gtid_binlog_pos")
    finally:
        server.rows("DROP SCHEMA copied")
    assert (folder / "data.rejoin" / "data" / "copied").is_dir()
    options = {"datadir": f"{folder}/data"}
    # It is nobody's until it is noted whose it is.
    refused = run_module("mysqld_copy", None, state="placed", **options)
    assert "has no complete copy" in refused["msg"]
    notes = {"member": "w1", "domain": 1, "issued": 1}
    (folder / "data.rejoin" / "notes.json").write_text(json.dumps(notes))
    assert run_module("mysqld_copy", None, check=True, state="placed", **options)["changed"]
    for state, changed in (("aside", False), ("placed", True), ("placed", False)):
        done = run_module("mysqld_copy", None, state=state, **options)
        assert done.get("changed") is changed, done
    assert run_module("mysqld_copy", None, state="finished", **options)["changed"]
    assert (folder / "data" / "copied").is_dir() and not (folder / "data.rejoin").exists()


def test_a_donor_of_another_authority_gets_nothing_through(
    server: TestServer, folder: Path
) -> None:
    received, sent = copy(server, folder, "stranger")
    assert received.get("failed") and sent.get("failed"), (received, sent)
    assert "127.0.0.1 came, and was refused" in received["msg"]
    assert not (folder / "data.rejoin" / "complete").exists()


def test_bad_options() -> None:
    missing = run_module("mysqld_copy", None, state="received")
    assert "datadir, address, word" in missing["msg"]
    half = run_module("mysqld_copy", None, state="sent", address="a", word="b", tls_ca="/x")
    assert "tls_ca, tls_cert, tls_key" in half["msg"]
