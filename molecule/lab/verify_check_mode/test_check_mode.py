"""Check mode on what has converged has nothing to change, asked over the network and TLS."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from lab.playbooks import start
from lab.servers import read_servers, write_servers

# In the place of root's socket; the account lets nobody in without TLS.
OPERATOR = {
    "login_host": "{{ dbrw_address }}",
    "login_port": "{{ dbrw_port | default(3306) }}",
    "login_user": "operator",
    "login_password": "{{ lookup('ansible.builtin.password', lab_dir ~ '/secrets/operator') }}",
    "ca_cert": "{{ dbrw_tls_ca }}",
    "check_hostname": True,
}


def test_check_mode_has_nothing_to_change() -> None:
    own = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "converge.yml"
    shared = Path(__file__).parents[1] / "converge.yml"
    # A scenario with a playbook of its own has accounts of its own.
    login = [] if own.exists() else ["--extra-vars", json.dumps({"dbrw_login": OPERATOR})]
    done = start(own if own.exists() else shared, "--check", "--diff", *login)
    said, _errors = done.communicate()
    recap = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", said)
    assert done.returncode == 0, said
    assert recap == [("0", "0", "0")] * len([*write_servers(), *read_servers()]), said
