"""Another password, account, address or certificate for channels that work."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.certificates import make_authority, make_certificate
from tests.integration.conftest import outside_binary_log, restart
from tests.integration.lines import PORT, TestServer, Topology, wait_until
from tests.integration.modules import run_module
from tests.support.replication import (
    MODULE,
    PASSWORD,
    USER,
    channels,
    control,
    follow,
    followed,
    status,
    threads,
)

# As long as MySQL's channels keep, with what an SQL text or a line of a file could spoil.
NEW = f"fresh n'w\\ \"# %s {'x' * 14} "
assert len(NEW) == 32
# The most that channels keep, in bytes.
LONGEST = {"mysql": 32, "mariadb": 96}


@pytest.fixture
def table(schema: str) -> str:
    return f"{schema}.t"


def set_password(source: TestServer, password: str, user: str = USER) -> None:
    """Change the account at the source alone; a channel that is connected stays so."""
    quoted = password.replace("\\", "\\\\").replace("'", "''")
    outside_binary_log(source, f"ALTER USER {user} IDENTIFIED BY '{quoted}'")
    # What MySQL remembers of earlier logins goes with the password.
    source.rows("FLUSH PRIVILEGES")


def reconnect(source: TestServer, replica: TestServer) -> dict[str, Any]:
    """End the channel's connection at the source; return its status once it has tried again."""
    dumps = source.rows(
        "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%'"
    )
    assert dumps, "the source has no replica"
    for row in dumps:
        source.rows(f"KILL {row['id']}")

    def tried() -> Any:
        new = source.rows(
            "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%'"
        )
        shown = status(replica, "w1")
        connected = shown["replica_io_running"] == "Yes" and new and new != dumps
        return (connected or shown["last_io_errno"] == 1045) and shown

    told: dict[str, Any] = wait_until(tried, 20, "the channel has not tried to connect again")
    return told


def test_a_password_that_was_changed_at_the_source_is_changed_in_the_channel(
    replica: TestServer, source: TestServer, table: str
) -> None:
    set_password(source, NEW)
    # Its connection is the one of before, so that no error tells.
    assert channels(replica)["w1"]["connected"]
    predicted = follow(replica, source, check=True, source_password=NEW)
    assert predicted["changed"], predicted
    for number in range(100):
        source.rows(f"INSERT INTO {table} VALUES ({number})")
    done = follow(replica, source, source_password=NEW, wait=True)
    assert done["changed"] and "failed" not in done, done
    assert done["statements"] == predicted["statements"]
    assert "fresh" not in str(done) and "hushed" not in str(done)
    assert replica.value(f"SELECT COUNT(*) FROM {table}") == 100
    assert reconnect(source, replica)["replica_io_running"] == "Yes"
    before = threads(replica)
    again = follow(replica, source, source_password=NEW, wait=True)
    assert not again["changed"] and threads(replica) == before, again
    assert not again["warnings"], again
    # Nor is it needed any more to ask the source.
    assert "failed" not in run_module(MODULE, replica, channel="w1", wait=True)


def test_a_working_channel_is_not_stopped_for_a_password_that_is_wrong(
    replica: TestServer, source: TestServer, table: str
) -> None:
    before = threads(replica)
    for check in (True, False):
        refused = follow(replica, source, check=check, source_password="mistaken")
        assert refused["failed"] and not refused["changed"], refused
        assert "channel w1 is connected, and would be stopped for source_password" in refused["msg"]
        assert "1045" in refused["msg"] and "It keeps running unchanged" in refused["msg"], refused
        assert "mistaken" not in str(refused)
    always = follow(replica, source, source_password="mistaken", update_password="always")
    assert always["failed"] and threads(replica) == before, always
    assert channels(replica)["w1"]["running"]
    assert not follow(replica, source)["changed"]
    # Whoever says so has it changed all the same, and is told what came of it; so is one that
    # asks for the channel only, as it then is.
    forced = follow(
        replica, source, source_password="mistaken", check_sources=False, state="present"
    )
    assert forced["failed"] and forced["changed"] and "1045" in forced["msg"], forced
    # What does not work is changed without a trial.
    assert "failed" not in follow(replica, source, wait=True)


@pytest.mark.parametrize("given", ["user", "port", "host"])
def test_a_working_channel_is_not_stopped_for_another_account_or_address_that_fails(
    replica: TestServer, source: TestServer, table: str, given: str
) -> None:
    """The source demands what the channel would not do, is elsewhere, or nobody is there."""
    changed: dict[str, Any] = {
        "user": {"source_user": "nobody"},
        "port": {"source_port": 13999},
        "host": {"source_host": "127.0.0.250"},
    }[given]
    before = threads(replica)
    (channel,) = [{"channel": "w1", "source_host": source.address, "source_port": PORT, **changed}]
    refused = follow(replica, source, channels=[channel], **{**changed})
    assert refused["failed"] and not refused["changed"], refused
    assert f"would be stopped for source_{given}, with which" in refused["msg"], refused
    assert threads(replica) == before and channels(replica)["w1"]["running"]
    # A source that is away all the same can be given another address.
    control(replica, "STOP", "w1")
    moved = follow(replica, source, channels=[channel], state="present", **{**changed})
    assert moved["changed"] and "failed" not in moved, moved


@pytest.mark.lines("every")
def test_tls_is_tried_as_the_channel_would_speak_it(
    replica: TestServer, source: TestServer, table: str, bare: Topology
) -> None:
    """Without TLS where the account demands it, and with what the source does not speak."""
    tls = {"source_ssl": True, "source_ssl_verify_server_cert": False}
    encrypted = follow(replica, source, wait=True, **tls)
    if bare.host.line.name == "mariadb-10.11":
        # Its servers have no certificate by themselves.
        assert encrypted["failed"] and not encrypted["changed"], encrypted
        assert "source_ssl" in encrypted["msg"] and channels(replica)["w1"]["running"]
        return
    assert "failed" not in encrypted, encrypted
    outside_binary_log(source, f"ALTER USER {USER} REQUIRE SSL")
    before = threads(replica)
    plain = follow(replica, source, **{**tls, "source_ssl": False})
    assert plain["failed"] and "source_ssl, with which" in plain["msg"], plain
    away = follow(replica, source, **tls, source_ssl_ca="/no/such/ca.pem")
    assert away["failed"] and "source_ssl_ca /no/such/ca.pem cannot be read" in away["msg"], away
    if replica.flavour == "mysql":
        source.rows("SET GLOBAL tls_version = 'TLSv1.3'")
        source.rows("ALTER INSTANCE RELOAD TLS")
        try:
            old = follow(replica, source, **tls, source_tls_version="TLSv1.2")
            assert old["failed"] and "source_tls_version, with which" in old["msg"], old
        finally:
            source.rows("SET GLOBAL tls_version = 'TLSv1.2,TLSv1.3'")
            source.rows("ALTER INSTANCE RELOAD TLS")
    assert threads(replica) == before and channels(replica)["w1"]["running"]


@pytest.mark.parametrize("check", [True, False])
def test_what_a_server_does_not_keep_is_refused_before_anything_is_touched(
    replica: TestServer, source: TestServer, table: str, check: bool
) -> None:
    longest = LONGEST[replica.flavour]
    long = {
        "source_password": "x" * (longest + 1),
        "source_user": "\u00fc" * 65,
        "source_ssl_ca": "/" + "c" * 511,
    }
    before = threads(replica)
    for given, name in (
        # Bytes count, not characters.
        ({"source_password": "\u00fc" * (longest // 2 + 1)}, "source_password"),
        (long, "source_password"),
        (long, "source_user"),
        (long, "source_ssl_ca"),
    ):
        refused = follow(
            replica, source, check=check, check_sources=False, channels=[{"channel": "w1"}], **given
        )
        assert refused["failed"] and not refused["changed"], refused
        assert f"{name} has " in refused["msg"] and f"{replica.flavour} stores" in refused["msg"]
        assert "xxx" not in str(refused)
    for spoiled in ("line\nfeed", "smile \U0001f600"):
        refused = follow(replica, source, check=check, source_password=spoiled)
        assert refused["failed"] and "which servers do not keep" in refused["msg"], refused
    assert threads(replica) == before and channels(replica)["w1"]["running"]


def test_the_longest_texts_are_kept(replica: TestServer, source: TestServer, table: str) -> None:
    """One byte more is refused: these are the servers' own limits."""
    password = "p" * LONGEST[replica.flavour]
    wanted = {
        "source_password": password,
        "source_user": "u" * (96 if replica.flavour == "mysql" else 128),
        "source_ssl_ca": "/" + "c" * 510,
        "source_host": ".".join(["h" * 63] * 4),
        "state": "stopped",
        "channels": [{"channel": "w1"}],
        "check_sources": False,
        "heartbeat_seconds": 999999.5,
    }
    made = follow(replica, source, **wanted)
    assert made["changed"] and "failed" not in made, made
    shown = channels(replica)["w1"]["settings"]
    assert all(shown[name] == wanted[name] for name in shown.keys() & wanted.keys()), shown
    assert not follow(replica, source, **wanted)["changed"]


def test_names_that_are_the_same_to_the_server_are_no_change(
    replica: TestServer, source: TestServer, table: str
) -> None:
    given: dict[str, Any] = {"source_host": "LocalHost", "source_port": 13999}
    stays: dict[str, Any] = {"source_host": "localhost", "source_port": 13999}
    if replica.flavour == "mysql":
        outside_binary_log(
            replica,
            "CREATE USER applier@localhost ACCOUNT LOCK",
            "GRANT REPLICATION_APPLIER ON *.* TO applier@localhost",
        )
        given |= {
            "privilege_checks_user": "applier@LOCALHOST",
            "source_tls_version": "TLSv1.3,TLSv1.2",
        }
        stays |= {
            "privilege_checks_user": "applier@LocalHost",
            "source_tls_version": "TLSv1.2,TLSv1.3",
        }
    try:
        made = run_module(MODULE, replica, channel="w2", source_user=USER, **given)
        assert made["changed"] and "failed" not in made, made
        for spelling in (given, stays):
            again = run_module(MODULE, replica, channel="w2", source_user=USER, **spelling)
            assert not again["changed"] and again["statements"] == [], again
        # Under two spellings a source would be followed twice, and every row come twice.
        twice = run_module(MODULE, replica, channel="w3", source_user=USER, **stays)
        assert twice["failed"] and "channels w2, w3 have the same source" in twice["msg"], twice
    finally:
        run_module(MODULE, replica, channel="w2", state="absent")
        if replica.flavour == "mysql":
            outside_binary_log(replica, "DROP USER applier@localhost")


@contextmanager
def passwords_unseen(bare: Topology, replica: TestServer) -> Iterator[dict[str, Any]]:
    """Give login options with which the stored passwords cannot be seen."""
    if replica.flavour == "mysql":
        outside_binary_log(
            replica,
            "CREATE USER keeper IDENTIFIED BY 'k'",
            "GRANT REPLICATION CLIENT, REPLICATION_SLAVE_ADMIN ON *.* TO keeper",
            "GRANT SELECT ON performance_schema.* TO keeper",
        )
        yield {"login_user": "keeper", "login_password": "k"}
        outside_binary_log(replica, "DROP USER keeper")
        return
    elsewhere = replica.work_dir / "data" / "sources.info"
    replica.kill()
    settings = {"master_info_file": str(elsewhere), "master_retry_count": 2147483647}
    bare.playbook("servers.yml", "--limit", "r1", mysqld_settings=settings)
    yield {}
    restart(bare, replica)


def test_a_password_that_cannot_be_seen_is_told_and_changed_when_asked(
    replica: TestServer, source: TestServer, bare: Topology
) -> None:
    schema = f"test_{secrets.token_hex(4)}"
    with (
        passwords_unseen(bare, replica) as login,
        followed(replica, [source], schema, "t (id INT PRIMARY KEY)"),
    ):
        made = follow(replica, source, wait=True, **login)
        assert "failed" not in made, made
        set_password(source, NEW)
        before = threads(replica)
        unknown = follow(replica, source, source_password=NEW, **login)
        assert not unknown["changed"] and threads(replica) == before, unknown
        assert any(
            "Whether channels w1 have stored this source_password cannot be seen" in warning
            for warning in unknown["warnings"]
        ), unknown
        waited = run_module(MODULE, replica, channel="w1", wait=True, **login)
        assert waited["failed"] and "the source_password is needed" in waited["msg"], waited
        done = follow(replica, source, source_password=NEW, update_password="always", **login)
        assert done["changed"] and "failed" not in done, done
        assert reconnect(source, replica)["replica_io_running"] == "Yes"
        # Nobody has told: the next attempt to connect does, and then the next run mends it.
        set_password(source, PASSWORD)
        assert reconnect(source, replica)["last_io_errno"] == 1045
        mended = follow(replica, source, wait=True, **login)
        assert mended["changed"] and "failed" not in mended, mended
        # An account that is renamed keeps the password that nobody sees: it cannot be tried.
        lost = run_module(MODULE, replica, channel="w1", source_user="other", **login)
        assert lost["failed"] and "give the source_password" in lost["msg"], lost
        assert channels(replica)["w1"]["running"]


def test_a_new_authority_vouches_before_the_source_changes_its_certificate(
    replica: TestServer, source: TestServer, bare: Topology, table: str
) -> None:
    """An authority is replaced as the operations page says: both, then the source, then the new."""
    folder = bare.folder / "rollover"
    folder.mkdir(exist_ok=True)
    for authority in ("old", "new"):
        make_authority(folder, authority)
        make_certificate(folder, f"by_{authority}", f"IP:{source.address}", authority)
    served = folder / "served.pem", folder / "served.key"
    trusted = folder / "trusted.pem"

    def serve(authority: str) -> None:
        for file in served:
            file.write_bytes((folder / f"by_{authority}{file.suffix}").read_bytes())

    def trust(*authorities: str) -> None:
        trusted.write_text("".join((folder / f"{one}.pem").read_text() for one in authorities))

    serve("old")
    trust("old")
    reload = "ALTER INSTANCE RELOAD TLS" if source.flavour == "mysql" else "FLUSH SSL"
    source.kill()
    files = {"ca": str(trusted), "cert": str(served[0]), "key": str(served[1])}
    bare.playbook("servers.yml", "--limit", "w1", mysqld_tls=files)
    try:
        wait_until(
            lambda: status(replica, "w1")["replica_io_running"] == "Yes", 20, "it is not back"
        )
        verified = {
            "source_ssl": True,
            "source_ssl_ca": str(trusted),
            "source_ssl_verify_server_cert": True,
        }
        assert "failed" not in follow(replica, source, wait=True, **verified)
        # An authority that does not vouch for the source is tried, and nothing is cut off.
        before = threads(replica)
        wrong = follow(replica, source, **{**verified, "source_ssl_ca": str(folder / "new.pem")})
        assert wrong["failed"] and "source_ssl_ca, with which" in wrong["msg"], wrong
        assert threads(replica) == before
        for step in (
            lambda: trust("old", "new"),
            lambda: (serve("new"), source.rows(reload)),
            lambda: trust("new"),
        ):
            step()
            assert reconnect(source, replica)["replica_io_running"] == "Yes"
            assert not follow(replica, source, wait=True, **verified)["changed"]
    finally:
        restart(bare, source)
