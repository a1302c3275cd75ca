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
      - Without it, the host that O(config_file) names, else V(localhost).
      - Not used when O(login_unix_socket) is given.
    type: str
  login_port:
    description:
      - TCP port of the server.
      - Without it, the port that O(config_file) names, else V(3306).
    type: int
  login_user:
    description:
      - User to log in as.
      - Without it, the user that O(config_file) names, else the operating system's user.
    type: str
  login_password:
    description:
      - Password to log in with.
      - Without it, the password that O(config_file) names.
    type: str
  login_unix_socket:
    description:
      - Path of the server's unix domain socket, for logging in on the server's own host.
      - Without it, the socket that O(config_file) names, unless another host than V(localhost), or
        O(login_port), is asked for.
    type: str
  config_file:
    description:
      - Option file of the client; it need not exist.
      - It is read as the servers' own clients read it, with comments, quotes, escapes, C(!include)
        and C(!includedir), and ignored, with a warning, when everybody can write to it. What is
        taken is C(user), C(password), C(host), C(port), C(socket), C(ssl-ca), C(ssl-cert) and
        C(ssl-key) of the groups C([client]), C([client-server]) and C([client-mariadb]); the last
        line that names an option counts. A file that cannot be understood fails the module.
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
