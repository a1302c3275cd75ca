#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_replication_channel
short_description: Manage replication channels of a MySQL or MariaDB replica
description:
  - Brings replication channels (MariaDB calls them named connections) to a state, one or many in
    one call. A channel that is in its state already is not touched, running or not; a change stops,
    changes and starts that channel only.
  - Channels find their place in the source's binary log by GTID on both flavours, unless a file
    and position is given to begin at.
  - A channel that was made by hand or by another tool is taken as it is where it fits.
version_added: 0.1.0
options:
  channel:
    description: Name of the channel. Upper and lower case are not distinguished.
    type: str
  channels:
    description:
      - Channels to manage in this one call, each with the options of a single channel.
      - O(state) and the other options on the module's own level count for those that do not say
        otherwise.
    type: list
    elements: dict
    suboptions:
      channel: &channel
        description: Name of the channel.
        type: str
        required: true
      state: &state
        description:
          - V(present) makes sure that the channel exists with the settings that are given, and
            leaves a running one running.
          - V(started) and V(stopped) make sure of both its threads as well.
          - V(started) is content with a channel that has applied what its source had written, or
            goes on applying. One that applies nothing for 10 s is a warning, and a source that does
            not answer is no failure. A channel that would leave out rows without an error is
            refused.
          - V(absent) stops and removes it.
        type: str
        choices: [present, started, stopped, absent]
      source_host: &source_host
        description: Host of the source; needed to make a channel.
        type: str
      source_port: &source_port
        description: Port of the source; V(3306) for a new channel.
        type: int
      source_user: &source_user
        description: Account on the source that may replicate; needed to make a channel.
        type: str
      source_password: &source_password
        description:
          - Password of the account. A channel keeps 32 bytes of it on MySQL and 96 on MariaDB; a
            longer one is refused before anything is touched.
        type: str
      update_password: &update_password
        description:
          - V(on_difference) changes the password of an existing channel when it differs from the
            stored one. MySQL shows that to logins with SELECT on C(mysql.slave_master_info).
            MariaDB keeps it in files of its data directory, C(master-*.info), which are read
            where the module runs on the server's host, as root or as the server's user.
          - Where it cannot be seen, a warning says so, and it is taken to differ when the source
            denies access.
          - V(always) changes it on every run, V(on_create) never.
        type: str
        choices: [on_difference, always, on_create]
      source_ssl: &source_ssl
        description: Whether the channel uses TLS.
        type: bool
      source_ssl_ca: &source_ssl_ca
        description: File on the replica with the authority that signed the source's certificate.
        type: path
      source_ssl_cert: &source_ssl_cert
        description: File on the replica with its certificate.
        type: path
      source_ssl_key: &source_ssl_key
        description: File on the replica with the key of its certificate.
        type: path
      source_ssl_verify_server_cert: &source_ssl_verify_server_cert
        description: Whether the source's certificate must be valid and name its host.
        type: bool
      source_tls_version: &source_tls_version
        description:
          - Versions of TLS that the channel may use, V(TLSv1.2), V(TLSv1.3) or
            V(TLSv1.2,TLSv1.3); empty for all that the replica knows.
          - MariaDB has no such setting for a channel, and it is refused there.
        type: str
      source_public_key_path: &source_public_key_path
        description:
          - File on the replica with the source's public key, for logins without TLS that must not
            fetch the key over the network; set O(get_source_public_key) to V(false) then. MariaDB
            does not use it.
        type: path
      get_source_public_key: &get_source_public_key
        description:
          - Whether the replica may ask the source for its public key, which a MySQL account needs
            for its first login without TLS; V(true) for a new channel. MariaDB does not use it.
        type: bool
      connect_retry_seconds: &connect_retry_seconds
        description: Pause between attempts to connect; V(2) for a new channel.
        type: int
      heartbeat_seconds: &heartbeat_seconds
        description: How long a source with nothing to send may be silent; the server's default if
          not given.
        type: float
      retry_count: &retry_count
        description:
          - How often to try to connect; V(0), without end, for a new channel. By itself MySQL gives
            up after ten attempts and never comes back.
          - MariaDB ignores this. There C(master_retry_count) in the server's configuration is the
            limit for all channels, by default V(100000); 10.11 and 11.8 show it in no SQL. With
            V(0) a channel that loses two connections before an event has come gives up, and reports
            no error.
        type: int
      source_delay_seconds: &source_delay_seconds
        description: How long after the source the replica applies a row; 0 for at once.
        type: int
      require_row_format: &require_row_format
        description:
          - Whether the channel takes nothing but rows, and stops at a statement that changes them.
          - Only MySQL has this; V(true) is refused on MariaDB.
        type: bool
      privilege_checks_user: &privilege_checks_user
        description:
          - Account of the replica, as C(user@host), whose privileges count for what the channel
            applies; empty for none, which checks nothing. It must exist.
          - Only MySQL has this; it is refused on MariaDB.
        type: str
      auto_position: &auto_position
        description: Whether the channel finds its place by GTID; V(true) for a new channel.
        type: bool
      source_log_file: &source_log_file
        description:
          - Binary log of the source to begin with, in place of GTID; O(source_log_position) goes
            with it.
          - It counts when the channel is made, when its source changes, and when it no longer
            finds its place by GTID. A channel that has gone on from there is left where it is.
        type: str
      source_log_position: &source_log_position
        description: Position in O(source_log_file) to begin at.
        type: int
      filters: &filters
        description:
          - What the channel applies; all that it receives if not given for a new channel. A kind
            that is left out is empty; V({}) removes all filters. Needs O(filters_file).
          - A row's database must pass first. Then the first that names its table decides, of
            O(filters.do_tables), O(filters.ignore_tables), O(filters.wild_do_tables) and
            O(filters.wild_ignore_tables) in this order.
          - Names with a space, comma, quote, backquote, backslash, C(#) or bracket cannot be used
            in filters, nor can a channel have filters whose name has other characters than letters,
            digits, C(_), C($) and C(-); these are refused.
        type: dict
        suboptions:
          do_databases:
            description: Databases to apply, and no others.
            type: list
            elements: str
            default: []
          ignore_databases:
            description: Databases to leave out.
            type: list
            elements: str
            default: []
          do_tables:
            description: Tables to apply, as C(database.table), and no others.
            type: list
            elements: str
            default: []
          ignore_tables:
            description: Tables to leave out, as C(database.table).
            type: list
            elements: str
            default: []
          wild_do_tables:
            description:
              - Patterns of tables to apply, as C(database.table), where C(%) is any text and C(_)
                any character. With a backslash before them they are themselves.
            type: list
            elements: str
            default: []
          wild_ignore_tables:
            description: Patterns of tables to leave out.
            type: list
            elements: str
            default: []
          rewrite_databases:
            description: Databases that have another name here. The other filters see that name.
            type: list
            elements: dict
            default: []
            suboptions:
              from:
                description: Name on the source.
                type: str
                required: true
              to:
                description: Name here.
                type: str
                required: true
  state:
    description:
      - V(present) makes sure that the channel exists with the settings that are given, and
        leaves a running one running.
      - V(started) and V(stopped) make sure of both its threads as well.
      - V(started) is content with a channel that has applied what its source had written, or goes
        on applying. One that applies nothing for 10 s is a warning, and a source that does not
        answer is no failure. A channel that would leave out rows without an error is refused.
      - V(absent) stops and removes it.
    type: str
    choices: [present, started, stopped, absent]
    default: present
  source_host: *source_host
  source_port: *source_port
  source_user: *source_user
  source_password: *source_password
  update_password:
    description:
      - V(on_difference) changes the password of an existing channel when it differs from the
        stored one. MySQL shows that to logins with SELECT on C(mysql.slave_master_info). MariaDB
        keeps it in files of its data directory, C(master-*.info), which are read where the module
        runs on the server's host, as root or as the server's user.
      - Where it cannot be seen, a warning says so, and it is taken to differ when the source
        denies access.
      - V(always) changes it on every run, V(on_create) never.
    type: str
    choices: [on_difference, always, on_create]
    default: on_difference
  source_ssl: *source_ssl
  source_ssl_ca: *source_ssl_ca
  source_ssl_cert: *source_ssl_cert
  source_ssl_key: *source_ssl_key
  source_ssl_verify_server_cert: *source_ssl_verify_server_cert
  source_tls_version: *source_tls_version
  source_public_key_path: *source_public_key_path
  get_source_public_key: *get_source_public_key
  connect_retry_seconds: *connect_retry_seconds
  heartbeat_seconds: *heartbeat_seconds
  retry_count: *retry_count
  source_delay_seconds: *source_delay_seconds
  require_row_format: *require_row_format
  privilege_checks_user: *privilege_checks_user
  auto_position: *auto_position
  source_log_file: *source_log_file
  source_log_position: *source_log_position
  filters: *filters
  filters_file:
    description:
      - Configuration file in which O(filters) outlive a restart of the server, for example
        V(/etc/mysql/mariadb.conf.d/96-filters.cnf). The server's own configuration must include it.
      - It holds the filters of all channels and nothing else. A call changes those of the channels
        that it names with O(filters), or with O(state=absent), and keeps the others.
    type: path
  required_tables:
    description:
      - Tables, as C(database.table), whose rows must come through every channel that is named here
        and not V(absent). Filters that would exclude one are refused; those that a channel has
        already, or would get from the server's own configuration, are judged too. So is a channel
        that leaves out what its source has written by C(IGNORE_SERVER_IDS), C(IGNORE_DOMAIN_IDS) or
        C(DO_DOMAIN_IDS).
      - Names in filters should be written as the tables are. Only MariaDB takes upper case for
        lower there, and where the flavours differ a table counts as kept out. A server that stores
        names in lower case (C(lower_case_table_names)) is given filters in lower case.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Whether to wait, after the change, until everything that the sources had written when the
        wait began has been applied here. Each source is asked for its position with the channel's
        own account, for which O(source_password) is needed where the stored one cannot be seen.
    type: bool
    default: false
  wait_timeout_seconds:
    description:
      - How long O(wait) may take before the module fails. A source that does not answer is asked
        again until then.
    type: int
    default: 60
  check_sources:
    description:
      - Whether the source of a channel that is new, or gets another source, is looked at before
        anything is changed, in check mode too. The login is the channel's own account, with
        O(source_password) or the password that the replica shows.
      - Refused are a source with another row image than FULL or another binary log format than
        ROW, without a binary log or GTIDs, with a V(server_id) or V(server_uuid) that this server
        or another source has, of the other flavour, and on MariaDB with the V(gtid_domain_id) of
        another source.
      - Sources of channels that run already are not judged again. That two of them have one
        V(server_id), V(server_uuid) or domain the replica knows itself, and it is refused too.
        With O(state=started) they are asked for one thing, how far they have written; what had
        been written before the run is applied, or being applied, when the module reports success.
      - A source that does not answer is a warning, and so is one that refuses the login.
      - The source of a channel that has stopped and is to be started is asked how far it has
        written. If this server counts more of it as applied, or O(gtid_seed) does, it is refused;
        the source has lost its past then, and its next rows would be left out.
      - A channel that is connected is stopped for another address, account, password or TLS
        setting only if a login with them succeeds from here. Otherwise nothing is changed, and the
        module fails. Files of the channel must be on this host for that. A channel that is not
        connected is changed without a trial.
      - With V(false) nothing is asked and nothing is tried.
    type: bool
    default: true
  gtid_seed:
    description:
      - GTIDs whose transactions this server's data contains already, one text for each copy that
        it was restored from, as the copy's tool wrote them. On MySQL V(gtid_executed) of the
        source at the moment of the copy, on MariaDB its V(gtid_binlog_pos).
      - Only sources (on MariaDB, domains) that the server does not know are added; of those that
        it knows nothing is changed, and a text that would leave transactions out is refused.
      - MariaDB takes positions only while no channel runs; those that run are stopped for that
        moment.
    type: list
    elements: str
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.read_timeout
  - dbrw.sharding.attributes
attributes:
  idempotent:
    support: partial
    details: With O(update_password=always) and a O(source_password), every run changes the channel.
seealso:
  - module: dbrw.sharding.mysql_replication_channel_info
"""

EXAMPLES = r"""
- name: Read server | Ensure that it follows every write server
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    state: started
    source_user: replication_r1
    source_password: "{{ replication_password }}"
    channels:
      - {channel: w1, source_host: w1.dc1.example.com}
      - {channel: w2, source_host: w2.dc1.example.com}
      - {channel: w3, source_host: w3.dc2.example.com}
    wait: true

- name: Read server | Follow two write servers from where their copies were taken
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    state: started
    source_user: replication_r1
    source_password: "{{ replication_password }}"
    # On MariaDB such as 1-1-4711, on MySQL such as 3b3a6275-e573-11f1-bce1-02fc00000001:1-4711.
    gtid_seed: "{{ copied_gtids }}"
    channels:
      - {channel: w1, source_host: w1.dc1.example.com}
      - {channel: w2, source_host: w2.dc1.example.com}

- name: Read server | Ensure that a retired write server is forgotten
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    channel: w9
    state: absent

- name: Read server | Ensure that a channel is verified by its certificate
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    channel: w1
    source_ssl: true
    source_ssl_ca: /etc/mysql/tls/ca.pem
    source_ssl_verify_server_cert: true

- name: Replica | Ensure that it applies usage data only, and all but one table of it
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    channel: w1
    filters:
      do_databases: [usage_data]
      ignore_tables: [usage_data.calls]
    filters_file: /etc/mysql/mariadb.conf.d/96-filters.cnf
    # Refused if the filters excluded it.
    required_tables: [usage_data.events]

- name: Replica | Ensure that it applies everything again
  dbrw.sharding.mysql_replication_channel:
    login_unix_socket: /run/mysqld/mysqld.sock
    channel: w1
    filters: {}
    filters_file: /etc/mysql/mariadb.conf.d/96-filters.cnf
"""

RETURN = r"""
channels:
  description:
    - All channels of the server after the run, as
      M(dbrw.sharding.mysql_replication_channel_info) returns them.
  returned: success, and when a channel is the cause of a failure
  type: list
  elements: dict
waited:
  description: What O(wait) found, for each channel.
  returned: when O(wait) is true and not in check mode, also when the time is over
  type: list
  elements: dict
  contains:
    channel:
      description: Name.
      type: str
    applied:
      description: Whether all that its source had written is applied.
      type: bool
    waited_seconds:
      description: How long that took; null if it did not happen.
      type: float
    source_position:
      description: What the source had written, as GTIDs; null if it did not answer.
      type: str
    seconds_behind_source:
      description: What the server says of itself.
      type: int
    last_io_error:
      description: As M(dbrw.sharding.mysql_replication_channel_info) returns it.
      type: dict
    last_sql_error:
      description: As M(dbrw.sharding.mysql_replication_channel_info) returns it.
      type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.replication import channel
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(channel.ReplicationChannel())


if __name__ == "__main__":
    main()
