# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's configuration file on its host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConfigFile:
    """A file's path and text; no text means that there is no file."""

    path: str
    text: str | None

    def problems(self, option: str, header: str) -> list[str]:
        """Say whether somebody else has written it: its text does not begin with ``header``.

        ``option`` is what a user names the file by.
        """
        if self.text is None or self.text.startswith(header):
            return []
        return [
            f"{option} {self.path} was not written by this module, which would overwrite its "
            "content; name a file for this module alone, in a folder that the server includes."
        ]
