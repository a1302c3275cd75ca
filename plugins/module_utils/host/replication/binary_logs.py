# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's program that shows binary logs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence


class NotReadable(Exception):
    """A binary log could not be shown."""


def show(program: str, package: str, paths: Sequence[str]) -> Iterator[str]:
    """Return the lines that the program shows of binary logs, with rows as comments, in UTC."""
    found = shutil.which(program)
    if not found:
        raise NotReadable(
            f"no {program} on this host, by which rows in binary logs are shown: install {package}"
        )
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [found, "--no-defaults", "--base64-output=decode-rows", "--verbose", *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env={**os.environ, "TZ": "UTC"},
        )
        with process:
            yield from process.stdout or ()
        code = process.returncode
        if code:
            errors.seek(0)
            raise NotReadable(f"{program} failed with code {code}: {errors.read()[-500:].strip()}")
