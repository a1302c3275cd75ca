# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of all findings. Programs know them: none ever gets another meaning or goes."""

from __future__ import annotations

CODES = (
    "binary_log.schemas_left_out",
    "binary_log.turned_off",
    "binary_log.without_gtid",
    "channel.reorders_domains",
    "channel.skips_events",
    "ids.floor_beyond_range",
    "ids.floor_without_table",
    "ids.given_again",
    "ids.not_checked",
    "ids.of_other_servers",
    "ids.range_used",
    "sessions.binlog_format",
    "sessions.binlog_row_image",
    "sessions.sql_log_bin",
    "settings.binlog_error_action",
    "settings.binlog_format",
    "settings.binlog_row_image",
    "settings.gtid_ignore_duplicates",
    "settings.gtid_mode",
    "settings.have_ssl",
    "settings.init_connect",
    "settings.innodb_flush_log_at_trx_commit",
    "settings.log_bin",
    "settings.read_only",
    "settings.relay_log_recovery",
    "settings.replica_exec_mode",
    "settings.replica_preserve_commit_order",
    "settings.replica_skip_errors",
    "settings.replica_type_conversions",
    "settings.replicate_events_marked_for_skip",
    "settings.server_id",
    "settings.skip_replica_start",
    "settings.slave_ddl_exec_mode",
    "settings.sync_binlog",
    "time_zones.clock_put_back",
    "time_zones.clocks_differ",
    "time_zones.unknown_here",
    "time_zones.unknown_to_a_source",
)
