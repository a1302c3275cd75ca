#!/usr/bin/python
# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: mysql_schema_info
short_description: Tell what schemas are made of, as fingerprints to compare
description:
  - Returns a fingerprint of each schema, and of each table, view, function, procedure, trigger and
    event in it. Two servers of one version that tell the same are made alike.
  - What differs between servers that are made alike is left out. That is the next number of a table,
    the account that has made an object, and whether an event is on.
  - Rows are not compared.
version_added: 0.1.0
options:
  schemas:
    description: The schemas. One that the server does not have is returned as such.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - dbrw.sharding.login
  - dbrw.sharding.attributes.info
seealso:
  - module: dbrw.sharding.mysql_server_info
notes:
  - The account needs SELECT and SHOW VIEW on the schemas, TRIGGER and EVENT where there are some, and
    on MySQL SHOW_ROUTINE for routines that others have made.
"""

EXAMPLES = r"""
- name: Server | Look how the common schemas are made here
  dbrw.sharding.mysql_schema_info:
    login_unix_socket: /run/mysqld/mysqld.sock
    schemas: [customers, prices]
"""

RETURN = r"""
schemas:
  description: The schemas in the order in which they were named.
  returned: success
  type: list
  elements: dict
  contains:
    schema:
      description: Its name, as the server stores it.
      type: str
    fingerprint:
      description: One text for all that it is made of; null where there is no such schema.
      type: str
    objects:
      description: The fingerprint of each object, by its kind and name, such as C(table prices).
      type: dict
"""

from ansible_collections.dbrw.sharding.plugins.module_utils.operations.tables import schema_info
from ansible_collections.dbrw.sharding.plugins.module_utils.run.operation import run


def main():
    run(schema_info.SchemaInfo())


if __name__ == "__main__":
    main()
