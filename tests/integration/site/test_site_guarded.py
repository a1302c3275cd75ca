"""site.yml where servers demand TLS, modules log in over TCP, and write servers hold more.

One write server and one read server. The playbooks log in over TCP, with an account
that demands TLS too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from examples import dbrw
from tests.integration.certificates import make_authority, make_certificate, shows_another
from tests.integration.conftest import outside_binary_log
from tests.integration.lines import (
    PORT,
    ROOT,
    Host,
    Played,
    TestServer,
    Topology,
    running_topology,
    wait_until,
)
from tests.integration.modules import run_module
from tests.support.replication import status, threads

pytestmark = pytest.mark.lines("one")

INFO = "mysql_replication_channel_info"
INSERT = (
    "INSERT INTO usage_data.flights "
    "(request_id, scheduled_at, carrier, flight, origin, dest, distance) "
    "VALUES (%s, '2013-07-04 12:00:00', 'UA', 1, 'EWR', 'IAH', 1400)"
)


@dataclass
class Guarded:
    """The two servers, and how their playbooks are run."""

    topology: Topology
    variables: dict[str, Any]

    @property
    def tls(self) -> Path:
        return self.topology.folder / "tls"

    @property
    def writer(self) -> TestServer:
        return self.topology.server("w1")

    @property
    def reader(self) -> TestServer:
        return self.topology.server("r1")

    def playbook(self, name: str, *arguments: str, **variables: Any) -> Played:
        given = {**self.variables, **variables}
        return self.topology.playbook(name, *arguments, **given)

    def try_playbook(self, name: str, **variables: Any) -> Played:
        given = {**self.variables, **variables}
        return self.topology.try_playbook(name, **given)

    def application(self) -> dbrw.Topology:
        """Return the servers as an application reads them from its file."""
        return dbrw.Topology.from_file(self.topology.folder / "application.json")


@pytest.fixture(scope="module")
def guarded(host: Host) -> Iterator[Guarded]:
    with running_topology(host, "guarded", "w1", "r1") as topology:
        folder = topology.folder
        tls = folder / "tls"
        tls.mkdir(parents=True)
        for authority in ("ca", "other_ca"):
            make_authority(tls, authority)
        for name in ("w1", "r1"):
            make_certificate(tls, name, f"IP:{topology.server(name).address}")
        variables = {
            "mysqld_tls": {
                "ca": f"{tls}/ca.pem",
                "cert": f"{tls}/{{{{ inventory_hostname }}}}.pem",
                "key": f"{tls}/{{{{ inventory_hostname }}}}.key",
            },
            "dbrw_require_tls": True,
            "dbrw_tls_ca": f"{tls}/ca.pem",
            "dbrw_application_tls_ca": f"{tls}/ca.pem",
            "dbrw_login": {
                "login_host": "{{ dbrw_address }}",
                "login_port": PORT,
                "login_user": "operator",
                "login_password": "opera t'or",
                "ca_cert": f"{tls}/ca.pem",
                "check_hostname": True,
            },
        }
        found = Guarded(topology, variables)
        topology.playbook("servers.yml", mysqld_tls=variables["mysqld_tls"])
        for server in (found.writer, found.reader):
            outside_binary_log(
                server,
                "CREATE USER operator IDENTIFIED BY 'opera t''or' REQUIRE SSL",
                "GRANT ALL ON *.* TO operator WITH GRANT OPTION",
            )
        made = found.playbook("site.yml")
        # The write server was asked for its settings, over TLS too.
        assert "settings are unknown" not in made.output, made.output
        yield found


def test_a_second_run_over_tcp_changes_nothing(guarded: Guarded) -> None:
    again = guarded.playbook("site.yml")
    assert set(again.changed.values()) == {0}, again.output
    (channel,) = run_module(INFO, guarded.reader)["channels"]
    assert channel["running"] and channel["settings"]["source_ssl"]
    assert channel["settings"]["source_ssl_verify_server_cert"]
    assert channel["settings"]["source_ssl_ca"] == f"{guarded.tls}/ca.pem"


def test_an_application_verifies_the_servers(guarded: Guarded) -> None:
    known = guarded.application()
    assert known.tls_ca == f"{guarded.tls}/ca.pem"
    client = dbrw.Client(known, "dc1")
    assert client.insert(INSERT, (1,)).name == "w1"
    wait_until(
        lambda: client.select("SELECT request_id FROM usage_data.flights") == [(1,)],
        20,
        f"the row has not arrived: {run_module(INFO, guarded.reader)}",
    )
    client.close()
    # Another authority, and a server that is another one: nothing was sent.
    refusing = dbrw.Client(replace(known, tls_ca=f"{guarded.tls}/other_ca.pem"), "dc1")
    with pytest.raises(dbrw.NoServer, match="certificate verify failed"):
        refusing.insert(INSERT, (2,))
    with (
        shows_another(guarded.writer, guarded.tls, "w1", "r1"),
        pytest.raises(dbrw.NoServer, match="certificate is not valid for"),
    ):
        dbrw.Client(known, "dc1").insert(INSERT, (3,))
    assert guarded.writer.rows("SELECT request_id FROM usage_data.flights") == [{"request_id": 1}]


def test_without_an_authority_an_application_encrypts_and_verifies_nobody(
    guarded: Guarded,
) -> None:
    known = guarded.application()
    (server,) = known.of_kind(dbrw.WRITE)
    # The account itself demands TLS: without it there is no login.
    with pytest.raises(pymysql.OperationalError, match="Access denied|insecure transport"):
        pymysql.connect(
            host=server.host,
            port=server.port,
            user=known.user,
            password=known.password,
            ssl_disabled=True,
        )
    client = dbrw.Client(replace(known, tls_ca=""), "dc1")
    ((_name, cipher),), _count = client.on(server, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher
    client.close()


@pytest.mark.lines("later")
def test_an_authority_is_tried_before_a_channel_is_stopped_for_it(guarded: Guarded) -> None:
    reader = guarded.reader
    before = threads(reader)
    other = guarded.try_playbook("read_servers.yml", dbrw_tls_ca=f"{guarded.tls}/other_ca.pem")
    assert other.code != 0, other.output
    said = "channel w1 is connected, and would be stopped for source_ssl_ca"
    assert said in " ".join(other.output.split()), other.output
    assert threads(reader) == before
    both = guarded.tls / "both.pem"
    both.write_text("".join((guarded.tls / f"{one}.pem").read_text() for one in ("ca", "other_ca")))
    for file in (both, guarded.tls / "ca.pem"):
        done = guarded.playbook("read_servers.yml", dbrw_tls_ca=str(file))
        assert done.changed == {"r1": 1}, done.output
        told = status(reader, "w1")
        assert told["source_ssl_ca_file"] == str(file) and told["replica_io_running"] == "Yes"


@pytest.mark.lines("later")
def test_rows_of_other_schemas_are_filtered(guarded: Guarded) -> None:
    reader, writer = guarded.reader, guarded.writer
    file = reader.work_dir / "conf.d" / "filters.cnf"
    filters = {"do_databases": ["usage_data"]}
    named = {"dbrw_replication_filters_file": str(file)}

    # A schema that the read server lacks.
    outside_binary_log(writer, "CREATE SCHEMA billing", "CREATE TABLE billing.t (id INT)")
    writer.rows("INSERT INTO billing.t VALUES (1)")
    wait_until(lambda: status(reader, "w1")["last_sql_errno"], 20, "the channel goes on")

    # A filter that forgets a new usage table is told before the table is made.
    flights = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())
    tables = flights["dbrw_usage_tables"]
    tables.append({**tables[0], "name": "calls"})
    tables[1]["definition"] = tables[0]["definition"].replace("TABLE flights", "TABLE calls")
    forgotten = {"do_databases": ["usage_data"], "do_tables": ["usage_data.flights"]}
    refused = guarded.try_playbook(
        "read_servers.yml", dbrw_replication_filters=forgotten, dbrw_usage_tables=tables, **named
    )
    assert refused.code != 0, refused.output
    said = "filters of w1: do_tables excludes usage_data.calls"
    assert said in " ".join(refused.output.split()), refused.output
    assert reader.rows("SHOW TABLES FROM usage_data LIKE 'calls'") == []
    assert not file.exists()

    done = guarded.playbook("read_servers.yml", dbrw_replication_filters=filters, **named)
    assert done.changed == {"r1": 1}, done.output
    # Heartbeats pass, without being named.
    assert set(status(reader, "w1")["replicate_do_db"].split(",")) == {"usage_data", "dbrw"}
    assert "usage_data" in file.read_text()
    writer.rows("INSERT INTO billing.t VALUES (2)")
    before = threads(reader)
    again = guarded.playbook("read_servers.yml", dbrw_replication_filters=filters, **named)
    assert again.changed == {"r1": 0} and threads(reader) == before, again.output
    # The file is named, and no filter: then there is none.
    assert guarded.playbook("read_servers.yml", **named).changed == {"r1": 1}
    assert status(reader, "w1")["replicate_do_db"] == ""
