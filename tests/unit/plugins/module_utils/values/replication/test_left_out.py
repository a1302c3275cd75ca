"""What channels leave out beside filters."""

from __future__ import annotations

import pytest

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.left_out import (
    LeftOut,
    numbers,
)


@pytest.mark.parametrize(
    ("left_out", "server_id", "domains", "said"),
    [
        (LeftOut(), None, set(), []),
        (LeftOut(skip_counter=3, until="Gtid"), 1, {1}, []),
        (LeftOut(ignore_server_ids=(1, 7)), 1, {1}, ["IGNORE_SERVER_IDS = (1, 7)"]),
        # Of a source that is not known nobody can tell.
        (LeftOut(ignore_server_ids=(7,)), None, {1}, ["IGNORE_SERVER_IDS = (7)"]),
        (LeftOut(ignore_server_ids=(7,)), 1, {1}, []),
        (LeftOut(ignore_domain_ids=(1,)), 1, {1}, ["IGNORE_DOMAIN_IDS = (1)"]),
        (LeftOut(ignore_domain_ids=(7,)), 1, {1, 7}, ["IGNORE_DOMAIN_IDS = (7)"]),
        (LeftOut(ignore_domain_ids=(7,)), 1, set(), ["IGNORE_DOMAIN_IDS = (7)"]),
        (LeftOut(ignore_domain_ids=(7,)), 1, {1}, []),
        (LeftOut(do_domain_ids=(7, 8)), 1, {1}, ["DO_DOMAIN_IDS = (7, 8)"]),
        (LeftOut(do_domain_ids=(1,)), 1, set(), ["DO_DOMAIN_IDS = (1)"]),
        (LeftOut(do_domain_ids=(1,)), 1, {1, 2}, ["DO_DOMAIN_IDS = (1)"]),
        (LeftOut(do_domain_ids=(1, 2)), 1, {1}, []),
    ],
)
def test_what_is_against_a_source(
    left_out: LeftOut, server_id: int | None, domains: set[int], said: list[str]
) -> None:
    assert left_out.against(server_id, domains) == said


def test_it_is_told() -> None:
    assert LeftOut((1,), (2,), (3,), 4, "Gtid").told() == {
        "do_domain_ids": [1],
        "ignore_domain_ids": [2],
        "ignore_server_ids": [3],
        "skip_counter": 4,
        "until": "Gtid",
    }
    assert LeftOut().told()["until"] is None


def test_numbers_as_servers_show_them() -> None:
    assert numbers("7, 8") == (7, 8)
    assert numbers("") == numbers(None) == ()
