#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replica_set_rejoin
short_description: Compare a member that returns to its replica set, and prepare its rebuilding
description:
  - Looks what a member of a replica set has that the active writer has not, a former active writer that
    returns for example, and shows it as rows, from the member's binary log. It never merges them.
  - Decides what comes next. A member that has nothing of its own only needs to follow again, which
    M(dbrw.sharding.mysql_replica_set) lets it. Any other is replaced by a copy of another member; a
    member without data, and a new one without rows, too.
  - With O(errant=discard) what only the member has is saved into a file first. Then MySQL copies another
    member, by its clone plugin, beside its own data, which stays; with O(operator_ca_cert) it verifies
    the other's certificate. MariaDB's copy is made by
    M(dbrw.sharding.mysqld_copy), which puts either in its place as well.
  - Once the old data is put aside, it lets the numbers of a MariaDB member's GTIDs go on above every one
    that it has issued, the discarded ones included, by one transaction of the active writer, in the
    table C(dbrw.rejoined). A copy on MySQL gets a new C(server_uuid).
  - It is called at the beginning, and again when the old data is put aside.
  - It runs on the member's host, as a user who can read its binary log.
version_added: 0.1.0
options:
  datadir:
    description:
      - Data directory of the member. A folder beside it, whose name ends in C(.rejoin), has all that
        belongs to its rebuilding.
    type: path
    required: true
  owner:
    description:
      - User that the server runs as, to whom its data belongs where O(datadir) is lost and cannot tell.
    type: str
    default: ""
  errant:
    description:
      - What becomes of what only this member has. With V(ask) it is shown, and nothing is done.
      - With V(discard) it is saved, and the member is to be rebuilt; a member whose channel cannot go
        on, too.
      - With V(discard_unseen) a member is to be rebuilt even where nobody can show or save all that it
        has, because it does not answer, its binary logs are gone, or it was no member when it got its
        rows. RV(word) tells which of the two is needed.
    type: str
    choices: [ask, discard, discard_unseen]
    default: ask
  save_to:
    description:
      - File on the member's host, readable by its owner only, into which what is discarded is saved. By
        default it is beside O(datadir), with the GTIDs in its name.
      - It is what C(mariadb-binlog) or C(mysqlbinlog) shows of these transactions, byte by byte. Rows are
        in it as comments to read, and exactly, as events in Base64.
    type: path
  donor:
    description:
      - The member that is copied. By default one that is closed and keeps up, otherwise the active
        writer.
    type: str
    default: ""
  gtid_domain_id:
    description:
      - GTID domain of the member, for MariaDB, where its server does not answer. Its numbers then go on
        a million above the last one that another member knows, as those of a server that is new, or was
        set back, do.
    type: int
    default: 0
  applied:
    description:
      - A position of the active writer; RV(has_applied) tells whether the member has all up to there.
    type: str
    default: ""
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.replica_set
  - dbrw.sharding.long_work
  - dbrw.sharding.attributes
seealso:
  - module: dbrw.sharding.mysql_replica_set
  - module: dbrw.sharding.mysqld_copy
"""

EXAMPLES = r"""
- name: Fabric | Ask what only f1 has
  dbrw.sharding.mysql_replica_set_rejoin:
    login_unix_socket: /run/mysqld/mysqld.sock
    name: fabric
    member: f1
    members:
      - {name: f1, host: 10.1.0.21, replication_user: replication_f1, replication_password: "{{ f1_password }}"}
      - {name: f2, host: 10.2.0.21, replication_user: replication_f2, replication_password: "{{ f2_password }}"}
    operator_password: "{{ dbrw_operator_password }}"
    datadir: /var/lib/mysql
  register: f1
"""

RETURN = r"""
next:
  description:
    - What comes next. V(undecided), somebody has to decide about what only the member has;
      V(start), an earlier run has stopped the server, which is to be started, and compared once more;
      V(copy), a copy is to be made (on MySQL it has been); V(place), the copy is to be put in its place;
      V(follow), the member need only run and follow.
  returned: success
  type: str
  sample: undecided
why:
  description: Why.
  returned: success
  type: str
word:
  description: With RV(next=undecided), what O(errant) has to be for the member to be rebuilt.
  returned: success
  type: str
  sample: discard
donor:
  description: The member that is copied.
  returned: success
  type: str
donor_host:
  description: Its address.
  returned: success
  type: str
clones:
  description: Whether servers of this flavour copy each other by themselves.
  returned: success
  type: bool
has_applied:
  description: Whether the member has all of O(applied).
  returned: success
  type: bool
errant:
  description: What only the member has.
  returned: success
  type: dict
  contains:
    gtids:
      description: The GTIDs; MariaDB names the last one of each domain.
      type: str
    transactions:
      description: How many transactions that is, by their numbers.
      type: int
    found:
      description: >-
        C(changes), the first 100 rows and statements with C(transaction), C(at) (UTC), C(change),
        C(table), C(before) and C(after), or C(statement); C(count), how many there are; and
        C(transactions), of how many transactions, as far as the binary log has them.
      type: dict
    unseen:
      description: Whether the binary log has not all of them any more.
      type: bool
    saved_to:
      description: The file that has all of them, or all that the binary log still has.
      type: str
epoch:
  description: As M(dbrw.sharding.mysql_replica_set_info) returns it.
  returned: success
  type: dict
active:
  description: As M(dbrw.sharding.mysql_replica_set_info) returns it.
  returned: success
  type: str
members:
  description: As M(dbrw.sharding.mysql_replica_set_info) returns them.
  returned: success
  type: list
  elements: dict
done:
  description: Whether nothing is left to do for this module now.
  returned: always
  type: bool
steps:
  description: What was done, or in check mode would be done.
  returned: always
  type: list
  elements: dict
servers:
  description: Address, flavour and version of each member that was reached, by name.
  returned: always
  type: dict
unreachable_servers:
  description: Why each of the others was not reached, by name.
  returned: always
  type: dict
problems:
  description: Why it was refused.
  returned: when it was refused
  type: list
  elements: str
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication.rejoin import (
    Rejoin,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.run.long_work import run


def main() -> None:
    run(Rejoin())


if __name__ == "__main__":
    main()
