"""The tables of variables and accounts in inventory.md, made of the tables in code.

python docs/variables.py           write them
python docs/variables.py --check   fail when they are not what would be written
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.dbrw.sharding.plugins.module_utils.values.accounts.server_accounts import (
    ACCOUNTS,
    READ_SERVER,
    SET_MEMBER,
    WRITE_SERVER,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    EVERY_KIND,
    KINDS,
    VARIABLES,
    Variable,
)

PAGE = Path(__file__).with_name("inventory.md")
BEGIN = "<!-- variables: made by script/docs -->\n"
END = "<!-- end of variables -->\n"
ACCOUNTS_BEGIN = "<!-- accounts: made by script/docs -->\n"
ACCOUNTS_END = "<!-- end of accounts -->\n"
_SERVERS = {
    WRITE_SERVER: "write servers",
    READ_SERVER: "read servers",
    SET_MEMBER: "members of replica sets",
}


def made() -> str:
    """Return what stands between the marks."""
    own = [variable for variable in VARIABLES if not variable.shared]
    shared = [variable for variable in VARIABLES if variable.shared]
    return "\n".join(
        [
            f"## Variables of each server\n\n{_table('variable', own)}",
            f"## Variables of all servers\n\n{_table('variable', shared)}",
            *_tables_of_keys(VARIABLES),
        ]
    )


def accounts() -> str:
    """Return the table of accounts, with each privilege's reason."""
    rows = ["| account | on | may | because it |", "| --- | --- | --- | --- |"]
    for account in ACCOUNTS:
        name = (
            f"`{account.name}`"
            if not account.listed
            else f"`{account.name}_` and the server's name"
        )
        head = f"{name} | {_SERVERS[account.server]}"
        for privilege in account.privileges:
            rows.append(f"| {head} | {privilege.word} on {privilege.on} | {privilege.reason} |")
            head = " | "
    return "\n".join(rows) + "\n"


def replaced(page: str) -> str:
    """Return the page with what stands between the marks as it is made."""
    page = _between(page, BEGIN, END, made())
    return _between(page, ACCOUNTS_BEGIN, ACCOUNTS_END, accounts())


def _between(page: str, begin: str, end: str, text: str) -> str:
    before, begun, rest = page.partition(begin)
    ended, after = rest.partition(end)[1:]
    if not (begun and ended):
        raise ValueError(f"{PAGE.name} lacks the lines {begin.strip()} and {end.strip()}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def _tables_of_keys(variables: Iterable[Variable]) -> list[str]:
    found = []
    for variable in variables:
        if variable.keys:
            name = variable.full_name if variable in VARIABLES else variable.name
            whose = f"Each of `{name}`" if variable.elements == "dict" else f"`{name}`"
            found.append(f"{whose} has these keys:\n\n{_table('key', variable.keys)}")
            found += _tables_of_keys(variable.keys)
    return found


def _table(what: str, variables: Iterable[Variable]) -> str:
    rows = [f"| {what} | means | default |", "| --- | --- | --- |"]
    for variable in variables:
        is_key = what == "key"
        name = variable.name if is_key else variable.full_name
        whose = "" if is_key or variable.kinds == EVERY_KIND else f"{_kinds(variable)}: "
        meaning = f"{whose}{variable.meaning}".replace("|", "\\|")
        rows.append(f"| `{name}` | {meaning} | {_default(variable)} |")
    return "\n".join(rows) + "\n"


def _kinds(variable: Variable) -> str:
    return " and ".join(KINDS[kind] for kind in variable.kinds)


def _default(variable: Variable) -> str:
    if variable.required:
        return "required, secret" if variable.secret else "required"
    if variable.default_in_words:
        return variable.default_in_words
    if variable.default in (None, "", [], {}):
        return "none"
    if isinstance(variable.default, str):
        return f"`{variable.default}`"
    return json.dumps(variable.default)


def main(arguments: list[str]) -> str | None:
    """Write the page, or return what is wrong with it."""
    page = PAGE.read_text(encoding="utf-8")
    if arguments == ["--check"]:
        right = page == replaced(page)
        return None if right else f"docs/{PAGE.name} is not what the table says: run make docs"
    PAGE.write_text(replaced(page), encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
