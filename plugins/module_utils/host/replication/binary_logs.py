# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's program that shows binary logs."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence


class NotReadable(Exception):
    """A binary log could not be shown."""


def show(
    program: str, package: str, paths: Sequence[str], with_events: bool = False
) -> Iterator[str]:
    """Return the lines that the program shows of binary logs, with rows as comments, in UTC.

    Bytes that are no UTF-8 are there as surrogates (surrogateescape), and a line ends in LF alone.
    ``with_events``: the rows' events are there, too, in Base64.
    """
    found = shutil.which(program)
    if not found:
        raise NotReadable(
            f"no {program} on this host, by which rows in binary logs are shown: install {package}"
        )
    form = "auto" if with_events else "decode-rows"
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [found, "--no-defaults", f"--base64-output={form}", "--verbose", *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "TZ": "UTC"},
        )
        with process:
            # Not "text": it would take a CR for the end of a line.
            yield from io.TextIOWrapper(
                process.stdout or io.BytesIO(),
                encoding="utf-8",
                errors="surrogateescape",
                newline="\n",
            )
        code = process.returncode
        if code:
            errors.seek(0)
            raise NotReadable(f"{program} failed with code {code}: {errors.read()[-500:].strip()}")
