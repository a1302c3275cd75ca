# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a shard keeps of its tenants: stamps, accounts, and events that a lock has turned off.

It is replicated within the shard's replica set, and outside of what a move takes along.
"""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_table,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.tenants.tenant import (
    FENCED,
    HERE,
    MOVED,
    STAMP_STATES,
)

SCHEMA, FUNCTION = "dbrw_tenants", "tenant_epoch"
STAMPS, ACCOUNTS, EVENTS = (quote_table(SCHEMA, name) for name in ("stamp", "account", "event"))
ASK = quote_table(SCHEMA, FUNCTION)
# Nobody logs in as it: the function runs with its privileges.
_OWNER = "`dbrw_tenants_owner`@`localhost`"
# Names are what was written, byte by byte; see the directory's schema.
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_TENANT = f"VARCHAR(128) {_TEXT} NOT NULL"
_NAME = f"VARCHAR(64) {_TEXT}"
_STATES = ", ".join(f"'{state}'" for state in STAMP_STATES)


def made() -> list[Statement]:
    """Return what makes it. The stamps come last: where they are, all is there."""
    return [
        Statement(sql)
        for sql in (
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} {_TEXT}",
            f"CREATE TABLE IF NOT EXISTS {ACCOUNTS} (user VARCHAR(128) {_TEXT} NOT NULL, "
            f"host VARCHAR(255) {_TEXT} NOT NULL, tenant {_TENANT}, PRIMARY KEY (user, host), "
            "KEY tenant (tenant)) ENGINE=InnoDB",
            f"CREATE TABLE IF NOT EXISTS {EVENTS} (event_schema {_NAME} NOT NULL, "
            f"event_name {_NAME} NOT NULL, PRIMARY KEY (event_schema, event_name)) ENGINE=InnoDB",
            f"CREATE USER IF NOT EXISTS {_OWNER} ACCOUNT LOCK",
            f"GRANT SELECT, EXECUTE ON {SCHEMA}.* TO {_OWNER}",
            f"DROP FUNCTION IF EXISTS {ASK}",
            _FUNCTION,
            f"CREATE TABLE IF NOT EXISTS {STAMPS} (tenant {_TENANT} PRIMARY KEY, "
            f"epoch BIGINT UNSIGNED NOT NULL, state ENUM({_STATES}) {_TEXT} NOT NULL, "
            f"reason VARCHAR(64) {_TEXT} NOT NULL DEFAULT '', moved_to {_NAME}, "
            "stamped_at DATETIME(6) NOT NULL COMMENT 'UTC') ENGINE=InnoDB",
        )
    ]


# One character longer than a name can be: a session that is not strict has the rest cut off.
_FUNCTION = f"""
CREATE DEFINER={_OWNER} FUNCTION {ASK} (wanted VARCHAR(129) {_TEXT})
RETURNS BIGINT UNSIGNED READS SQL DATA SQL SECURITY DEFINER
BEGIN
  DECLARE message VARCHAR(128) {_TEXT};
  DECLARE its_epoch BIGINT UNSIGNED;
  DECLARE its_state, its_reason, its_place {_NAME};
  SELECT epoch, state, reason, moved_to INTO its_epoch, its_state, its_reason, its_place
    FROM {STAMPS} WHERE tenant = wanted AND CHAR_LENGTH(tenant) = CHAR_LENGTH(wanted);
  IF its_state IS NULL THEN
    SET message = CONCAT('there is no tenant ', COALESCE(wanted, 'NULL'), ' here');
  ELSEIF its_state = '{MOVED}' THEN
    SET message = CONCAT('moved to ', its_place, ', epoch ', its_epoch);
  ELSEIF its_state = '{FENCED}' THEN
    SET message = CONCAT('fenced: ', its_reason, ', epoch ', its_epoch);
  ELSEIF its_state = '{HERE}' THEN
    RETURN its_epoch;
  END IF;
  SET message = LEFT(message, 128);
  SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = message;
END
""".strip()
