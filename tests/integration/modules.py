"""Runs the collection's modules, each call in a process of its own.

A module imports for a quarter of a second and works for a few hundredths. So the
imports are done once, in a process that forks for each call (the fork server of
``multiprocessing``): no call sees what another left behind in its process.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import json
import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any
from unittest import mock

from tests.integration.lines import ROOT, TestServer

PACKAGE = "ansible_collections.dbrw.sharding.plugins.modules"
_processes = multiprocessing.get_context("forkserver")


def run_module(
    module: str,
    server: TestServer | None,
    /,
    check: bool = False,
    umask: int = 0o022,
    **arguments: Any,
) -> dict[str, Any]:
    """Run a module and return its result, failed or not.

    With a server it logs in there as root; without one it takes no login. ``umask``
    is that of its process.
    """
    result = try_module(module, server, None, check, umask, **arguments)
    assert isinstance(result, dict), f"{module} ended without a word, by {result}"
    return result


def try_module(
    module: str,
    server: TestServer | None,
    prepare: Callable[[], None] | None = None,
    /,
    check: bool = False,
    umask: int = 0o022,
    **arguments: Any,
) -> dict[str, Any] | int:
    """Run a module; return its result, or its process's exit code if it ended without one.

    It is one of the collection's, or, with dots in its name, any that has a ``main``.

    ``prepare`` is called in the module's process first.
    """
    login = {"login_unix_socket": server.socket, "login_user": "root"} if server else {}
    given = {
        **login,
        **arguments,
        "_ansible_check_mode": check,
        "_ansible_diff": True,
    }
    _start_forkserver()
    receiver, sender = _processes.Pipe(duplex=False)
    process = _processes.Process(
        target=_play,
        args=(module, json.dumps({"ANSIBLE_MODULE_ARGS": given}), umask, prepare, sender),
    )
    process.start()
    sender.close()
    try:
        printed, errors = receiver.recv()
    except EOFError:
        process.join()
        assert process.exitcode is not None
        return process.exitcode
    finally:
        receiver.close()
    process.join()
    try:
        result: dict[str, Any] = json.loads(printed)
    except ValueError:
        raise AssertionError(f"{module} printed {printed!r} and {errors}") from None
    result["warnings"] = [
        warning["event"]["msg"] if isinstance(warning, dict) else warning
        for warning in result.get("warnings", [])
    ]
    return result


def _start_forkserver() -> None:
    """Start the process that has all modules imported, unless it runs."""
    names = [path.stem for path in (ROOT / "plugins/modules").glob("*.py")]
    forkserver.set_forkserver_preload([__name__, *(f"{PACKAGE}.{name}" for name in names)])
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT / ".collections")):
        forkserver.ensure_running()


def _play(
    name: str,
    given: str,
    umask: int,
    prepare: Callable[[], None] | None,
    sender: Connection,
) -> None:
    """Run a module in this process, and send what it printed and its errors."""
    os.umask(umask)
    if prepare:
        prepare()
    sys.argv = [name]
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()))
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        try:
            with contextlib.suppress(SystemExit):
                path = name if "." in name else f"{PACKAGE}.{name}"
                importlib.import_module(path).main()
        except Exception:
            traceback.print_exc()
        # A process of multiprocessing ends without them, and would leave the module's
        # temporary directory behind.
        atexit._run_exitfuncs()
    sender.send((printed.getvalue(), errors.getvalue()))
