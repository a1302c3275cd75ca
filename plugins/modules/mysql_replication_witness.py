#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replication_witness
short_description: Ask a replica whether it still reaches its source
description:
  - Lets a channel connect anew and tells whether it does. The status alone does not tell it. A channel
    whose source has gone without a word goes on saying that it is connected.
  - A failover asks read servers by it, because a writer that they reach is alive for others as well.
  - Only the receiving thread is stopped and started. A channel whose receiving thread does not run is
    left so, and tells nothing.
version_added: 0.1.0
options:
  channel:
    description: The channel.
    type: str
    required: true
  timeout_seconds:
    description: How long the source may take to answer.
    type: float
    default: 3.0
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes
attributes:
  idempotent:
    support: partial
    details: It connects anew each time, and leaves all as it was.
seealso:
  - module: dbrw.sharding.mysql_replica_set
  - module: dbrw.sharding.mysql_replication_channel_info
"""

EXAMPLES = r"""
- name: Read server | Look whether it still reaches the active writer
  dbrw.sharding.mysql_replication_witness:
    login_unix_socket: /run/mysqld/mysqld.sock
    channel: common
  register: witness
"""

RETURN = r"""
sees_source:
  description:
    - Whether the channel has connected anew; null where there is no such channel, where it did not
      receive, and in check mode.
  returned: success
  type: bool
source_host:
  description: The source of the channel; null without such a channel.
  returned: success
  type: str
source_port:
  description: Its port.
  returned: success
  type: int
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication import witness
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(witness.ReplicationWitness())


if __name__ == "__main__":
    main()
