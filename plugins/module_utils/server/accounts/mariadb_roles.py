# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A MariaDB role's own privileges.

information_schema leaves out what a role has on everything, and mixes what its
own roles have into the rest.
"""

from __future__ import annotations

import re

from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import Server
from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.account import (
    GRANT_OPTION,
    Scope,
    Vocabulary,
    canonical,
)

# What the grant tables write otherwise than GRANT does.
_STORED_WORDS = {
    "GRANT": GRANT_OPTION,
    "CREATE TMP TABLE": "CREATE TEMPORARY TABLES",
    "DELETE VERSIONING ROWS": "DELETE HISTORY",
}
_ON_TABLES = (
    "SELECT Db, Table_name, NULL AS Column_name, Table_priv AS words "
    "FROM mysql.tables_priv WHERE User = %s AND Host = '' "
    "UNION ALL SELECT Db, Table_name, Column_name, Column_priv "
    "FROM mysql.columns_priv WHERE User = %s AND Host = ''"
)


def own_privileges(server: Server, role: str, vocabulary: Vocabulary) -> dict[Scope, set[str]]:
    """Return what a role holds by itself on everything, on schemas and on tables."""
    held: dict[Scope, set[str]] = {Scope(): _on_everything(server, role, vocabulary)}
    for row in server.rows("SELECT * FROM mysql.db WHERE User = %s AND Host = ''", role):
        given = (column for column, value in row.items() if value == "Y")
        held[Scope(row["Db"])] = {_word(column.rsplit("_priv", 1)[0]) for column in given}
    for row in server.rows(_ON_TABLES, role, role):
        column, words = row["Column_name"], stored_words(row["words"])
        if column is not None:
            words = {f"{word} ({column})" for word in words}
        held.setdefault(Scope(row["Db"], row["Table_name"]), set()).update(words)
    return held


def stored_words(words: str) -> set[str]:
    """Return the privileges of a set in a grant table, both flavours' alike."""
    return {_word(word) for word in words.split(",") if word}


def _on_everything(server: Server, role: str, vocabulary: Vocabulary) -> set[str]:
    # SHOW GRANTS has the privileges of the role's own roles, too, each TO its role.
    quoted = re.escape(role.replace("`", "``"))
    for row in server.rows("SHOW GRANTS FOR %s", role):
        (line,) = row.values()
        found = re.fullmatch(rf"GRANT (.+) ON \*\.\* TO `{quoted}`( WITH GRANT OPTION)?", line)
        if found:
            words, _rest = vocabulary.resolve(found[1].split(", "), Scope())
            return {*words, GRANT_OPTION} if found[2] else {*words}
    return set()


def _word(stored: str) -> str:
    word = canonical(stored)
    return _STORED_WORDS.get(word, word)
