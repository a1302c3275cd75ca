"""What is documented is what is there: modules, their examples, and roles."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
PLUGINS = "ansible_collections.dbrw.sharding.plugins"
COLLECTION = "dbrw.sharding"
MODULES = sorted(
    file.stem for file in (ROOT / "plugins/modules").glob("*.py") if file.stem != "__init__"
)
# Of the page for readers; the first says how to log in, and is no task.
LOGIN, *SHOWN = re.findall(
    r"^```yaml\n(.*?)^```", (ROOT / "docs/modules.md").read_text(), re.DOTALL | re.MULTILINE
)
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())

Options = dict[str, dict[str, Any]]


class Declared(Exception):
    """Ends a module at the point where it declares its options."""

    def __init__(self, argument_spec: Options, **more: Any) -> None:
        super().__init__("declared")
        self.options = argument_spec
        self.more = more


def load(name: str) -> Any:
    return importlib.import_module(f"{PLUGINS}.modules.{name}")


def declared(name: str, monkeypatch: pytest.MonkeyPatch) -> Declared:
    """Return what a module gives to AnsibleModule."""

    def ends_here(argument_spec: Options, **more: Any) -> None:
        raise Declared(argument_spec, **more)

    module = load(name)
    monkeypatch.setattr(f"{PLUGINS}.module_utils.run.operation.AnsibleModule", ends_here)
    if hasattr(module, "AnsibleModule"):
        monkeypatch.setattr(module, "AnsibleModule", ends_here)
    with pytest.raises(Declared) as found:
        module.main()
    return found.value


def parts(name: str) -> list[dict[str, Any]]:
    """Return a module's documentation: its own, and that of each fragment."""
    documentation = yaml.safe_load(load(name).DOCUMENTATION)
    found = [documentation]
    fragments = documentation.get("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        namespace, collection, file, *variant = fragment.split(".")
        assert f"{namespace}.{collection}" == COLLECTION, fragment
        source = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
        text = getattr(source, variant[0].upper() if variant else "DOCUMENTATION")
        found.append(yaml.safe_load(text))
    return found


def documented(name: str) -> Options:
    """Return the documented options, those of the fragments included."""
    options: Options = {}
    for part in parts(name):
        for option, description in part.get("options", {}).items():
            assert option not in options, f"{option} is documented twice"
            options[option] = description
    return options


def attributes(name: str) -> Options:
    """Return the documented attributes; a module's own words go before a fragment's."""
    found: Options = {}
    for part in parts(name):
        for attribute, told in part.get("attributes", {}).items():
            found[attribute] = {**told, **found.get(attribute, {})}
    return found


def facts(options: Options, suboptions: str) -> Options:
    """Return what can be compared of options; ``suboptions`` is the key of those within."""
    return {
        name: {
            "type": option.get("type", "str"),
            "default": option.get("default"),
            "choices": list(option.get("choices") or []),
            "required": bool(option.get("required", False)),
            "elements": option.get("elements"),
            "aliases": sorted(option.get("aliases") or []),
            "suboptions": facts(option.get(suboptions) or {}, suboptions),
        }
        for name, option in options.items()
    }


def test_there_is_something_to_check() -> None:
    assert "mysql_autoinc_offset" in MODULES and "mysqld" in ROLES


@pytest.mark.parametrize("name", MODULES)
def test_documented_options_are_the_real_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = facts(declared(name, monkeypatch).options, "options")
    told = facts(documented(name), "suboptions")
    assert set(told) == set(real)
    for option in real:
        assert told[option] == real[option], option


def undescribed(options: Options, keys: str, path: str = "") -> list[str]:
    found = []
    for name, option in options.items():
        if not option.get("description"):
            found.append(path + name)
        found += undescribed(option.get(keys) or {}, keys, f"{path}{name}.")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_everything_is_described(name: str) -> None:
    documentation = yaml.safe_load(load(name).DOCUMENTATION)
    assert documentation["module"] == name
    assert documentation["short_description"] and documentation["description"]
    assert documentation["version_added"] == "0.1.0"
    assert undescribed(documented(name), "suboptions") == []
    returned = yaml.safe_load(load(name).RETURN)
    assert returned and undescribed(returned, "contains") == []
    for value, told in returned.items():
        assert told["returned"] and told["type"], value


@pytest.mark.parametrize("name", MODULES)
def test_every_module_tells_its_attributes(name: str) -> None:
    told = attributes(name)
    assert set(told) == {"check_mode", "diff_mode", "idempotent"}
    for attribute, words in told.items():
        assert words["description"] and words["support"] in ("full", "partial", "N/A"), attribute
        # Less than all is only of use with its limits.
        assert words["support"] != "partial" or words["details"], attribute


def test_a_month_that_is_moved_a_run_is_no_full_idempotence() -> None:
    told = attributes("mysql_month_partition")["idempotent"]
    assert told["support"] == "partial" and "max_moves" in str(told["details"])


@pytest.mark.parametrize("name", MODULES)
def test_check_mode_is_supported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert declared(name, monkeypatch).more["supports_check_mode"] is True


def secret_names(options: Options, path: str = "") -> list[str]:
    """Return options whose name says password and that may be logged."""
    found = []
    for name, option in options.items():
        if "password" in name and option.get("type", "str") == "str" and "choices" not in option:
            found += [] if option.get("no_log") is True else [path + name]
        found += secret_names(option.get("options") or {}, f"{path}{name}.")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_no_password_option_is_logged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret_names(declared(name, monkeypatch).options) == []


def misused(given: Any, options: Options, path: str) -> list[str]:
    """Say what is wrong with options as an example gives them."""
    if not isinstance(given, dict):
        return []  # a template
    names = {name: name for name in options} | {
        alias: name for name, option in options.items() for alias in option.get("aliases") or []
    }
    wrong = [f"{path}{name} does not exist" for name in given if name not in names]
    used = {names.get(name) for name in given}
    wrong += [
        f"{path}{name} is required"
        for name, option in options.items()
        if option.get("required") and name not in used
    ]
    for name, value in given.items():
        option = options.get(names.get(name, ""), {})
        templated = isinstance(value, str) and "{{" in value
        if option.get("choices") and not templated and not isinstance(value, list):
            wrong += [] if value in option["choices"] else [f"{path}{name}: {value} is no choice"]
        if option.get("options"):
            for one in value if isinstance(value, list) else [value]:
                wrong += misused(one, option["options"], f"{path}{name}.")
    return wrong


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_only_what_exists(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = yaml.safe_load(load(name).EXAMPLES)
    used = []
    for task in tasks:
        assert task["name"]
        for word, given in task.items():
            if word.startswith(f"{COLLECTION}."):
                module = word.removeprefix(f"{COLLECTION}.")
                assert module in MODULES, word
                used.append(module)
                options = declared(module, monkeypatch).options
                assert misused(given or {}, options, "") == [], task["name"]
    assert name in used


@pytest.mark.parametrize("block", SHOWN, ids=range(1, len(SHOWN) + 1))
def test_the_pages_examples_are_those_that_are_played(block: str) -> None:
    played = [task for name in MODULES for task in yaml.safe_load(load(name).EXAMPLES)]
    tasks = yaml.safe_load(block)
    assert isinstance(tasks, list), f"no task, which nobody can play: {block}"
    assert [task for task in tasks if task not in played] == []


def test_the_page_has_an_example_of_each_module() -> None:
    assert list(yaml.safe_load(LOGIN)) == ["module_defaults"]
    words = {word for block in SHOWN for task in yaml.safe_load(block) for word in task}
    assert {f"{COLLECTION}.{name}" for name in MODULES} <= words


def test_the_action_group_has_the_modules_that_log_in_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())
    group = runtime["action_groups"]["all"]
    with_login = [name for name in MODULES if "login_host" in declared(name, monkeypatch).options]
    assert sorted(group) == with_login
    assert len(group) == len(set(group))


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_defaults_are_the_documented_ones(role: str) -> None:
    folder = ROOT / "roles" / role
    specs = yaml.safe_load((folder / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert "main" in specs
    options: Options = {}
    for entry_point in specs.values():
        assert entry_point["short_description"]
        options.update(entry_point.get("options", {}))
    defaults_file = folder / "defaults/main.yml"
    defaults = yaml.safe_load(defaults_file.read_text()) if defaults_file.exists() else {}
    told = {name: option["default"] for name, option in options.items() if "default" in option}
    assert defaults == told
    # 1 == True and 1 == 1.0; a variable's type is more than that.
    assert {name: type(value) for name, value in (defaults or {}).items()} == {
        name: type(value) for name, value in told.items()
    }
    assert [n for n, option in options.items() if option.get("required") and n in told] == []
    assert undescribed(options, "options") == []


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_variables_carry_its_name(role: str) -> None:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    for entry_point in specs["argument_specs"].values():
        assert [n for n in entry_point.get("options", {}) if not n.startswith(f"{role}_")] == []
