# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored functions that say the same as ``placement.py``, bit for bit, on MariaDB and MySQL.

They read the tables of ``sql_tables.py``. ``key_hash`` is a pure one. What is unknown is an error
(SQLSTATE 45000), never a default.

``shard_number_for_key(placement, key)``, ``logical_shard_for_key(placement, key)``
    where a key is now, also during a change.
``placement_version_for_key(placement, key)``
    which version holds for a key.
``shard_number_in_version(placement, version, key)``, ``logical_shard_in_version(...)``
    where a version has a key.
``id_number(id)``
    an id as a number; what is none is an error.
``id_shard_number(placement, id)``, ``id_type(placement, id)``, ``id_local(placement, id)``
    the parts of an id.
``id_of_parts(placement, shard_number, type, local)``
    the id of these parts.

Arguments are declared in the character set of what they are compared with, so that a connection's
own changes nothing, and indexes are used. They are converted in the caller's sql_mode: where that is
not strict, servers cut off a text that is too long, and read -1 as 0. So texts may be one character
longer than what is known, and ids are texts. The definer needs SELECT on the tables and EXECUTE on
the functions, since they call each other. ``SQL_MODE`` is for the session that creates them, with
which it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import (
    Statement,
    quote_identifier,
)

SQL_MODE = Statement("SET SESSION sql_mode = %s", ("STRICT_ALL_TABLES",))
_KEY = "wanted_key VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_PLACEMENT = "wanted_placement VARCHAR(65) CHARACTER SET ascii COLLATE ascii_bin"
_VERSION = "wanted_version INT UNSIGNED"
_ID = "wanted_id VARCHAR(256) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
# At the head of every body; a message may have 128 characters.
_HEAD = """
  DECLARE said VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
  DECLARE own_topology VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT %s;"""
_KEY_BYTES = """
  DECLARE key_bytes VARBINARY(1024) DEFAULT CAST(wanted_key AS BINARY);"""
_CHECK_KEY = """
  IF wanted_key IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The key is NULL.';
  END IF;
  IF CHAR_LENGTH(wanted_key) > 255 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The key has more than 255 characters.';
  END IF;"""
_OF_VERSION = """x.topology = own_topology AND x.placement = wanted_placement
      AND x.version = wanted_version"""

_HASH = """BEGIN$check_key
  RETURN CAST(CONV(LEFT(SHA2(wanted_key, 256), 16), 16, 10) AS UNSIGNED);
END"""

_ID_NUMBER = """BEGIN
  IF wanted_id IS NULL OR wanted_id = '' OR wanted_id REGEXP '[^0-9]' OR CHAR_LENGTH(wanted_id) > 19
    OR (LEFT(wanted_id, 1) = '0' AND CHAR_LENGTH(wanted_id) > 1)
  THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'An id must be an integer without a sign.';
  END IF;
  RETURN CAST(wanted_id AS UNSIGNED);
END"""

_VERSION_FOR_KEY = """
  DECLARE held INT UNSIGNED DEFAULT NULL;
  $check_key
  SET held = (
    SELECT v.version FROM $schema.placement_version AS v
    JOIN $schema.placement_moved AS m
      ON m.topology = v.topology AND m.placement = v.placement AND m.version = v.version
    WHERE v.topology = own_topology AND v.placement = wanted_placement AND v.role = 'next'
      AND m.key_text = key_bytes
  );
  IF held IS NULL THEN
    SET held = (
      SELECT v.version FROM $schema.placement_version AS v
      WHERE v.topology = own_topology AND v.placement = wanted_placement AND v.role = 'current'
    );
  END IF;
  IF held IS NULL THEN
    SET said = CONCAT('There is no placement ', COALESCE(wanted_placement, 'NULL'), '.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;
  RETURN held;"""

_LOGICAL_IN_VERSION = """
  DECLARE total INT UNSIGNED DEFAULT NULL;
  DECLARE pinned INT UNSIGNED DEFAULT NULL;
  $check_key
  SET total = (SELECT x.logical_shards FROM $schema.placement_version AS x WHERE $of_version);
  IF total IS NULL THEN
    SET said = CONCAT('Placement ', COALESCE(wanted_placement, 'NULL'), ' has no version ',
      COALESCE(wanted_version, 'NULL'), ' with logical shards.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;
  SET pinned = (
    SELECT x.logical_shard FROM $schema.placement_pin AS x
    WHERE $of_version AND x.key_text = key_bytes
  );
  RETURN COALESCE(pinned, $schema.key_hash(wanted_key) MOD total);"""

_SHARD_IN_VERSION = """
  DECLARE found_kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL;
  DECLARE total, bits_of_shard, bits_of_type, bits_of_local, found INT UNSIGNED DEFAULT NULL;
  DECLARE hashed, id BIGINT UNSIGNED DEFAULT NULL;
  DECLARE logical INT UNSIGNED DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
  $check_key
  SELECT x.kind, x.slots, x.shard_bits, x.type_bits, x.local_bits
    INTO found_kind, total, bits_of_shard, bits_of_type, bits_of_local
    FROM $schema.placement_version AS x WHERE $of_version;
  IF found_kind IS NULL THEN
    SET said = CONCAT('Placement ', COALESCE(wanted_placement, 'NULL'), ' has no version ',
      COALESCE(wanted_version, 'NULL'), '.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;
  IF found_kind <> 'pre_sharded' THEN
    SET found = (
      SELECT x.shard_number FROM $schema.placement_pin AS x
      WHERE $of_version AND x.key_text = key_bytes
    );
    IF found IS NOT NULL THEN
      RETURN found;
    END IF;
  END IF;
  CASE found_kind
  WHEN 'directory' THEN
    SET found = (
      SELECT x.shard_number FROM $schema.placement_key AS x
      WHERE $of_version AND x.key_text = key_bytes
    );
  WHEN 'modulo' THEN
    SET hashed = $schema.key_hash(wanted_key);
    SET found = (
      SELECT x.shard_number FROM $schema.placement_slot AS x
      WHERE $of_version AND x.slot = hashed MOD total
    );
  WHEN 'ring' THEN
    SET hashed = $schema.key_hash(wanted_key);
    SET found = (
      SELECT x.shard_number FROM $schema.placement_point AS x
      WHERE $of_version AND x.point >= hashed ORDER BY x.point LIMIT 1
    );
    IF found IS NULL THEN
      SET found = (
        SELECT x.shard_number FROM $schema.placement_point AS x
        WHERE $of_version ORDER BY x.point LIMIT 1
      );
    END IF;
  WHEN 'pre_sharded' THEN
    SET logical = $schema.logical_shard_in_version(wanted_placement, wanted_version, wanted_key);
    SET found = (
      SELECT x.shard_number FROM $schema.placement_logical_shard AS x
      WHERE $of_version AND x.logical_shard = logical
    );
  WHEN 'id_bits' THEN
    SET id = $schema.id_number(wanted_key);
    IF id >> (bits_of_shard + bits_of_type + bits_of_local) > 0 THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The key is no id: it has too many bits.';
    END IF;
    SET found = (
      SELECT x.shard_number FROM $schema.placement_shard AS x
      WHERE $of_version AND x.shard_number = id >> (bits_of_type + bits_of_local)
    );
  END CASE;
  IF found IS NULL THEN
    SET said = CONCAT('Placement ', wanted_placement, ', version ', wanted_version,
      ', has no shard for this key.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;
  RETURN found;"""

_BITS = """
  DECLARE bits_of_shard, bits_of_type, bits_of_local, held INT UNSIGNED DEFAULT NULL;
  DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;
  SELECT x.shard_bits, x.type_bits, x.local_bits, x.version
    INTO bits_of_shard, bits_of_type, bits_of_local, held
    FROM $schema.placement_version AS x
    WHERE x.topology = own_topology AND x.placement = wanted_placement
      AND x.role IN ('current', 'next') AND x.kind = 'id_bits'
    ORDER BY x.role LIMIT 1;
  IF held IS NULL THEN
    SET said = CONCAT('There is no placement ', COALESCE(wanted_placement, 'NULL'),
      ' with shards in ids.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;"""
_SPLIT = """
  DECLARE id BIGINT UNSIGNED DEFAULT $schema.id_number(wanted_id);$bits
  IF id >> (bits_of_shard + bits_of_type + bits_of_local) > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'This is no id: it has too many bits.';
  END IF;
  RETURN """
_ID_SHARD = _SPLIT + "id >> (bits_of_type + bits_of_local);"
_ID_TYPE = _SPLIT + "(id >> bits_of_local) & ((1 << bits_of_type) - 1);"
_ID_LOCAL = _SPLIT + "id & ((1 << bits_of_local) - 1);"
_ID_OF_PARTS = """
  DECLARE of_shard BIGINT UNSIGNED DEFAULT $schema.id_number(wanted_shard_number);
  DECLARE of_type BIGINT UNSIGNED DEFAULT $schema.id_number(wanted_type);
  DECLARE of_local BIGINT UNSIGNED DEFAULT $schema.id_number(wanted_local);$bits
  IF NOT EXISTS (
    SELECT 1 FROM $schema.placement_shard AS x
    WHERE x.topology = own_topology AND x.placement = wanted_placement AND x.version = held
      AND x.shard_number = of_shard
  ) THEN
    SET said = CONCAT('Placement ', wanted_placement, ' has no shard ', of_shard, '.');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = said;
  END IF;
  IF of_type >> bits_of_type > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The type has too many bits.';
  END IF;
  IF of_local >> bits_of_local > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'The local part has too many bits.';
  END IF;
  RETURN (((of_shard << bits_of_type) | of_type) << bits_of_local) | of_local;"""


@dataclass(frozen=True)
class Function:
    """A stored function: its arguments, what it returns, and its body with $schema in it.

    ``reads`` tells whether it reads tables; one that does not runs with its caller's rights.
    """

    name: str
    arguments: str
    returns: str
    body: str
    reads: bool = True

    def create(
        self, schema: str, topology: str, definer: tuple[str, str] | None = None
    ) -> Statement:
        """Return the statement that creates it, for the placements of a topology.

        ``definer`` are the user and the host of the account with whose rights it reads; without
        one it is that of who creates it.
        """
        by = ""
        if definer is not None:
            by = "DEFINER = " + "@".join(quote_identifier(part) for part in definer) + " "
        traits = "READS SQL DATA SQL SECURITY DEFINER"
        body = f"BEGIN{_HEAD}{self.body}\nEND"
        if not self.reads:
            traits = "DETERMINISTIC NO SQL SQL SECURITY INVOKER"
            body = self.body
        body = body.replace("$bits", _BITS).replace("$check_key", _CHECK_KEY)
        return Statement(
            f"CREATE {by}FUNCTION {quote_identifier(schema)}.{quote_identifier(self.name)}"
            f"({self.arguments})\nRETURNS {self.returns} {traits}\n"
            + Template(body).substitute(schema=quote_identifier(schema), of_version=_OF_VERSION),
            (topology,) if self.reads else (),
        )

    def drop(self, schema: str) -> Statement:
        """Return the statement that drops it, if it is there."""
        return Statement(
            f"DROP FUNCTION IF EXISTS {quote_identifier(schema)}.{quote_identifier(self.name)}"
        )


def _nested(name: str) -> str:
    """Return the body that asks a version for a key which holds for it."""
    return f"""
  RETURN $schema.{name}(
    wanted_placement, $schema.placement_version_for_key(wanted_placement, wanted_key), wanted_key
  );"""


_NUMBER, _BIG = "INT UNSIGNED", "BIGINT UNSIGNED"
_PARTS = ", ".join(
    _ID.replace("wanted_id", f"wanted_{part}") for part in ("shard_number", "type", "local")
)
_IN_VERSION = f"{_PLACEMENT}, {_VERSION}, {_KEY}"
# In the order in which they are created: each calls those before it.
FUNCTIONS = (
    Function("key_hash", _KEY, _BIG, _HASH, reads=False),
    Function("id_number", _ID, _BIG, _ID_NUMBER, reads=False),
    Function(
        "placement_version_for_key",
        f"{_PLACEMENT}, {_KEY}",
        _NUMBER,
        _KEY_BYTES + _VERSION_FOR_KEY,
    ),
    Function("logical_shard_in_version", _IN_VERSION, _NUMBER, _KEY_BYTES + _LOGICAL_IN_VERSION),
    Function("shard_number_in_version", _IN_VERSION, _NUMBER, _KEY_BYTES + _SHARD_IN_VERSION),
    Function(
        "logical_shard_for_key",
        f"{_PLACEMENT}, {_KEY}",
        _NUMBER,
        _nested("logical_shard_in_version"),
    ),
    Function(
        "shard_number_for_key",
        f"{_PLACEMENT}, {_KEY}",
        _NUMBER,
        _nested("shard_number_in_version"),
    ),
    Function("id_shard_number", f"{_PLACEMENT}, {_ID}", _BIG, _ID_SHARD),
    Function("id_type", f"{_PLACEMENT}, {_ID}", _BIG, _ID_TYPE),
    Function("id_local", f"{_PLACEMENT}, {_ID}", _BIG, _ID_LOCAL),
    Function("id_of_parts", f"{_PLACEMENT}, {_PARTS}", _BIG, _ID_OF_PARTS),
)
