#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_topology_info
short_description: Ask all servers of a topology at once, and tell what is wrong
description:
  - Asks every server side by side, with the login of the module, and judges what they say together.
    A server that does not answer is a finding, and keeps no other from being asked.
  - Each thing that is wrong is a finding with a code, a severity, a place, and what to do. What
    follows from another finding is not told again, such as the channels from a server that is down.
  - It reads only, takes no lock, and looks at a bounded number of rows.
version_added: 0.1.0
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
options:
  servers:
    description: Every server of the topology.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the server in the inventory. Channels from write servers are called so.
        type: str
        required: true
      kind:
        description: What the server is.
        type: str
        choices: [write, read, member]
        required: true
      datacenter:
        description: Where it stands.
        type: str
        default: ""
      host:
        description: Address at which it is reached.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 3306
      weight:
        description: How often applications choose it, as the directory has it.
        type: float
        default: 1.0
      id_increment:
        description: Of a write server, the distance between two of its ids.
        type: int
      id_offset:
        description: Of a write server, what its ids are modulo O(servers[].id_increment).
        type: int
      replica_set:
        description: Of a member, the set, which must be in O(sets).
        type: str
  sets:
    description: The replica sets. With a set called C(fabric) its directory is compared, too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name.
        type: str
        required: true
      durability:
        description: What it promises, see M(dbrw.sharding.mysql_replica_set).
        type: str
        choices: [available, strict, asynchronous]
        default: available
      shard_number:
        description: The number of a shard.
        type: int
      weight:
        description: How much a shard takes, compared with the others.
        type: float
      capacity_gib:
        description: From how many GiB on a shard takes no new tenants.
        type: int
  usage_tables:
    description: The usage tables.
    type: list
    elements: dict
    default: []
    suboptions:
      schema:
        description: Its schema.
        type: str
        required: true
      name:
        description: Its name.
        type: str
        required: true
      id_column:
        description: The column that write servers number.
        type: str
        default: id
      months_ahead:
        description: How many months after the current one must have a partition on read servers.
        type: int
        default: 3
  common_schemas:
    description: Schemas that read servers get of the replica set C(fabric), by the channel C(common).
    type: list
    elements: str
    default: []
  accounts:
    description:
      - The accounts that belong on the servers, each with what it may do there, and nothing more. They
        are looked for by their names; of others nothing is said.
      - P(dbrw.sharding.topology#filter) makes the list of an inventory.
    type: list
    elements: dict
    default: []
    suboptions:
      server:
        description: Name of the server, which must be in O(servers).
        type: str
        required: true
      name:
        description: User name of the account.
        type: str
        required: true
      host:
        description: Hosts that it may log in from, as the server writes them.
        type: str
        default: "%"
      privileges:
        description:
          - What it may do, a list of privileges for each object, as M(dbrw.sharding.mysql_account)
            takes them.
        type: dict
        required: true
  hosts:
    description:
      - What the servers' hosts tell of them, each what M(dbrw.sharding.mysqld_host_info) has returned.
        Without it, nothing is said of disks and option files.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the server, which must be in O(servers).
        type: str
        required: true
      disks:
        description: The disks of its data and of its binary logs.
        type: list
        elements: dict
        default: []
        suboptions:
          folder:
            description: The server's folder that is on it.
            type: str
            required: true
          size_bytes:
            description: How large it is.
            type: int
            required: true
          free_bytes:
            description: How much of it is free.
            type: int
            required: true
      config_file_written:
        description: When its option file was written, in UTC.
        type: str
      settings:
        description: The lines of its option file.
        type: list
        elements: dict
        default: []
        suboptions: &setting
          group:
            description: The group that the line is in.
            type: str
            required: true
          name:
            description: The option.
            type: str
            required: true
          value:
            description: Its value; none for an option without one.
            type: str
      started_with:
        description: The lines with which it last came up, where somebody has kept them.
        type: list
        elements: dict
        suboptions: *setting
      unknown:
        description: Why nothing is known of the host; empty where something is.
        type: str
        default: ""
  heartbeats:
    description:
      - The write servers that write heartbeats, see M(dbrw.sharding.mysql_heartbeat). Of a read server's
        channel from one of these the newest row that has arrived is looked at, too.
    type: list
    elements: str
    default: []
  require_tls:
    description:
      - Whether the servers are to have TLS. The module uses it, too; without O(ca_cert) it encrypts,
        and verifies nothing.
    type: bool
    default: true
  now:
    description: The time that counts for months (C(YYYY-MM-DD)) instead of the servers' clocks.
    type: str
  max_lag_seconds:
    description: How far a channel may be behind. Ten times as much is critical.
    type: int
    default: 60
  max_clock_seconds:
    description: How far a server's clock may differ from that of the host that asks.
    type: int
    default: 2
  max_used_percent:
    description: How much of the range of an id column may be used.
    type: int
    default: 80
  ids_checked_per_table:
    description: How many of the newest ids of each table are looked at.
    type: int
    default: 1000
  min_binary_log_seconds:
    description: How long binary logs must be kept.
    type: int
    default: 259200
  min_certificate_days:
    description: How long certificates must be valid yet.
    type: int
    default: 30
  min_free_percent:
    description: How much of a disk must be free. Less than half of that is critical.
    type: int
    default: 20
  max_silent_seconds:
    description:
      - How old the newest heartbeat of a write server may be, beside the lag that a channel reports. More
        than ten times as much is critical.
    type: int
    default: 10
  answer_seconds:
    description: How long one server may take to answer everything.
    type: int
    default: 30
  mutes:
    description:
      - Findings that are known, and do not count up to a day. They are returned all the same.
    type: list
    elements: dict
    default: []
    suboptions:
      code:
        description: Code of the finding.
        type: str
        required: true
      until:
        description: The last day (C(YYYY-MM-DD), UTC).
        type: str
        required: true
      where:
        description: Place of the one finding that is meant; empty for all with this code.
        type: str
        default: ""
      severity:
        description: A finding that is worse than this counts all the same.
        type: str
        choices: [critical, warning, info]
        default: warning
notes:
  - The login needs what site.yml gives the account C(monitor). What it may not read is a finding.
seealso:
  - module: dbrw.sharding.mysql_replica_set_info
  - module: dbrw.sharding.mysql_replication_channel_info
  - module: dbrw.sharding.mysqld_host_info
"""

EXAMPLES = r"""
- name: Check | Ask all servers what is wrong
  dbrw.sharding.mysql_topology_info:
    login_user: monitor
    login_password: "{{ dbrw_monitor_password }}"
    servers:
      - {name: w1, kind: write, host: w1.dc1.example.com, id_increment: 20, id_offset: 1}
      - {name: w2, kind: write, host: w2.dc1.example.com, id_increment: 20, id_offset: 2}
      - {name: r1, kind: read, host: r1.dc1.example.com}
    usage_tables:
      - {schema: usage_data, name: calls}
    accounts:
      - {server: r1, name: application, host: 10.%, privileges: {usage_data.*: [SELECT]}}
  register: topology

- name: Check | Show it
  ansible.builtin.debug:
    msg: "{{ topology.report }}"
"""

RETURN = r"""
findings:
  description: What is wrong, the worst first, and always in the same order.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: A code that stays when the words change, such as V(channel.stopped).
      type: str
    severity:
      description: V(critical), V(warning) or V(info).
      type: str
    where:
      description: The server, and what of it; the replica set; empty for the whole topology.
      type: str
    text:
      description: What was found.
      type: str
    todo:
      description: What to do.
      type: str
    muted_until:
      description: Up to which day it does not count; null for one that does.
      type: str
worst:
  description: The worst severity of a finding that is not muted; empty where there is none.
  returned: success
  type: str
report:
  description: All of it as text to read, whose lines can be compared with those of another day.
  returned: success
  type: str
observation:
  description: What was seen, in one shape for both flavours.
  returned: success
  type: dict
  contains:
    servers:
      description:
        - The servers, each with C(answers), C(disks), which is null where O(hosts) does not tell, and
          then C(flavour), C(version), C(clock_ahead_seconds), C(takes_writes), C(increment), C(offset),
          C(binary_log_seconds), C(certificate_until), C(not_read), C(pending_restart), C(channels) as
          M(dbrw.sharding.mysql_replication_channel_info) returns them, C(heartbeat_seconds), how old the
          newest heartbeat of each write server is, C(tables) and C(ids).
      type: list
      elements: dict
    sets:
      description: The replica sets, as M(dbrw.sharding.mysql_replica_set_info) returns them.
      type: list
      elements: dict
    directory:
      description: Version and states of the directory; null where it was not read.
      type: dict
unreachable_servers:
  description: The servers that do not answer, with the reason.
  returned: success
  type: dict
servers:
  description: Address, flavour and version of each server that was reached.
  returned: success
  type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.checks import (
    topology_info,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main():
    run(topology_info.TopologyInfo())


if __name__ == "__main__":
    main()
