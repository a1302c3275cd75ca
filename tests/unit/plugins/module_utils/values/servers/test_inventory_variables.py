"""The table of the inventory's variables, and that everything else agrees with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.dbrw.sharding.plugins.module_utils.values.servers.inventory_variables import (
    BY_NAME,
    EVERY_KIND,
    KINDS,
    MEMBER,
    READ,
    USAGE,
    VARIABLES,
    WRITE,
    Variable,
)
from tests.unit.plugins.modules.test_documentation import documented

ROOT = Path(__file__).resolve().parents[6]
PLAYBOOKS = sorted((ROOT / "playbooks").rglob("*.yml"))
ROLES = {WRITE: "write_server", READ: "read_server", MEMBER: "replica_set"}
# A variable that is handed on as it is, with or without a default.
HANDED_ON = re.compile(r"\{\{ dbrw_(\w+)(?: \| default\(.*\))? \}\}")
WITH_DEFAULT = re.compile(r"dbrw_(\w+) \| default\(((?:[^()]|\(\))*)\)")
NAME = re.compile(r"\bdbrw_([a-z]\w*)")
TABLE_KEYS, SET_KEYS = (BY_NAME[name].keys for name in ("usage_tables", "replica_sets"))
(INDEX_KEYS,) = [key.keys for key in TABLE_KEYS if key.keys]


def all_rows(variables: tuple[Variable, ...] = VARIABLES) -> Iterator[Variable]:
    for variable in variables:
        yield variable
        yield from all_rows(variable.keys)


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from mappings(one)


def yaml_of(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("variables", [VARIABLES, TABLE_KEYS, INDEX_KEYS, SET_KEYS])
def test_every_name_is_there_once(variables: tuple[Variable, ...]) -> None:
    names = [variable.name for variable in variables]
    assert len(set(names)) == len(names) > 2


@pytest.mark.parametrize("variable", all_rows(), ids=lambda variable: variable.name)
def test_a_row_is_whole(variable: Variable) -> None:
    types = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": list}
    kind = {**types, "dict": dict}[variable.type]
    assert variable.default is None or isinstance(variable.default, kind)
    assert variable.meaning and "\n" not in variable.meaning and variable.meaning[-1] != "."
    assert variable.kinds and set(variable.kinds) <= set(EVERY_KIND) == set(KINDS)
    # What belongs to sets stands by their names.
    assert (variable.type == "list" or variable.name == "replica_sets") == bool(variable.elements)
    assert not variable.keys or variable.elements == "dict" or variable.type == "dict"
    assert variable.range is None or variable.is_number
    if variable.required:
        assert variable.default is None and not variable.default_in_words
    else:
        assert not variable.why
        assert variable.default is not None or variable.default_in_words, "what counts without it?"
    if variable.secret:
        assert variable.judge and "S3CRET" not in str(variable.judge("S3CRET\n"))
    # No judge, range or reason that nothing reads.
    if variable in VARIABLES:
        assert bool(variable.why) == variable.required
        assert variable.on_paper or not (variable.judge or variable.range or variable.required)
    else:
        assert not (variable.range or variable.secret or variable.shared)


def test_a_number_without_a_range_may_be_any() -> None:
    port = BY_NAME["port"]
    assert port.in_range()(70000) and not port.in_range()(65535)
    assert replace(port, range=None).in_range()(70000) is None


def test_a_default_that_is_judged_passes() -> None:
    judged = [v for v in all_rows() if v.judge and v.default is not None]
    assert [(v.name, v.judge(v.default)) for v in judged if v.judge(v.default)] == []
    assert [key.name for key in SET_KEYS if key.judge] == [key.name for key in SET_KEYS]
    ranged = [v for v in VARIABLES if v.range and v.default is not None]
    assert [v.name for v in ranged if v.in_range()(v.default)] == []


def test_playbooks_read_what_is_in_the_table() -> None:
    read: set[str] = set()
    own: set[str] = set()
    for path in PLAYBOOKS:
        read |= set(NAME.findall(path.read_text()))
        for mapping in mappings(yaml_of(path)):
            # What a playbook sets itself: as a variable of a play or task, a fact or a result.
            own |= {name for key in mapping for name in NAME.findall(str(key))}
            own |= set(NAME.findall(str(mapping.get("register", ""))))
            own |= set(NAME.findall(str(mapping.get("loop_var", ""))))
    assert not own & set(BY_NAME)
    assert read - own <= set(BY_NAME)
    # The filter topology reads the others for them.
    assert set(BY_NAME) - read == {"datacenter", "heartbeat", "weight"}


def test_inventories_set_what_is_in_the_table() -> None:
    folders = (ROOT / "inventories", ROOT / "molecule")
    files = [path for folder in folders for path in folder.rglob("*.yml")]
    found = {
        name
        for path in files
        if {"group_vars", "vars", "host_vars"} & set(path.parts) or path.name == "hosts.yml"
        for name in NAME.findall(path.read_text())
    }
    # The program dbrw_agent is called so, too.
    assert {"address", "usage_tables"} < found - {"agent"} <= set(BY_NAME)


def test_documentation_names_what_is_in_the_table() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    found = {name for page in pages for name in NAME.findall(page.read_text())}
    # The program dbrw_agent is called so, too.
    assert set(BY_NAME) == found - {"agent"}


def literal(text: str) -> Any:
    """Return the value that a default in a template is, or None for what it refers to."""
    try:
        return json.loads(text.replace("'", '"'))
    except ValueError:
        return None


def test_playbooks_take_the_defaults_of_the_table() -> None:
    found = [given for path in PLAYBOOKS for given in WITH_DEFAULT.findall(path.read_text())]
    assert len(found) > 20
    assert [(name, text) for name, text in found if literal(text) != BY_NAME[name].default] == []
    assert [name for name, _text in found if BY_NAME[name].required] == []


def handed_on() -> list[tuple[Variable, str, dict[str, Any]]]:
    """Return each variable that a play hands on, with the role's variable and what specifies it."""
    specs: dict[str, dict[str, Any]] = {}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        specs.update(yaml_of(path)["argument_specs"]["main"]["options"])
    return [
        (BY_NAME[match[1]], name, specs[name])
        for path in PLAYBOOKS
        for play in yaml_of(path)
        if isinstance(play, dict)
        for name, value in play.get("vars", {}).items()
        if name in specs and (match := HANDED_ON.fullmatch(str(value))) and match[1] in BY_NAME
    ]


def test_roles_are_handed_variables() -> None:
    assert len({given[1] for given in handed_on()}) == 42


@pytest.mark.parametrize(
    ("variable", "name", "spec"), [pytest.param(*given, id=given[1]) for given in handed_on()]
)
def test_a_role_takes_what_the_table_says(
    variable: Variable, name: str, spec: dict[str, Any]
) -> None:
    assert (spec["type"], spec.get("elements", "")) == (variable.type, variable.elements)
    assert spec.get("no_log", False) == variable.secret
    if variable.default is not None and "default" in spec:
        assert spec["default"] == variable.default
        assert type(spec["default"]) is type(variable.default)
    if "options" in spec:
        assert set(spec["options"]) == {key.name for key in variable.keys}
    # A role for one kind of servers is not handed what counts for others only.
    assert [kind for kind in variable.kinds if name.startswith((ROLES[kind], "mysqld", "agent"))]


def test_roles_give_modules_the_keys_of_the_table() -> None:
    write = yaml_of(ROOT / "roles/write_server/vars/main.yml")
    read = yaml_of(ROOT / "roles/read_server/vars/main.yml")
    *_before, purge = yaml_of(ROOT / "playbooks/retention_purge.yml")
    taken = {
        WRITE: {*write["__write_server_table_options"], *purge["vars"]["dbrw_purged_options"]},
        READ: {*read["__read_server_table_options"], *read["__read_server_month_options"]},
    }
    assert taken == {kind: {key.name for key in TABLE_KEYS if kind in key.kinds} for kind in USAGE}


@pytest.mark.parametrize("module", ["mysql_usage_table", "mysql_month_partition"])
def test_keys_are_options_of_modules(module: str) -> None:
    options = documented(module)
    of_one = options["tables"]["suboptions"]
    keys = [key for key in TABLE_KEYS if key.name in of_one]
    assert len(keys) > 7
    for key in keys:
        told = of_one[key.name]
        assert (told["type"], told.get("elements", "")) == (key.type, key.elements), key.name
        # Without it, what the module has for all tables counts.
        assert key.required or options.get(key.name, {}).get("default") == key.default, key.name


def test_keys_of_an_index_are_options_of_the_module() -> None:
    options = documented("mysql_usage_table")["indexes"]["suboptions"]
    assert {key.name: key for key in INDEX_KEYS}.keys() == options.keys()
    for key in INDEX_KEYS:
        told = options[key.name]
        assert (told["type"], told.get("elements", "")) == (key.type, key.elements)
        assert (told.get("required", False), told.get("default")) == (key.required, key.default)
