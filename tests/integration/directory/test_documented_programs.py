"""The programs of docs/directory-applications.md run as they are printed there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.lines import ROOT, TestServer
from tests.support.directory import TLS_PASSWORD, addresses

pytestmark = pytest.mark.lines("one")

PAGE = (ROOT / "docs/directory-applications.md").read_text(encoding="utf-8")
PROGRAMS = {name.lower(): text for name, text in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)}
# Debian's packages of what three of them need.
GO_LIBRARIES, JAVA_LIBRARY = (
    Path("/usr/share/gocode"),
    Path("/usr/share/java/mariadb-java-client.jar"),
)


def python(_folder: Path) -> list[str]:
    return [sys.executable, "directory.python"]


def php(_folder: Path) -> list[str]:
    return ["php", "directory.php"]


def go(folder: Path) -> list[str]:
    environment = {"GOPATH": str(GO_LIBRARIES), "GO111MODULE": "off", "GOCACHE": str(folder / "go")}
    return [
        "env",
        *(f"{name}={value}" for name, value in environment.items()),
        "go",
        "run",
        "directory.go",
    ]


def java(folder: Path) -> list[str]:
    (folder / "directory.java").rename(folder / "Directory.java")
    subprocess.run(["javac", "Directory.java"], cwd=folder, check=True)
    return ["java", "-cp", f"{JAVA_LIBRARY}:.", "Directory"]


RUN: dict[str, tuple[Callable[[Path], list[str]], bool, str]] = {
    "python": (python, True, ""),
    "php": (php, shutil.which("php") is not None, "php-cli php-mysql"),
    "go": (
        go,
        shutil.which("go") is not None and GO_LIBRARIES.is_dir(),
        "golang-go golang-github-go-sql-driver-mysql-dev",
    ),
    "java": (
        java,
        shutil.which("javac") is not None and JAVA_LIBRARY.is_file(),
        "default-jdk-headless libmariadb-java",
    ),
}


@pytest.mark.parametrize("language", RUN)
def test_a_program_runs_as_it_is_printed(
    language: str,
    members: tuple[TestServer, TestServer],
    certificates: Path,
    tmp_path: Path,
) -> None:
    run, is_there, packages = RUN[language]
    if not is_there:
        # Nothing else of the project needs these languages, and they are hundreds of megabytes.
        pytest.skip(f"there is no {language} here: apt-get install {packages}")
    (tmp_path / f"directory.{language}").write_text(PROGRAMS[language], encoding="utf-8")
    shutil.copy(certificates / "ca.pem", tmp_path)
    (member,) = addresses(members[0])
    nobody = f"{members[0].address}:1"
    done = subprocess.run(
        run(tmp_path),
        cwd=tmp_path,
        env={**os.environ, "MEMBERS": f"{nobody},{member}", "PASSWORD": TLS_PASSWORD},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"--- {language}\n{done.stdout}")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith(nobody) and "hushed" not in done.stdout
    epoch, counter = members[0].rows("SELECT epoch, counter FROM fabric.version")[0].values()
    assert f"version {epoch} {counter}" in lines
    for server in members[0].rows("SELECT * FROM fabric.server WHERE kind = 'write' AND is_usable"):
        assert "{name} {host} {port}".format(**server) in lines
    assert "id 22 w2" in lines and "Customer 1 s1" in lines
    assert any("there is no tenant nobody" in line for line in lines)
