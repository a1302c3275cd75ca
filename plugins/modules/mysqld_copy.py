#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysqld_copy
short_description: Copy a server's data from host to host, and put the copy in place of other data
description:
  - One call on each of two hosts, at the same time, copies a running MariaDB server to another host, by
    C(mariadb-backup), straight from host to host; the copy is then prepared so that a server can start
    with it and follow from there.
  - Puts data aside and a copy in its place, in calls of their own, so that every moment in between has
    the old data or a complete copy. The old data is deleted last.
  - It logs in to no server but by C(mariadb-backup), and starts and stops none.
version_added: 0.1.0
options:
  state:
    description:
      - V(received), a copy is in the folder beside O(datadir). V(sent), the server of O(socket) has been
        copied to whoever waits at O(address).
      - V(aside), O(datadir) is moved into the folder; no server may run with it. V(placed), the copy is
        where O(datadir) was. V(finished), the folder is removed, with the old data.
      - A folder without notes, as M(dbrw.sharding.mysql_replica_set_rejoin) makes them, is refused.
    type: str
    choices: [received, sent, aside, placed, finished]
    required: true
  datadir:
    description: Data directory of the server that is replaced.
    type: path
  owner:
    description:
      - User that the server runs as, to whom the data belongs where O(datadir) is lost and cannot tell.
    type: str
    default: ""
  address:
    description: Where the host that receives listens.
    type: str
  port:
    description: TCP port there.
    type: int
    default: 4444
  word:
    description: A secret of this run, by which the two know each other.
    type: str
  tls_ca:
    description:
      - Authority that signed the certificates of both hosts; without it the copy is sent as it is.
    type: path
  tls_cert:
    description: This host's certificate.
    type: path
  tls_key:
    description: Its key.
    type: path
  defaults_file:
    description: Option file of the server; by default the ones that its programs read by themselves.
    type: path
  user:
    description: User that the backup logs in as.
    type: str
    default: root
  password:
    description: Password of O(user).
    type: str
  socket:
    description: Unix domain socket of the server that is copied.
    type: path
  keep_old:
    description: Whether the old data stays, beside O(datadir), under a name with the time.
    type: bool
    default: false
extends_documentation_fragment:
  - dbrw.sharding.attributes
attributes:
  diff_mode:
    description: Data is copied and moved as a whole; there is no difference to show.
    support: N/A
seealso:
  - module: dbrw.sharding.mysql_replica_set_rejoin
"""

EXAMPLES = r"""
- name: Copy | Send f2 to f1, on both hosts at once
  dbrw.sharding.mysqld_copy:
    state: "{{ 'received' if inventory_hostname == 'f1' else 'sent' }}"
    datadir: /var/lib/mysql
    socket: /run/mysqld/mysqld.sock
    address: 10.1.0.21
    word: "{{ copy_word }}"
    tls_ca: /etc/mysql/tls/ca.pem
    tls_cert: /etc/mysql/tls/server.pem
    tls_key: /etc/mysql/tls/server.key
"""

RETURN = r"""
bytes:
  description: How many bytes were copied.
  returned: when it was received or sent
  type: int
position:
  description: GTIDs of all that the copy has.
  returned: when it was received
  type: str
  sample: 201-201-7,202-202-12
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication import copying
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.copying import (
    Donor,
    Meeting,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.host.replication.rejoin_folder import (
    RejoinFailed,
    RejoinFolder,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.rejoin import (
    position_statements,
)

OPTIONS = {
    "state": {
        "type": "str",
        "choices": ["received", "sent", "aside", "placed", "finished"],
        "required": True,
    },
    "datadir": {"type": "path"},
    "owner": {"type": "str", "default": ""},
    "address": {"type": "str"},
    "port": {"type": "int", "default": 4444},
    "word": {"type": "str", "no_log": True},
    "tls_ca": {"type": "path"},
    "tls_cert": {"type": "path"},
    "tls_key": {"type": "path"},
    "defaults_file": {"type": "path"},
    "user": {"type": "str", "default": "root"},
    "password": {"type": "str", "no_log": True},
    "socket": {"type": "path"},
    "keep_old": {"type": "bool", "default": False},
}
REQUIRED_IF = [
    ("state", "received", ("datadir", "address", "word")),
    ("state", "sent", ("address", "word")),
    *(("state", state, ("datadir",)) for state in ("aside", "placed", "finished")),
]


def meeting_of(params):
    """Return where and how the two hosts meet."""
    names = ("ca", "cert", "key")
    tls = {name: params[f"tls_{name}"] for name in names} if params["tls_ca"] else {}
    return Meeting(params["address"], params["port"], params["word"], tls)


def receive(params, folder):
    copying.refuse_other_folders(params["defaults_file"] or "", folder.datadir)
    with folder.alone():
        size = copying.receive(meeting_of(params), folder)
        position = copying.prepare(folder, params["defaults_file"] or "", position_statements)
    return {"changed": True, "bytes": size, "position": position}


def send(params, tmpdir):
    donor = Donor(
        params["user"],
        params["password"] or "",
        params["socket"] or "",
        params["defaults_file"] or "",
    )
    return {"changed": True, "bytes": copying.send(meeting_of(params), donor, tmpdir)}


def alone(folder, take):
    with folder.alone():
        return {"changed": take()}


def would_change(state, folder):
    """Predict, for check mode, whether anything would be done."""
    seen = folder.look() if folder else None
    return {
        "received": True,
        "sent": True,
        "aside": bool(seen and seen.has_data),
        "placed": bool(seen and not folder.datadir.exists()),
        "finished": bool(seen and folder.folder.exists()),
    }[state]


def main():
    module = AnsibleModule(
        OPTIONS,
        supports_check_mode=True,
        required_if=REQUIRED_IF,
        required_together=[("tls_ca", "tls_cert", "tls_key")],
    )
    params, state = module.params, module.params["state"]
    folder = RejoinFolder(Path(params["datadir"]), params["owner"]) if params["datadir"] else None
    if module.check_mode:
        module.exit_json(changed=would_change(state, folder))
    take = {
        "received": lambda: receive(params, folder),
        "sent": lambda: send(params, module.tmpdir),
        "aside": lambda: alone(folder, folder.put_aside),
        "placed": lambda: alone(folder, folder.put_in_place),
        "finished": lambda: {"changed": folder.finish(params["keep_old"])},
    }
    try:
        result = take[state]()
    except (RejoinFailed, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
