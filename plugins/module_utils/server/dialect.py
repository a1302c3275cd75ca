# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of each flavour of server, as data.

A place that needs another word for MySQL than for MariaDB reads it here; no
other file asks which flavour it talks to in order to compose a statement.
Sources: MySQL Reference Manual, "SQL Statements for Controlling Replica
Servers"; MariaDB Knowledge Base, "Replication Statements".
"""

from __future__ import annotations

from dataclasses import dataclass

MYSQL = "mysql"
MARIADB = "mariadb"


@dataclass(frozen=True)
class Dialect:
    """One flavour's statements for the same things.

    In the channel statements {channel} stands for the placeholder of the
    channel's name and {options} for a list of options of CHANGE.
    """

    flavour: str
    show_channels: str
    change_channel: str
    start_channel: str
    stop_channel: str
    remove_channel: str
    channel_options: dict[str, str]
    # What the option auto_position is set to, by the setting's value.
    auto_position_words: dict[bool, str]
    # Each property of a channel with the column of show_channels that tells it.
    channel_columns: dict[str, str]
    # The column of show_channels with how many events a channel is to leave out; None where
    # channels that find their place by GTID pass over it (measured).
    skip_counter: str | None
    # Whether mysql.slave_master_info holds the passwords of the channels.
    shows_channel_passwords: bool
    # What tells how far the binary log is, and which schemas' rows it leaves out.
    show_binary_log: str
    # What of CHANGE makes a former source go on from its own transactions; MySQL knows by itself.
    demoted: str
    start_receiving: str
    stop_receiving: str
    # A source's own transactions so far, and the wait until a replica has applied
    # them: (positions, seconds) -> 0 when done.
    source_position: str
    wait_for_position: str
    # Whether SET PERSIST exists: a variable that outlives a restart.
    has_persist: bool
    authentication_plugin: str
    authentication_by_hash: str
    # Whether an applier refuses a row that a CHECK of the replica's table does not accept.
    applier_enforces_checks: bool
    # From which version on an UPDATE's rows in the binary log lack generated columns, although
    # binlog_row_image is FULL; None: they have them. Measured: 10.11.19 has them, 11.8.9 not.
    omits_generated_from: tuple[int, ...] | None


DIALECTS = {
    MYSQL: Dialect(
        flavour=MYSQL,
        show_channels="SHOW REPLICA STATUS",
        change_channel="CHANGE REPLICATION SOURCE TO {options} FOR CHANNEL {channel}",
        start_channel="START REPLICA FOR CHANNEL {channel}",
        stop_channel="STOP REPLICA FOR CHANNEL {channel}",
        remove_channel="RESET REPLICA ALL FOR CHANNEL {channel}",
        channel_options={
            "source_host": "SOURCE_HOST",
            "source_port": "SOURCE_PORT",
            "source_user": "SOURCE_USER",
            "source_password": "SOURCE_PASSWORD",
            "source_ssl": "SOURCE_SSL",
            "source_ssl_ca": "SOURCE_SSL_CA",
            "source_ssl_cert": "SOURCE_SSL_CERT",
            "source_ssl_key": "SOURCE_SSL_KEY",
            "source_ssl_verify_server_cert": "SOURCE_SSL_VERIFY_SERVER_CERT",
            "source_tls_version": "SOURCE_TLS_VERSION",
            "source_public_key_path": "SOURCE_PUBLIC_KEY_PATH",
            "get_source_public_key": "GET_SOURCE_PUBLIC_KEY",
            "connect_retry_seconds": "SOURCE_CONNECT_RETRY",
            "heartbeat_seconds": "SOURCE_HEARTBEAT_PERIOD",
            "retry_count": "SOURCE_RETRY_COUNT",
            "source_delay_seconds": "SOURCE_DELAY",
            "require_row_format": "REQUIRE_ROW_FORMAT",
            "privilege_checks_user": "PRIVILEGE_CHECKS_USER",
            "auto_position": "SOURCE_AUTO_POSITION",
            "source_log_file": "SOURCE_LOG_FILE",
            "source_log_position": "SOURCE_LOG_POS",
        },
        auto_position_words={True: "1", False: "0"},
        channel_columns={
            "name": "Channel_Name",
            "source_host": "Source_Host",
            "source_port": "Source_Port",
            "source_user": "Source_User",
            "source_ssl": "Source_SSL_Allowed",
            "source_ssl_ca": "Source_SSL_CA_File",
            "source_ssl_cert": "Source_SSL_Cert",
            "source_ssl_key": "Source_SSL_Key",
            "source_ssl_verify_server_cert": "Source_SSL_Verify_Server_Cert",
            "source_tls_version": "Source_TLS_Version",
            "source_public_key_path": "Source_public_key_path",
            "get_source_public_key": "Get_Source_public_key",
            "connect_retry_seconds": "Connect_Retry",
            "retry_count": "Source_Retry_Count",
            "source_delay_seconds": "SQL_Delay",
            "auto_position": "Auto_Position",
            "io_running": "Replica_IO_Running",
            "sql_running": "Replica_SQL_Running",
            "io_errno": "Last_IO_Errno",
            "io_error": "Last_IO_Error",
            "sql_errno": "Last_SQL_Errno",
            "sql_error": "Last_SQL_Error",
            "seconds_behind_source": "Seconds_Behind_Source",
            "gtid_received": "Retrieved_Gtid_Set",
            "gtid_applied": "Executed_Gtid_Set",
            "source_server_id": "Source_Server_Id",
            "source_uuid": "Source_UUID",
            "io_state": "Replica_IO_State",
            "sql_state": "Replica_SQL_Running_State",
            "ignore_server_ids": "Replicate_Ignore_Server_Ids",
            "skip_counter": "Skip_Counter",
            "until": "Until_Condition",
            "source_log_file": "Relay_Source_Log_File",
            "source_log_position": "Exec_Source_Log_Pos",
            "received_log_file": "Source_Log_File",
            "received_log_position": "Read_Source_Log_Pos",
        },
        skip_counter=None,
        shows_channel_passwords=True,
        show_binary_log="SHOW BINARY LOG STATUS",
        demoted="",
        start_receiving="START REPLICA IO_THREAD FOR CHANNEL {channel}",
        stop_receiving="STOP REPLICA IO_THREAD FOR CHANNEL {channel}",
        source_position="SELECT @@GLOBAL.gtid_executed AS position, @@server_uuid AS uuid",
        wait_for_position="SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s) AS waited",
        has_persist=True,
        authentication_plugin="caching_sha2_password",
        authentication_by_hash="IDENTIFIED WITH caching_sha2_password AS %s",
        applier_enforces_checks=True,
        omits_generated_from=None,
    ),
    MARIADB: Dialect(
        flavour=MARIADB,
        show_channels="SHOW ALL SLAVES STATUS",
        change_channel="CHANGE MASTER {channel} TO {options}",
        start_channel="START SLAVE {channel}",
        stop_channel="STOP SLAVE {channel}",
        remove_channel="RESET SLAVE {channel} ALL",
        channel_options={
            "source_host": "MASTER_HOST",
            "source_port": "MASTER_PORT",
            "source_user": "MASTER_USER",
            "source_password": "MASTER_PASSWORD",
            "source_ssl": "MASTER_SSL",
            "source_ssl_ca": "MASTER_SSL_CA",
            "source_ssl_cert": "MASTER_SSL_CERT",
            "source_ssl_key": "MASTER_SSL_KEY",
            "source_ssl_verify_server_cert": "MASTER_SSL_VERIFY_SERVER_CERT",
            "connect_retry_seconds": "MASTER_CONNECT_RETRY",
            "heartbeat_seconds": "MASTER_HEARTBEAT_PERIOD",
            "source_delay_seconds": "MASTER_DELAY",
            "auto_position": "MASTER_USE_GTID",
            "source_log_file": "MASTER_LOG_FILE",
            "source_log_position": "MASTER_LOG_POS",
        },
        auto_position_words={True: "slave_pos", False: "no"},
        channel_columns={
            "name": "Connection_name",
            "source_host": "Master_Host",
            "source_port": "Master_Port",
            "source_user": "Master_User",
            "source_ssl": "Master_SSL_Allowed",
            "source_ssl_ca": "Master_SSL_CA_File",
            "source_ssl_cert": "Master_SSL_Cert",
            "source_ssl_key": "Master_SSL_Key",
            "source_ssl_verify_server_cert": "Master_SSL_Verify_Server_Cert",
            "connect_retry_seconds": "Connect_Retry",
            "heartbeat_seconds": "Slave_heartbeat_period",
            "source_delay_seconds": "SQL_Delay",
            "auto_position": "Using_Gtid",
            "io_running": "Slave_IO_Running",
            "sql_running": "Slave_SQL_Running",
            "io_errno": "Last_IO_Errno",
            "io_error": "Last_IO_Error",
            "sql_errno": "Last_SQL_Errno",
            "sql_error": "Last_SQL_Error",
            "seconds_behind_source": "Seconds_Behind_Master",
            "gtid_received": "Gtid_IO_Pos",
            "gtid_applied": "Gtid_Slave_Pos",
            "source_server_id": "Master_Server_Id",
            "io_state": "Slave_IO_State",
            "sql_state": "Slave_SQL_Running_State",
            "do_domain_ids": "Replicate_Do_Domain_Ids",
            "ignore_domain_ids": "Replicate_Ignore_Domain_Ids",
            "ignore_server_ids": "Replicate_Ignore_Server_Ids",
            "skip_counter": "Skip_Counter",
            "until": "Until_Condition",
            "source_log_file": "Relay_Master_Log_File",
            "source_log_position": "Exec_Master_Log_Pos",
            "received_log_file": "Master_Log_File",
            "received_log_position": "Read_Master_Log_Pos",
        },
        skip_counter="Skip_Counter",
        shows_channel_passwords=False,
        show_binary_log="SHOW MASTER STATUS",
        demoted="MASTER_DEMOTE_TO_SLAVE = 1",
        start_receiving="START SLAVE {channel} IO_THREAD",
        stop_receiving="STOP SLAVE {channel} IO_THREAD",
        source_position="SELECT @@GLOBAL.gtid_binlog_pos AS position, '' AS uuid",
        wait_for_position="SELECT MASTER_GTID_WAIT(%s, %s) AS waited",
        has_persist=False,
        authentication_plugin="mysql_native_password",
        authentication_by_hash="IDENTIFIED WITH mysql_native_password USING %s",
        applier_enforces_checks=False,
        omits_generated_from=(11,),
    ),
}


def flavour_of(version: str, version_comment: str) -> str:
    """Tell the flavour from what the server says of itself.

    MariaDB's VERSION() contains its name, whatever the number; MySQL's does
    not. The comment decides where a distribution has stripped the version.
    """
    said = f"{version} {version_comment}".lower()
    return MARIADB if "mariadb" in said else MYSQL


def version_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: '10.11.19-MariaDB-log' is (10, 11, 19)."""
    numbers = version.split("-", 1)[0]
    return tuple(int(part) for part in numbers.split(".") if part.isdigit())
