# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that logs in to a server."""

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the server."""

    DOCUMENTATION = r"""
options:
  login_host:
    description:
      - Host of the server.
      - Not used when O(login_unix_socket) is given.
    type: str
    default: localhost
  login_port:
    description: TCP port of the server.
    type: int
    default: 3306
  login_user:
    description:
      - User to log in as.
      - Without it, the user that O(config_file) names, else the operating system's user.
    type: str
  login_password:
    description: Password to log in with.
    type: str
  login_unix_socket:
    description: Path of the server's unix domain socket, for logging in on the server's own host.
    type: str
  config_file:
    description: Option file of the client to read, section C(client); it need not exist.
    type: path
    default: ~/.my.cnf
  ca_cert:
    description:
      - File with the certificate authority that has signed the server's certificate.
      - Given this, the connection uses TLS and the certificate is verified.
    type: path
    aliases: [ssl_ca]
  client_cert:
    description: File with the client's certificate.
    type: path
    aliases: [ssl_cert]
  client_key:
    description: File with the key of the client's certificate.
    type: path
    aliases: [ssl_key]
  check_hostname:
    description: Whether the server's certificate must name the host that was asked for.
    type: bool
  connect_timeout:
    description: Seconds that logging in may take.
    type: int
    default: 10
requirements:
  - PyMySQL on the host that runs the module (Debian's package is python3-pymysql)
  - cryptography there too, for accounts with caching_sha2_password on connections without TLS
"""
