"""Processes that pass for servers and clients: they show any words as their command line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Sleeper = Callable[..., "subprocess.Popen[bytes]"]

# A process that shows any words as its command line, and only sleeps.
SLEEPER = """
import ctypes, os, sys, time
shown = b"".join(os.fsencode(word) + bytes(1) for word in sys.argv[1:])
with open("/proc/self/cmdline", "rb") as file:
    size = len(file.read())
start = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "program_invocation_name").value
ctypes.memmove(start, shown.ljust(size, bytes(1)), size)
time.sleep(60)
"""


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    """Start processes under any command line; each is ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", SLEEPER, *words], env={**os.environ, **environment}
        )
        started.append(process)
        shown = b"".join(os.fsencode(word) + b"\0" for word in words)
        end = time.monotonic() + 20
        while not Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(shown):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.01)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
