from __future__ import annotations

from ansible_collections.dbrw.sharding.plugins.filter.tenants_report import FilterModule

report = FilterModule().filters()["tenants_report"]


def test_a_table() -> None:
    one = {
        "name": "Customer 1",
        "shard": "s1",
        "schema": "customer_1",
        "state": "present",
        "locked": False,
        "drop_after": None,
        "tables": 12,
        "bytes": 3 * 2**20,
    }
    gone = {**one, "name": "C2", "shard": None, "state": "absent", "tables": 0, "bytes": 0}
    kept = {**gone, "shard": "s2", "locked": True, "drop_after": "2026-12-04 12:00:00"}
    assert report([one, {**one, "locked": True}, gone, kept]) == [
        "tenant      shard  schema      state                                        tables  MiB",
        "Customer 1  s1     customer_1  open                                             12  3.0",
        "Customer 1  s1     customer_1  locked                                           12  3.0",
        "C2                 customer_1  absent                                            0  0.0",
        "C2          s2     customer_1  gone, dropped after 2026-12-04 12:00:00 UTC       0  0.0",
    ]
