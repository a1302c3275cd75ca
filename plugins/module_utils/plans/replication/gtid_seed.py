# Copyright: the dbrw.sharding maintainers
# GNU General Public License v3.0 or later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the GTIDs that a replica knows to those that its data contains.

Of a source whose transactions the replica knows already nothing is changed: a
lower position would apply rows twice, a higher one would leave rows out. So a
seed only adds sources (MySQL: uuids, MariaDB: domains) that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.plan import Plan, Step
from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channels import (
    START,
    STOP,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.gtid import (
    GtidPosition,
    GtidSet,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import (
    refuse_if_any,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    STARTED,
    Channel,
    ChannelStatus,
)

Origin = TypeVar("Origin")
Gtids = TypeVar("Gtids")

SEED = "seed"
TARGET = "GTIDs that are applied"


def problems_of(seeds: Sequence[str]) -> list[str]:
    """Say which texts neither flavour could read, before any server is asked."""
    found = []
    for seed in seeds:
        errors = []
        for flavour in (GtidSet, GtidPosition):
            try:
                flavour.parse(seed)
            except ValueError as error:
                errors.append(str(error))
        if len(errors) == 2:
            found.append(f"gtid_seed: {', and '.join(errors)}; give what the copy's tool wrote.")
    return found


def plan_set(seeds: Sequence[str], known: str) -> Plan:
    """Plan for MySQL, whose channels may run meanwhile. ``known`` is its gtid_executed."""
    executed = GtidSet.parse(known)
    wanted, problems = _by_origin(seeds, lambda text: GtidSet.parse(text).parts(), "source")
    for source, one in sorted(wanted.items()):
        if executed.of(source) and not executed.contains(one):
            problems.append(_would_skip(f"source {source}", executed.only([source]), one))
    refuse_if_any(problems)
    missing = GtidSet()
    for source, one in wanted.items():
        if not executed.of(source):
            missing = missing.union(one)
    if not missing.intervals:
        return Plan()
    after = executed.union(missing)
    return Plan((Step(SEED, TARGET, {"gtid": known}, {"gtid": str(after)}, str(missing)),))


def plan_position(
    seeds: Sequence[str],
    known: str,
    channels: Sequence[ChannelStatus],
    decided: Collection[str] = (),
) -> Plan:
    """Plan for MariaDB, which takes a position only while no channel runs.

    ``known`` is its gtid_slave_pos. Channels that run are stopped and started again.
    One that runs by half, as after an error, is only stopped if its key is in
    ``decided``: its own plan says whether it is to be started.
    """
    applied = GtidPosition.parse(known)
    wanted, problems = _by_origin(seeds, lambda text: GtidPosition.parse(text).parts(), "domain")
    for domain, one in sorted(wanted.items()):
        if domain in applied.domains and applied.domains[domain][1] < one.domains[domain][1]:
            problems.append(_would_skip(f"domain {domain}", applied.only([domain]), one))
    missing = GtidPosition(
        {
            domain: one.domains[domain]
            for domain, one in wanted.items()
            if domain not in applied.domains
        }
    )
    half = [
        one.name for one in channels if one.io_running != one.sql_running and one.key not in decided
    ]
    if missing.domains and half:
        problems.append(
            f"gtid_seed: channels {', '.join(half)} have only one of their two threads running, "
            "and this server accepts a position only while no channel runs: start or stop them "
            "first."
        )
    refuse_if_any(problems)
    if not missing.domains:
        return Plan()
    after = GtidPosition({**applied.domains, **missing.domains})
    seed_step = Step(SEED, TARGET, {"gtid": known}, {"gtid": str(after)}, str(missing))
    works = [one for one in channels if one.io_running or one.sql_running]
    return Plan(
        (
            *(_control(STOP, one) for one in works),
            seed_step,
            *(_control(START, one) for one in works if one.running),
        )
    )


def _control(action: str, status: ChannelStatus) -> Step:
    return Step(action, f"channel {status.name}", value=Channel(status.name, STARTED))


def _by_origin(
    seeds: Sequence[str], parts: Callable[[str], Mapping[Origin, Gtids]], kind: str
) -> tuple[dict[Origin, Gtids], list[str]]:
    """Return what the texts say of each source or domain, and what is wrong with them."""
    wanted: dict[Origin, Gtids] = {}
    problems = []
    for seed in seeds:
        try:
            given = parts(seed)
        except ValueError as error:
            problems.append(
                f"gtid_seed: {error}, which this server uses; GTIDs of the other flavour cannot be "
                "used here."
            )
            continue
        for origin, one in given.items():
            if wanted.setdefault(origin, one) != one:
                problems.append(
                    f"gtid_seed: {kind} {origin} is named twice, with {wanted[origin]} and with "
                    f"{one}. The data is at only one of them: name it once."
                )
    return wanted, problems


def _would_skip(what: str, known: object, wanted: object) -> str:
    return (
        f"gtid_seed: of {what} this server has {known} already, and {wanted} would skip what "
        "is between. Remove this source from the seed; if the data really contains it, "
        "empty the server and restore it again."
    )
