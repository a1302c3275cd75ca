# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a server's replication channels, and changing them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    CHANGE,
    FILTER,
    REMOVE,
    START,
    STOP,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.connection import (
    Login,
    Row,
    Server,
    ServerError,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.dialect import Dialect
from ansible_collections.dbrw.sharding.plugins.module_utils.server.questions import (
    Answers,
    ask_servers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication import (
    channel_filters,
    channel_passwords,
    channel_promises,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_observation import (
    SELECT_DENIED,
    with_details,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    COMPARED,
    FILES,
    PUBLIC_KEY,
    ChannelStatus,
    Fault,
    Settings,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
    numbers,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import Secret
from ansible_collections.dbrw.sharding.plugins.module_utils.values.statement import Statement

_BOOLEANS = {
    "source_ssl",
    "source_ssl_verify_server_cert",
    "get_source_public_key",
    "require_row_format",
    "auto_position",
}
_TRUE = {"yes", "1", "true", "slave_pos", "current_pos"}
# How long one statement that waits may take before the channel is looked at again; well below
# the shortest time that an answer may be given, 1 s: a wait must not look like a server that hangs.
_SLICE_SECONDS = 0.5
# To MySQL no time at all means without end.
_LEAST_SECONDS = 0.01


def read(server: Server, with_passwords: bool = False) -> list[ChannelStatus]:
    """Read every channel of the server, in the order of their names."""
    columns = server.dialect.channel_columns
    rows = [
        {
            **{name: row.get(column) for name, column in columns.items()},
            "filters": channel_filters.of(server.dialect, row),
        }
        for row in server.rows(server.dialect.show_channels)
    ]
    appliers = channel_promises.applier_settings(server)
    heartbeats = _heartbeats(server)
    passwords = channel_passwords.stored(server, rows) if with_passwords else {}
    found = sorted(
        (
            _status(
                {**row, **appliers.get(row["name"], {})},
                heartbeats.get(row["name"]),
                passwords.get(row["name"]),
            )
            # MySQL keeps an empty default channel once there has been one.
            for row in rows
            if row["source_host"]
        ),
        key=lambda status: status.key,
    )
    return with_details(server, found)


def statements(step: Step, server: Server) -> list[Statement]:
    """Return the SQL of one step of a channels plan."""
    dialect = server.dialect
    if step.action == CHANGE:
        channel, changes = step.value
        return [change(dialect, channel.name, changes)]
    if step.action == FILTER:
        channel, filters = step.value
        return [channel_filters.change(dialect, channel.name, filters)]
    template = {
        STOP: dialect.stop_channel,
        START: dialect.start_channel,
        REMOVE: dialect.remove_channel,
    }[step.action]
    return [Statement(template.format(channel="%s"), (step.value.name,))]


def change(
    dialect: Dialect, name: str, changes: Mapping[str, Any], demoted: bool = False
) -> Statement:
    """Return what sets a channel's settings (``COMPARED``, the place to begin, the password).

    ``demoted``: the server has been written to, and goes on from there; MariaDB must be told.
    """
    words: list[str] = []
    values: list[Any] = []
    for option in (*COMPARED, "source_log_file", "source_log_position", "source_password"):
        # An option that the server has no word for is one that it does not need.
        if option not in changes or option not in dialect.channel_options:
            continue
        if option == "auto_position":
            given = dialect.auto_position_words[bool(changes[option])]
            words.append(f"{dialect.channel_options[option]} = {given}")
        elif option == "privilege_checks_user":
            account = channel_promises.user_and_host(changes[option]) if changes[option] else ()
            words.append(f"{dialect.channel_options[option]} = {'%s@%s' if account else 'NULL'}")
            values.extend(account)
        else:
            words.append(f"{dialect.channel_options[option]} = %s")
            values.append(_bindable(changes[option]))
    if demoted and dialect.demoted:
        words.append(dialect.demoted)
    sql = dialect.change_channel.format(options=", ".join(words), channel="%s")
    channel_first = dialect.change_channel.index("{channel}") < dialect.change_channel.index(
        "{options}"
    )
    return Statement(sql, (name, *values) if channel_first else (*values, name))


def _bindable(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    # The statement takes 2.5 and not 2.5e0, which a float would be sent as.
    return Decimal(str(value)) if isinstance(value, float) else value


def source_login(settings: Settings, password: Secret, timeout: float) -> Login:
    """Return how a channel logs in to its source, with the channel's own account.

    ``timeout`` in seconds bounds the connection and each answer. Raises ``ServerError``
    where the channel's files are not on this host.
    """
    no_tls = settings.source_ssl is False
    missing = [
        f"{name} {path}"
        for name in FILES
        for path in [getattr(settings, name)]
        if path and (name == PUBLIC_KEY) is no_tls and not os.access(path, os.R_OK)
    ]
    if missing:
        raise ServerError(
            f"{settings.source_host}:{settings.source_port}",
            f"no login from here, where {', '.join(missing)} cannot be read",
        )
    return Login(
        host=str(settings.source_host),
        port=int(settings.source_port or 3306),
        user=settings.source_user,
        password=password,
        ca_cert=settings.source_ssl_ca or None,
        client_cert=settings.source_ssl_cert or None,
        client_key=settings.source_ssl_key or None,
        # MariaDB 11.4 and later says that it verifies where there is nothing to
        # verify with, too.
        check_hostname=settings.source_ssl_verify_server_cert if settings.source_ssl_ca else None,
        unverified_tls=bool(settings.source_ssl and not settings.source_ssl_ca),
        no_tls=no_tls,
        tls_versions=settings.tls_versions,
        public_key=(settings.source_public_key_path or None) if no_tls else None,
        connect_timeout=timeout,
        read_timeout=timeout,
    )


def source_positions(
    sources: Mapping[str, tuple[ChannelStatus, Secret]], seconds: float
) -> Answers[str]:
    """Ask the sources of channels, by their keys, how far each has written.

    Each is asked with its channel's own account. Only the source knows what it has committed:
    a replica of a source that hangs says that it is 0 seconds behind.
    """

    def position(_key: str, source: Server) -> str:
        said = source.row(source.dialect.source_position)
        return own_transactions(str(said["position"] or ""), str(said["uuid"] or ""))

    logins = {
        key: partial(source_login, status.settings, password, seconds)
        for key, (status, password) in sources.items()
    }
    return ask_servers(logins, position, seconds)


def own_transactions(position: str, uuid: str) -> str:
    """Keep of a GTID set what the server of ``uuid`` has committed itself.

    What came to a source by another channel need not pass through this one.
    Without a uuid (MariaDB) the position holds only what is in the source's log.
    """
    if not uuid:
        return position
    sets = (part.strip() for part in position.split(","))
    return ",".join(part for part in sets if part.lower().startswith(uuid.lower()))


def has_applied(server: Server, position: str, seconds: float) -> bool:
    """Return whether the server has applied all up to ``position``.

    Waits for it for ``seconds``, but for one slice of them at most, so that the caller can look
    at the channel meanwhile.
    """
    if not position:
        return True
    seconds = max(_LEAST_SECONDS, min(seconds, _SLICE_SECONDS))
    answer = server.row(server.dialect.wait_for_position, position, seconds)
    return bool(answer["waited"] == 0)


def _status(row: Row, heartbeat: float | None, password: Secret | None) -> ChannelStatus:
    settings: dict[str, Any] = {name: row.get(name) for name in COMPARED}
    for name in _BOOLEANS & settings.keys():
        if settings[name] is not None:
            settings[name] = str(settings[name]).lower() in _TRUE
    for name in ("source_port", "connect_retry_seconds", "retry_count", "source_delay_seconds"):
        if settings[name] is not None:
            settings[name] = int(settings[name])
    if heartbeat is None and settings["heartbeat_seconds"] is not None:
        heartbeat = settings["heartbeat_seconds"]
    settings["heartbeat_seconds"] = None if heartbeat is None else float(heartbeat)
    behind = row["seconds_behind_source"]
    io_running = str(row["io_running"]).lower()
    return ChannelStatus(
        name=str(row["name"]),
        settings=Settings(**settings),
        password=password,
        # MariaDB says Preparing for a thread that has not come to connecting yet.
        io_running=io_running in ("yes", "connecting", "preparing"),
        connected=io_running == "yes",
        sql_running=str(row["sql_running"]).lower() == "yes",
        io_state=str(row["io_state"] or ""),
        sql_state=str(row.get("sql_state") or ""),
        io_fault=Fault(int(row["io_errno"] or 0), str(row["io_error"] or "")),
        sql_fault=Fault(int(row["sql_errno"] or 0), str(row["sql_error"] or "")),
        seconds_behind_source=None if behind is None else int(behind),
        gtid_received=_one_line(row["gtid_received"]),
        gtid_applied=_one_line(row["gtid_applied"]),
        source_server_id=int(row["source_server_id"] or 0) or None,
        source_uuid=row.get("source_uuid") or None,
        filters=row["filters"],
        left_out=LeftOut(
            do_domain_ids=numbers(row.get("do_domain_ids")),
            ignore_domain_ids=numbers(row.get("ignore_domain_ids")),
            ignore_server_ids=numbers(row.get("ignore_server_ids")),
            skip_counter=int(row.get("skip_counter") or 0),
            until="" if row.get("until") in (None, "None") else str(row["until"]),
        ),
        source_log_file=row.get("source_log_file") or None,
        source_log_position=int(row.get("source_log_position") or 0) or None,
        received_log_file=row.get("received_log_file") or None,
        received_log_position=int(row.get("received_log_position") or 0) or None,
    )


def _one_line(gtids: Any) -> str:
    return str(gtids or "").replace("\n", "")


def _heartbeats(server: Server) -> dict[Any, float]:
    if "heartbeat_seconds" in server.dialect.channel_columns:
        return {}
    try:
        rows = server.rows(
            "SELECT CHANNEL_NAME AS name, HEARTBEAT_INTERVAL AS seconds "
            "FROM performance_schema.replication_connection_configuration"
        )
    except ServerError as error:
        if error.number != SELECT_DENIED:
            raise
        # A monitor may ask for the status and not for this; then it is not shown.
        return {}
    return {row["name"]: float(row["seconds"]) for row in rows}
