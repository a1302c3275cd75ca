"""Which read servers a purge waits for."""

from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.tables.purge_readers import (
    directory_problem,
    request_problems,
    told_readers,
)


def test_limit_may_leave_out_write_servers_alone() -> None:
    assert not request_problems(["r1", "f1"], ["w1", "w2"], ["w2", "r1", "f1"])
    (left_out,) = request_problems(["r1", "r2"], ["w1"], ["w1", "r1"])
    assert left_out.startswith("--limit leaves out r2, which must be asked")
    (nothing,) = request_problems(["r1"], ["w1"], ["r1"])
    assert nothing.startswith("No write server is part of this run")


def test_the_directory_has_read_servers_that_the_inventory_lacks() -> None:
    def told(name: str, kind: str = "read", state: str = "online") -> dict[str, object]:
        return {"name": name, "kind": kind, "state": state, "host": f"10.0.0.{name}", "port": 1}

    found = told_readers(
        [{"name": "r1"}],
        [
            *(told("r1"), told("r3"), told("r2", state="joining"), told("r4", state="retired")),
            *(told("w1", kind="write"), told("r3")),
        ],
    )
    assert [one["name"] for one in found] == ["r2", "r3"]
    assert found[1] == {
        **{"name": "r3", "host": "10.0.0.r3", "port": 1, "replication_user": "replication_r3"}
    }


def test_nobody_tells_of_the_directory() -> None:
    assert not directory_problem([], {})
    assert not directory_problem(["f1", "f2"], {"f1": "", "f2": "it is down"})
    (problem,) = directory_problem(["f1", "f2"], {"f1": "it is down"})
    assert "(f1: it is down; f2: not reached)" in problem
