"""Playbooks ask the directory: over TLS, any member, as the account that can do nothing else."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.integration.lines import ROOT, TestServer
from tests.support.directory import (
    TLS_PASSWORD,
    addresses,
)

S1 = {"name": "s1", "host": "p1", "port": 3306}


def source(folder: Path, certificates: Path, *servers: TestServer, **options: Any) -> Path:
    """Write a source of the inventory; the password is not in it."""
    file = folder / "fabric.yml"
    told = {
        "plugin": "dbrw.sharding.fabric",
        "members": addresses(*servers),
        "ca_cert": f"{certificates}/ca.pem",
        **options,
    }
    file.write_text(yaml.safe_dump(told))
    return file


def ansible(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one of Ansible's programs; nothing that it says has the password."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible", program, *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            **{"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            "DBRW_DIRECTORY_PASSWORD": TLS_PASSWORD,
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hushed" not in done.stdout + done.stderr
    return done


def inventory(*sources: Path, **variables: str) -> dict[str, Any]:
    words = [word for file in sources for word in ("-i", str(file))]
    done = ansible("inventory", *words, "--list", "-vvv", **variables)
    assert done.returncode == 0 and "Failed to parse" not in done.stderr, done.stderr
    # Texts that are never templates are told as such.
    told: dict[str, Any] = json.loads(
        done.stdout[done.stdout.index("\n{") :],
        object_hook=lambda one: one.get("__ansible_unsafe", one),
    )
    return told


def test_servers_are_beside_those_of_the_files(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.yml"
    w1 = {"ansible_host": "w1.example.com", "dbrw_weight": 9}
    hosts.write_text(yaml.safe_dump({"write_servers": {"hosts": {"w1": w1}}}))
    # One that is behind is asked first.
    told = inventory(hosts, source(tmp_path, certificates, *reversed(members)))
    grouped = {name: sorted(one["hosts"]) for name, one in told.items() if "hosts" in one}
    assert grouped == {
        "write_servers": ["w1"],
        "dc_dc1": ["f1", "p1", "w1", "w2"],
        "dc_dc2": ["r1", "w3"],
        "kind_member": ["f1", "p1"],
        "kind_write": ["w1", "w2", "w3"],
        "kind_read": ["r1"],
        "state_joining": ["f1", "p1"],
        "state_online": ["r1", "w1", "w3"],
        "state_draining": ["w2"],
        "set_fabric": ["f1"],
        "set_s1": ["p1"],
    }
    variables = told["_meta"]["hostvars"]
    assert variables["w1"].items() >= w1.items() and "ansible_host" not in variables["w2"]
    assert variables["w2"]["fabric_server"] == {
        **{"kind": "write", "datacenter": "dc1", "host": "w2", "port": 3306, "weight": 1.0},
        **{"id_increment": 20, "id_offset": 2, "replica_set": None, "state": "draining"},
        **{"is_down": False, "is_usable": False, "is_active": False},
    }
    assert (
        variables["f1"]["fabric_server"]["is_active"]
        and variables["r1"]["fabric_server"]["is_usable"]
    )
    counter = members[0].value("SELECT counter FROM fabric.version")
    assert variables["r1"]["fabric_version"] == {"epoch": 3, "counter": counter}
    assert variables["p1"]["fabric_replica_set"]["active"] == "p1"


def test_the_certificate_is_verified(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    def refused(*servers: TestServer, **options: Any) -> str:
        file = source(tmp_path, certificates, *servers, **options)
        failing = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true"}
        done = ansible("inventory", "-i", str(file), "--list", **failing)
        assert done.returncode != 0
        return done.stderr

    other = refused(members[0], ca_cert=f"{certificates}/other.pem")
    assert "certificate verify failed" in other
    # Another way to write its address, which the certificate does not name.
    number = int(ipaddress.ip_address(members[0].address))
    renamed = {"members": [f"{number}:{members[0].port}"]}
    assert "certificate verify failed" in refused(members[0], **renamed)
    file = source(tmp_path, certificates, members[0], **renamed, check_hostname=False)
    assert inventory(file)["kind_read"]["hosts"] == ["r1"]
    assert "ca_cert is not set" in refused(members[0], ca_cert=None)
    assert "Access denied" in refused(members[0], user="nobody")


def test_the_password_may_be_encrypted_in_the_source(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    (tmp_path / "vault").write_text("locked")
    vault = ("--vault-password-file", str(tmp_path / "vault"))
    encrypted = ansible("vault", "encrypt_string", *vault, "--name", "password", TLS_PASSWORD)
    file = source(tmp_path, certificates, members[0])
    file.write_text(f"{file.read_text()}{encrypted.stdout}")
    environment = {"DBRW_DIRECTORY_PASSWORD": "", "ANSIBLE_VAULT_PASSWORD_FILE": vault[1]}
    assert inventory(file, **environment)["state_draining"]["hosts"] == ["w2"]


def test_site_yml_refuses_the_directory_alone(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    groups = {
        "write_servers": "fabric_server.kind == 'write'",
        "read_servers": "fabric_server.kind == 'read'",
        "fabric_servers": "fabric_server.kind == 'member'",
    }
    for options in ({}, {"groups": groups}):
        file = source(tmp_path, certificates, *members, **options)
        done = ansible("playbook", "-i", str(file), "playbooks/site.yml")
        assert done.returncode != 0
        assert "1 mistake(s); nothing has been touched" in done.stdout
        assert "All servers come from the directory" in done.stdout


def looked_up(certificates: Path, tmp_path: Path, said: str, *servers: TestServer) -> str:
    """Run a playbook that says what a template gives, and return that, or the error."""
    vaulted = {"our_members": addresses(*servers), "our_folder": str(certificates)}
    variables = {
        "fabric_members": "{{ our_members }}",
        "fabric_ca_cert": "{{ our_folder }}/ca.pem",
    }
    task = {"ansible.builtin.debug": {"msg": "{{ " + said + " | to_json }}"}}
    play = {"hosts": "localhost", "gather_facts": False, "vars": {**vaulted, **variables}}
    file = tmp_path / "play.yml"
    file.write_text(yaml.safe_dump([{**play, "tasks": [task]}]))
    done = ansible("playbook", "-i", "localhost,", str(file), ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    if done.returncode:
        return done.stdout + done.stderr
    result = done.stdout.partition("ok: [localhost] => ")[2].partition("\n}")[0] + "\n}"
    return str(json.loads(result)["msg"])


def test_where_a_tenant_and_a_key_are(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    def asked(said: str, *servers: TestServer) -> str:
        return looked_up(certificates, tmp_path, said, *(servers or members))

    tenants = "query('dbrw.sharding.shard', 'Customer 1', 'Customer 2')"
    assert json.loads(asked(tenants)) == [S1, S1]
    keys = "query('dbrw.sharding.shard', 'k17', 7, placement='customers')"
    assert json.loads(asked(keys)) == [S1, S1]
    for wrong, error in {
        "'customer 1'": "The directory says: there is no tenant customer 1.",
        "'x' * 200": "The directory says: ",
        "'k17', placement='unknown'": "The directory says: There is no placement unknown",
        "''": "The directory says: there is no tenant",
    }.items():
        assert error in asked(f"lookup('dbrw.sharding.shard', {wrong})"), wrong
    # It has not heard of it yet.
    late = asked("lookup('dbrw.sharding.shard', 'Customer 2')", members[1])
    assert "there is no tenant Customer 2" in late
    members[0].rows("UPDATE fabric.replica_sets SET active = NULL WHERE name = 's1'")
    nobody = asked("lookup('dbrw.sharding.shard', 'Customer 1')")
    assert "shard s1 has no active writer that the directory knows" in nobody


def test_the_active_writer_is_not_needed(
    members: tuple[TestServer, TestServer], certificates: Path, tmp_path: Path
) -> None:
    members[0].kill()
    told = inventory(source(tmp_path, certificates, *members))
    # What the other one knows; nobody has said more in this run.
    assert sorted(told["state_online"]["hosts"]) == ["r1", "w1", "w2", "w3"]
    said = "lookup('dbrw.sharding.shard', 'Customer 1')"
    assert json.loads(looked_up(certificates, tmp_path, said, *members)) == S1
