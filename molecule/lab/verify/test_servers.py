"""Every server: settings, accounts and channels, asked over the network."""

from __future__ import annotations

import ssl
from datetime import date, datetime, timezone

import pymysql
import pytest
from lab.servers import (
    FLAVOUR,
    TABLE,
    Server,
    application,
    read_servers,
    wait_until,
    write_servers,
)

WRITERS, READERS = write_servers(), read_servers()
SERVERS = [*WRITERS, *READERS]


def name_of(server: Server) -> str:
    return server.name


each_server = pytest.mark.parametrize("server", SERVERS, ids=name_of)
each_writer = pytest.mark.parametrize("writer", WRITERS, ids=name_of)
each_reader = pytest.mark.parametrize("reader", READERS, ids=name_of)


@each_server
def test_the_version_is_that_of_the_scenario(server: Server) -> None:
    assert server.variable("version").startswith({"mariadb": "11.8.", "mysql": "9.7."}[FLAVOUR])


def test_applications_know_all_servers() -> None:
    assert [server.name for server in SERVERS] == ["w1", "w2", "w3", "w4", "r1", "r2"]
    assert [server.datacenter for server in SERVERS] == ["dc1", "dc1", "dc2", "dc2", "dc1", "dc2"]


def test_no_two_servers_share_a_number() -> None:
    assert len({server.variable("server_id") for server in SERVERS}) == len(SERVERS)
    # Servers of one domain work until the first reconnect of a channel.
    domain = "gtid_domain_id" if FLAVOUR == "mariadb" else "server_uuid"
    assert len({server.variable(domain) for server in SERVERS}) == len(SERVERS)


@each_server
def test_settings_that_lose_nothing(server: Server) -> None:
    wanted = {
        "binlog_format": "ROW",
        "binlog_row_image": "FULL",
        "sync_binlog": "1",
        "innodb_flush_log_at_trx_commit": "1",
        "relay_log_recovery": {"mariadb": "ON", "mysql": "ON"}[FLAVOUR],
        "read_only": "ON" if server in READERS else "OFF",
    }
    if FLAVOUR == "mariadb":
        wanted |= {"slave_ddl_exec_mode": "STRICT", "slave_exec_mode": "STRICT"}
    assert {name: server.variable(name) for name in wanted} == wanted


@each_writer
def test_ids_of_its_own(writer: Server) -> None:
    pair = (writer.variable("auto_increment_increment"), writer.variable("auto_increment_offset"))
    assert pair == (str(application().increment), str(writer.offset))
    assert [one.offset for one in WRITERS] == [1, 2, 3, 4]


@each_writer
def test_a_write_server_has_a_primary_key_only(writer: Server) -> None:
    rows = writer.rows(f"SHOW INDEX FROM {TABLE}", user="application")
    assert [(row["Key_name"], row["Column_name"]) for row in rows] == [("PRIMARY", "id")]


@each_reader
def test_a_read_server_has_indexes_and_months(reader: Server) -> None:
    rows = reader.rows(f"SHOW INDEX FROM {TABLE}", user="application")
    assert {row["Key_name"] for row in rows} == {"PRIMARY", "request_id", "caller"}
    months = {
        row["name"]
        for row in reader.rows(
            "SELECT partition_name AS name FROM information_schema.partitions "
            "WHERE table_schema = 'usage_data' AND table_name = 'calls'",
            user="maintenance",
        )
    }
    assert {f"p{month:%Ym%m}" for month in this_month_and(3)} <= months, months


def this_month_and(ahead: int) -> list[date]:
    now = datetime.now(timezone.utc)
    months = [now.year * 12 + now.month - 1 + more for more in range(ahead + 1)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


@each_reader
def test_a_channel_from_each_write_server_over_verified_tls(reader: Server) -> None:
    names = {writer.name for writer in WRITERS}
    wait_until(
        lambda: reader.running_channels() == names, 10, f"{reader.name} does not follow {names}"
    )
    for writer in WRITERS:
        channel = reader.channels()[writer.name]
        assert channel["Source_Host"] == writer.address
        assert channel["Source_SSL_Allowed"] == "Yes"
        assert channel["Source_SSL_Verify_Server_Cert"] == "Yes"
        assert channel["Source_SSL_CA_File"] == "/etc/mysql/tls/ca.pem"
        # Tries again every few seconds, and never gives up.
        assert channel["Connect_Retry"] == 2
        if "Source_Retry_Count" in channel:
            assert channel["Source_Retry_Count"] == 0
        else:
            assert "--master_retry_count=2147483647\n" in reader.shell(
                "my_print_defaults --mariadbd"
            )


@each_server
def test_nobody_logs_in_without_tls(server: Server) -> None:
    users = ["application", "monitor", "maintenance", "operator"]
    if server in WRITERS:
        users += [f"replication_{reader.name}" for reader in READERS]
    for user in users:
        with pytest.raises(pymysql.OperationalError) as refused:
            server.login(user, ssl=None, ssl_disabled=True)
        # 1045: access denied, which does not say why. 2061, 2003 and others would be
        # something else than the account's own demand.
        assert refused.value.args[0] == 1045, refused.value


@each_server
def test_its_certificate_is_the_authoritys(server: Server) -> None:
    # Every other login of these tests has verified that it names the address, too.
    with pytest.raises(pymysql.OperationalError, match="certificate verify failed"):
        server.login("monitor", ssl=ssl.create_default_context())


@each_reader
@pytest.mark.parametrize(
    ("number", "sql"),
    [
        (1290, f"INSERT INTO {TABLE} (request_id, started_at, caller) VALUES ('', NOW(), '')"),
        (1290, f"DELETE FROM {TABLE}"),
        (1227, "SET GLOBAL read_only = OFF"),
    ],
)
def test_an_application_only_reads_on_a_read_server(reader: Server, number: int, sql: str) -> None:
    with pytest.raises(pymysql.OperationalError) as refused:
        reader.rows(sql, user="application")
    assert refused.value.args[0] == number
