"""site.yml on each line: two data centres, rows, faults and growth."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest
import yaml

from tests.integration.conftest import logged_beside_heartbeats
from tests.integration.lines import (
    LINES,
    ROOT,
    Host,
    Played,
    TestServer,
    Topology,
    host_of,
    running_topology,
    wait_until,
)

pytestmark = pytest.mark.lines("one")

WRITERS = ("w1", "w3")
READERS = ("r1",)
TABLE = "usage_data.flights"
INSERT = (
    f"INSERT INTO {TABLE} (request_id, scheduled_at, carrier, flight, origin, dest, distance) "
    "VALUES (%s, %s, 'UA', 1, 'EWR', 'IAH', 1400)"
)


@pytest.fixture(scope="module")
def site(host: Host) -> Iterator[Topology]:
    """Two data centres with a write server each and a read server, after one run of site.yml."""
    with running_topology(host, "site", *WRITERS, *READERS) as topology:
        topology.playbook("site.yml")
        yield topology


def application(site: Topology, server: TestServer) -> Any:
    """Log in as the application does, with what site.yml has told it."""
    told = json.loads((site.folder / "application.json").read_text())
    (found,) = [one for one in told["servers"] if one["name"] == server.name]
    return pymysql.connect(
        host=found["host"],
        port=found["port"],
        user=told["user"],
        password=told["password"],
        connect_timeout=2,
        read_timeout=5,
        autocommit=True,
    )


class Writer:
    """An application that inserts one row after another on one server.

    Without the pause between two rows a writer takes a processor, and its servers more.
    ``acknowledged`` are the request ids whose INSERT was answered; ``in_doubt``
    those whose answer was lost, which may or may not be there.
    """

    def __init__(
        self, site: Topology, server: TestServer, first_request: int, pause_seconds: float = 0.003
    ) -> None:
        self.site, self.server, self.request = site, server, first_request
        self.pause_seconds = pause_seconds
        self.acknowledged: list[int] = []
        self.in_doubt: list[int] = []
        self.refused: list[str] = []

    def write(self, until: threading.Event) -> None:
        connection = None
        while not until.is_set():
            try:
                connection = connection or application(self.site, self.server)
            except pymysql.OperationalError:
                time.sleep(0.05)
                continue
            self.request += 1
            try:
                with connection.cursor() as cursor:
                    month = self.request % 12 + 1
                    cursor.execute(INSERT, (self.request, f"2013-{month:02}-05 10:00:00"))
                self.acknowledged.append(self.request)
                time.sleep(self.pause_seconds)
            except (pymysql.OperationalError, pymysql.InterfaceError):
                self.in_doubt.append(self.request)
                connection = None
            except pymysql.MySQLError as error:
                self.refused.append(str(error))
                return


@contextmanager
def load(site: Topology, *writers: Writer) -> Iterator[None]:
    """Keep the writers writing while the block runs."""
    done = threading.Event()
    threads = [threading.Thread(target=one.write, args=(done,)) for one in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not [one.refused for one in writers if one.refused]


def request_ids(server: TestServer) -> list[int]:
    rows = server.rows(f"SELECT request_id FROM {TABLE} ORDER BY request_id")
    return [row["request_id"] for row in rows]


def assert_every_row_once(site: Topology, *writers: Writer) -> None:
    """Rule 2: what was acknowledged is on every read server exactly once, and nothing else."""
    on_writers = sorted(
        request for name in site_writers(site) for request in request_ids(site.server(name))
    )
    for writer in writers:
        assert writer.acknowledged
        assert set(writer.acknowledged) <= set(on_writers)
    for name in READERS:
        reader = site.server(name)
        try:
            wait_until(
                lambda reader=reader: (
                    reader.value(f"SELECT COUNT(*) FROM {TABLE}") >= len(on_writers)
                ),
                30,
                f"{name} lacks rows",
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{channel_report(reader)}") from None
        assert request_ids(reader) == on_writers
        twice = f"SELECT id FROM {TABLE} GROUP BY id HAVING COUNT(*) > 1"
        assert reader.rows(twice) == []


def site_writers(site: Topology) -> list[str]:
    return [name for name in (*WRITERS, "w5") if (site.folder / name / "data").is_dir()]


def channel_rows(reader: TestServer) -> dict[str, dict[str, Any]]:
    """Return each channel's status with the same words for both flavours."""
    mysql = reader.flavour == "mysql"
    rows = reader.rows("SHOW REPLICA STATUS" if mysql else "SHOW ALL SLAVES STATUS")
    kind = "Replica" if mysql else "Slave"
    return {
        row["Channel_Name" if mysql else "Connection_name"]: {
            "io": row[f"{kind}_IO_Running"],
            "sql": row[f"{kind}_SQL_Running"],
            "errors": (row["Last_IO_Error"], row["Last_SQL_Error"]),
        }
        for row in rows
    }


def channel_report(reader: TestServer) -> str:
    return f"{channel_rows(reader)}\n{reader.error_log()}"


def running_channels(reader: TestServer) -> set[str]:
    return {
        name
        for name, row in channel_rows(reader).items()
        if row["io"] == "Yes" and row["sql"] == "Yes"
    }


def receiving_threads(reader: TestServer) -> set[int]:
    """Return the numbers of the replication threads: a restarted channel has new ones."""
    rows = reader.rows(
        "SELECT processlist_id AS id FROM performance_schema.threads "
        "WHERE name = 'thread/sql/replica_io'"
        if reader.flavour == "mysql"
        else "SELECT id FROM information_schema.processlist WHERE command = 'Slave_IO'"
    )
    return {row["id"] for row in rows}


def test_check_mode_on_nothing_touches_nothing(host: Host, tmp_path: Path) -> None:
    with running_topology(host, "check", "w1", "r1") as topology:
        topology.playbook("site.yml", "--check")
        made = {path.name for path in topology.folder.glob("*")}
        # Passwords are made where they are looked up, which is no server.
        assert made - {"secrets"} == {"inventory"}, made


@pytest.fixture(scope="module")
def second_run(site: Topology) -> Played:
    """Run site.yml again on what it has made, telling all that it can tell.

    A number that is set on the command line is text.
    """
    return site.playbook("site.yml", "-vvv", "--extra-vars", "dbrw_increment=20")


@pytest.mark.lines("every")
def test_a_second_run_changes_nothing(site: Topology, second_run: Played) -> None:
    assert set(second_run.changed.values()) == {0}, second_run.output
    assert set(second_run.changed) == {*WRITERS, *READERS}
    print(f"{site.host.line.name}: second run of site.yml {second_run.seconds:.1f} s")
    # No authority was named, so none is told to applications.
    assert "tls_ca" not in json.loads((site.folder / "application.json").read_text())


@pytest.mark.lines("every")
def test_nothing_of_the_set_up_is_in_a_binary_log(site: Topology, second_run: Played) -> None:
    """It would travel through every channel: accounts, tables and DDL are each server's own."""
    for name in (*WRITERS, *READERS):
        assert logged_beside_heartbeats(site.server(name)) == [], name


@pytest.mark.flavour("mysql")
def test_channels_take_nothing_but_rows(site: Topology) -> None:
    reader = site.server("r1")
    asked = (
        "SELECT CHANNEL_NAME AS name FROM performance_schema.replication_applier_configuration "
        "WHERE REQUIRE_ROW_FORMAT = 'YES' ORDER BY name"
    )
    assert [row["name"] for row in reader.rows(asked)] == list(WRITERS)
    # A channel from before that was asked for is changed once, and no other is stopped.
    reader.rows("STOP REPLICA FOR CHANNEL 'w3'")
    reader.rows("CHANGE REPLICATION SOURCE TO REQUIRE_ROW_FORMAT = 0 FOR CHANNEL 'w3'")
    others = receiving_threads(reader)
    reader.rows("START REPLICA FOR CHANNEL 'w3'")
    wait_until(lambda: running_channels(reader) == set(WRITERS), 20, "w3 does not run")
    changed = site.playbook("read_servers.yml", "--limit", "r1")
    assert changed.changed == {"r1": 1}, changed.output
    assert [row["name"] for row in reader.rows(asked)] == list(WRITERS)
    after = receiving_threads(reader)
    assert len(others) == len(WRITERS) - 1 and others < after
    again = site.playbook("read_servers.yml", "--limit", "r1")
    assert again.changed == {"r1": 0} and receiving_threads(reader) == after, again.output


@pytest.mark.lines("every")
def test_no_secret_in_the_output(site: Topology, second_run: Played) -> None:
    secrets = [path.read_text().strip() for path in (site.folder / "secrets").iterdir()]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in second_run.output]
    for path in (*(site.folder / "secrets").iterdir(), site.folder / "application.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (site.folder / "clients").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.lines("every")
def test_rows_flow_from_each_writer_to_each_reader(site: Topology) -> None:
    for name in WRITERS:
        offset, server = int(name[1]), site.server(name)
        with application(site, server) as connection, connection.cursor() as cursor:
            for number in range(5):
                cursor.execute(INSERT, (-offset * 10 + number + 1000, "2013-07-04 12:00:00"))
        ids = [row["id"] for row in server.rows(f"SELECT id FROM {TABLE} ORDER BY id LIMIT 5")]
        # The article's numbers: 1, 21, 41, 61, 81 for offset 1, and so on.
        assert ids == [offset + 20 * step for step in range(5)]
    assert_every_row_once(site)
    # 63 mod 20 = 3: the third server holds the row, and an UPDATE goes there.
    with application(site, site.server("w3")) as connection, connection.cursor() as cursor:
        assert cursor.execute(f"UPDATE {TABLE} SET note = 'late' WHERE id = 63") == 1
    for name in READERS:
        reader = site.server(name)
        wait_until(
            lambda reader=reader: (
                reader.rows(f"SELECT note FROM {TABLE} WHERE id = 63") == [{"note": "late"}]
            ),
            20,
            "the UPDATE has not arrived",
        )
        assert reader.value(f"SELECT COUNT(*) FROM {TABLE} PARTITION (p2013m07)") == 10
        partitions = reader.rows(
            "SELECT partition_name AS name FROM information_schema.partitions "
            "WHERE table_schema = 'usage_data' AND table_name = 'flights' "
            "ORDER BY partition_ordinal_position"
        )
        year = [f"p2013m{month:02}" for month in range(1, 13)]
        assert [row["name"] for row in partitions] == [*year, "p2014m01", "p2014m02", "p2014m03"]


def test_a_write_server_is_killed_and_restarted(site: Topology) -> None:
    victim, other = site.server("w3"), site.server("w1")
    writers = Writer(site, victim, 100_000), Writer(site, other, 200_000)
    with load(site, *writers):
        time.sleep(1)
        victim.kill()
        before = len(writers[1].acknowledged)
        site.playbook("servers.yml", "--limit", "w3")
        # Inserting goes on elsewhere meanwhile, and afterwards here.
        assert len(writers[1].acknowledged) > before
        count = len(writers[0].acknowledged)
        wait_until(lambda: len(writers[0].acknowledged) > count + 20, 20, "w3 takes no rows")
    assert_every_row_once(site, *writers)
    ids = [row["id"] for row in victim.rows(f"SELECT id FROM {TABLE}")]
    assert {one % 20 for one in ids} == {3}


def test_a_read_server_is_killed_in_mid_apply(site: Topology) -> None:
    reader = site.server("r1")
    writers = [
        # More rows than it applies at once: some are on their way when it is killed.
        Writer(site, site.server(name), 300_000 + 100_000 * number, pause_seconds=0)
        for number, name in enumerate(WRITERS)
    ]
    with load(site, *writers):
        time.sleep(1)
        reader.kill()
        time.sleep(1)
        site.playbook("servers.yml", "--limit", "r1")
        time.sleep(1)
    wait_until(lambda: running_channels(reader) == set(WRITERS), 20, "not every channel is back")
    assert_every_row_once(site, *writers)


@pytest.mark.lines("later")
def test_a_changed_setting_restarts_one_server_after_the_other(site: Topology) -> None:
    settings = {"innodb_buffer_pool_size": "96M", "max_connections": 77}
    names = ("w1", "r1")
    limit = ("--limit", ",".join(names))
    servers = [site.server(name) for name in names]
    before = [(one.pid, (one.work_dir / "my.cnf").read_text()) for one in servers]
    predicted = site.playbook("site.yml", "--check", *limit, mysqld_settings=settings)
    assert before == [(one.pid, (one.work_dir / "my.cnf").read_text()) for one in servers]
    changed = site.playbook("servers.yml", *limit, mysqld_settings=settings)
    for played in (predicted, changed):
        # Each gets its file, and is restarted, in a play of its own; there is no other change.
        assert played.output.count("PLAY [Servers | Restart those") == len(names), played.output
        assert played.changed == dict.fromkeys(names, 1), played.output
    for one in servers:
        assert one.value("SELECT @@max_connections") == 77
    assert_every_row_once(site)


@pytest.mark.lines("later")
def test_every_server_is_restarted(site: Topology) -> None:
    site.playbook("servers_stop.yml")
    # With the settings of before, where the test above has changed them.
    started = site.playbook("site.yml")
    assert started.changed == dict.fromkeys((*WRITERS, *READERS), 1), started.output
    for name in (*WRITERS, *READERS):
        assert site.server(name).value("SELECT @@max_connections") != 77
    # The ids go on in their own classes, and the channels find their places.
    for name in WRITERS:
        with application(site, site.server(name)) as connection, connection.cursor() as cursor:
            cursor.execute(INSERT, (700_000 + int(name[1]), "2013-12-31 23:59:59"))
            assert cursor.lastrowid % 20 == int(name[1])
    assert_every_row_once(site)
    for name in READERS:
        assert running_channels(site.server(name)) == set(WRITERS)


@pytest.mark.lines("later")
def test_servers_started_by_hand_with_a_wrong_file_are_put_right_one_at_a_time(
    site: Topology,
) -> None:
    for name in WRITERS:
        server = site.server(name)
        file = server.work_dir / "my.cnf"
        file.write_text(file.read_text().replace("sync_binlog = 1", "sync_binlog = 0"))
        server.kill()
        start_by_hand(server)
        assert server.value("SELECT @@sync_binlog") == 0
    limit = ("--limit", "w1,w3,r1")
    put_right = site.playbook("servers.yml", *limit)
    assert put_right.output.count("PLAY [Servers | Restart those") == len(WRITERS), put_right.output
    assert put_right.changed == {"w1": 1, "w3": 1, "r1": 0}, put_right.output
    for name in WRITERS:
        assert site.server(name).value("SELECT @@sync_binlog") == 1
    again = site.playbook("servers.yml", *limit)
    assert set(again.changed.values()) == {0}, again.output


def start_by_hand(server: TestServer) -> None:
    """Start a server with its option file, as somebody at night would."""
    file = server.work_dir / "my.cnf"
    program = "$(command -v mariadbd || command -v mysqld)"
    server.host.run(
        "sh", "-c", f"setsid {program} --defaults-file={file} </dev/null >/dev/null 2>&1 &"
    )
    wait_until(server.answers, 30, f"{server.name} does not answer")


def test_growing_by_a_server_disturbs_no_channel(site: Topology, tmp_path: Path) -> None:
    grown = tmp_path / "hosts.yml"
    newcomer = {
        "dbrw_datacenter": "dc2",
        # What a template works out is text before ansible-core 2.19.
        "dbrw_server_id": "{{ groups['write_servers'] | length + 2 }}",
        "dbrw_offset": "{{ dbrw_server_id }}",
        "dbrw_address": f"127.2.{site.net}.5",
    }
    grown.write_text(yaml.safe_dump({"write_servers": {"hosts": {"w5": newcomer}}}))
    before = {name: receiving_threads(site.server(name)) for name in READERS}
    writers = [
        Writer(site, site.server(name), first_request, pause_seconds=0.02)
        for name, first_request in (("w1", 800_000), ("w3", 900_000))
    ]
    try:
        with load(site, *writers):
            # Nobody follows the newcomer yet, so applications do not hear of it.
            site.playbook("site.yml", "-i", str(grown), "--limit", "w5")
            told = (site.folder / "application.json").read_text()
            assert '"w5"' not in told
            played = site.playbook("site.yml", "-i", str(grown))
        assert '"w5"' in (site.folder / "application.json").read_text()
        # The file for applications is counted where the play runs once. The newcomer writes
        # heartbeats once the read server has a place for them.
        assert played.changed == {"w1": 1, "w3": 0, "w5": 1, "r1": 2}, played.output
        for name in READERS:
            reader = site.server(name)
            assert running_channels(reader) == {*WRITERS, "w5"}
            assert len(before[name]) == len(WRITERS)
            assert before[name] <= receiving_threads(reader)
        with application(site, site.server("w5")) as connection, connection.cursor() as cursor:
            cursor.execute(INSERT, (999_999, "2013-01-01 00:00:00"))
            assert cursor.lastrowid == 5
        assert_every_row_once(site, *writers)
        # A second run on the newcomer is the one above.
        again = site.playbook("read_servers.yml", "-i", str(grown), "--limit", "r1")
        assert again.changed == {"r1": 0}, again.output
    finally:
        site.playbook("servers_stop.yml", "-i", str(grown), "--limit", "w5")


def test_all_mistakes_are_told_at_once_and_nothing_is_touched(tmp_path: Path) -> None:
    """Of one line: they are told before any server is asked."""
    mistakes = tmp_path / "hosts.yml"
    local = {"dbrw_address": "127.1.{{ local_net }}.9"}
    hosts = {
        "w6": {**local, "dbrw_datacenter": "dc1", "dbrw_server_id": 1, "dbrw_offset": 2},
        "w7": {"dbrw_datacenter": "dc1", "dbrw_server_id": 7, "dbrw_gtid_domain_id": 2},
        "w8": {**local, "dbrw_server_id": 8, "dbrw_offset": 21, "dbrw_increment": 10},
        "w9": {
            "dbrw_datacenter": "dc1",
            "dbrw_address": "127.1.{{ local_net }}.10",
            "dbrw_server_id": "nine",
            "dbrw_offset": 9,
            "dbrw_monitor_password": "",
            "dbrw_application_password": "{{ vaulted_nowhere }}",
        },
    }
    mistakes.write_text(yaml.safe_dump({"write_servers": {"hosts": hosts}}))
    with host_of(LINES[0]) as host, running_topology(host, "mistakes") as topology:
        played = topology.try_playbook("site.yml", "-i", str(mistakes))
        assert played.code != 0
        # ansible-core 2.18 shows them in YAML, which doubles a quote between quotes.
        said = " ".join(played.output.split()).replace("''", "'")
        for text in (
            "w2, w6: the same offset 2",
            "w1, w6: the same dbrw_server_id 1",
            "w6, w8: the same address",
            "w7: dbrw_offset is not set",
            "w7: dbrw_address is not set",
            "w2, w7: the same GTID domain 2",
            "w8: offset 21 is above increment 10",
            "Different increments (10 on w8; 20 on w1, w2, w3, w4, w6, w9)",
            "w8: dbrw_datacenter is not set",
            "w9: dbrw_server_id is 'nine'; it must be a whole number",
            "w9: the secret dbrw_monitor_password is missing or empty",
            "w9: the secret dbrw_application_password is missing or empty",
        ):
            assert text in said, text
        assert "nothing has been touched" in said
        # A run on one host that is right by itself is judged with all the others.
        limited = topology.try_playbook("site.yml", "-i", str(mistakes), "--limit", "w3")
        assert limited.code != 0 and "nothing has been touched" in limited.output
        assert not [path for path in topology.folder.glob("*") if path.name != "secrets"]


def test_servers_that_would_lose_rows_are_refused(site: Topology) -> None:
    writer, reader = site.server("w1"), site.server("r1")
    writer.rows("SET GLOBAL binlog_row_image = 'MINIMAL'")
    name = "replica_exec_mode" if reader.flavour == "mysql" else "slave_ddl_exec_mode"
    reader.rows(f"SET GLOBAL {name} = 'IDEMPOTENT'")
    try:
        refused = site.try_playbook("write_servers.yml", "--limit", "w1")
        assert (
            refused.code != 0 and "binlog_row_image is MINIMAL and must be FULL" in refused.output
        )
        refused = site.try_playbook("read_servers.yml", "--limit", "r1")
        assert refused.code != 0 and f"{name} is IDEMPOTENT and must be STRICT" in refused.output
        if site.host.line.name == "mariadb-10.11":
            # No certificate, and accounts that demand TLS.
            for play in ("write_servers.yml", "read_servers.yml"):
                refused = site.try_playbook(play, dbrw_require_tls=True)
                assert refused.code != 0 and "have_ssl is DISABLED" in refused.output
    finally:
        writer.rows("SET GLOBAL binlog_row_image = 'FULL'")
        reader.rows(f"SET GLOBAL {name} = 'STRICT'")


@pytest.mark.lines("later")
def test_a_table_that_gets_an_index_gets_its_months_in_the_same_run(site: Topology) -> None:
    reader = site.server("r1")
    (flights,) = yaml.safe_load((ROOT / "inventories/local/group_vars/all.yml").read_text())[
        "dbrw_usage_tables"
    ]
    # Its last month is 2014-03.
    flights["months_ahead"] = 5
    flights["indexes"].append({"name": "by_tail", "columns": ["tailnum"]})
    # A table that is not there yet gets both, and its months are told once.
    calls = {
        **flights,
        "name": "calls",
        "definition": flights["definition"].replace("TABLE flights", "TABLE calls"),
    }
    variables = {"dbrw_usage_tables": [flights, calls], "read_server_add_indexes": True}

    def last_months() -> list[str]:
        rows = reader.rows(
            "SELECT partition_name AS name FROM information_schema.partitions "
            "WHERE table_schema = 'usage_data' AND table_name = 'flights' "
            "ORDER BY partition_ordinal_position DESC LIMIT 2"
        )
        return [row["name"] for row in rows]

    before = last_months()
    predicted = site.playbook("read_servers.yml", "--check", "--limit", "r1", **variables)
    assert last_months() == before == ["p2014m03", "p2014m02"]
    assert reader.rows("SHOW TABLES FROM usage_data LIKE 'calls'") == []
    done = site.playbook("read_servers.yml", "--limit", "r1", **variables)
    for played in (predicted, done):
        assert played.changed == {"r1": 2}, played.output
        months = played.output.split("Ensure the months ahead")[1].split("TASK [")[0]
        assert "p2014m05" in months and "calls" not in months, played.output
    assert last_months() == ["p2014m05", "p2014m04"]
    assert reader.rows("SHOW INDEX FROM usage_data.flights WHERE Key_name = 'by_tail'")
    again = site.playbook("read_servers.yml", "--limit", "r1", **variables)
    assert again.changed == {"r1": 0}, again.output


@pytest.mark.lines("later")
def test_a_write_server_that_lost_its_disk_is_refused_until_it_numbers_on(site: Topology) -> None:
    w1, r1 = site.server("w1"), site.server("r1")
    of_w1 = f"SELECT MAX(id) FROM {TABLE} WHERE id MOD 20 = 1"
    for number in range(3):
        with application(site, w1) as connection, connection.cursor() as cursor:
            cursor.execute(INSERT, (9000 + number, "2013-07-04 12:00:00"))
            last = cursor.lastrowid
    wait_until(lambda: r1.value(of_w1) == last, 20, "r1 has not got the rows of w1")
    told = site.folder / "application.json"
    told.unlink()

    w1.kill()
    site.host.run("rm", "-r", str(w1.work_dir / "data"))
    refused = site.try_playbook("site.yml")
    assert refused.code != 0, refused.output
    assert (
        f"{TABLE}: this server's next id is 1, and ids of its class (1 modulo 20)" in refused.output
    )
    assert f"next_id_above: {{{TABLE}: {last}}}" in refused.output
    # Before an account was made, and before applications are told of it.
    assert not w1.rows("SELECT 1 FROM mysql.user WHERE user IN ('application', 'replication_r1')")
    assert not told.exists() and r1.value(of_w1) == last

    # MariaDB's transactions are named by their domain, and no name is given twice.
    above = {
        "dbrw_next_id_above": f"{{{{ {{'{TABLE}': {last}}} "
        "if inventory_hostname == 'w1' else {} }}",
        "dbrw_gtid_domain_id": "{{ 1001 if inventory_hostname == 'w1' else dbrw_server_id }}",
    }
    site.playbook("site.yml", **above)
    with application(site, w1) as connection, connection.cursor() as cursor:
        cursor.execute(INSERT, (9003, "2013-07-04 12:00:00"))
        assert cursor.lastrowid == last + 20
    wait_until(lambda: r1.value(of_w1) == last + 20, 20, "r1 has not got the row of w1")
    again = site.playbook("site.yml", **above)
    assert set(again.changed.values()) == {0}, again.output
    # Once it has rows it needs no floor.
    bare = {"dbrw_gtid_domain_id": above["dbrw_gtid_domain_id"]}
    assert set(site.playbook("site.yml", **bare).changed.values()) == {0}
