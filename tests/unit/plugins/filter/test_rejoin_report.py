"""What only one member has, as lines to read."""

from __future__ import annotations

from typing import Any

from ansible_collections.dbrw.sharding.plugins.filter.rejoin_report import rejoin_report

CHANGES: list[dict[str, Any]] = [
    {
        **{"transaction": "201-201-6", "at": "2026-11-27 02:40:06", "change": "update"},
        **{"table": "shop.t", "before": {"id": "4"}, "after": {"id": "4", "tag": "'a'"}},
    },
    {
        **{"transaction": "201-201-7", "at": "2026-11-27 02:40:07", "change": "statement"},
        "statement": "DROP TABLE shop.t",
    },
]


def errant(**more: Any) -> dict[str, Any]:
    found = {"changes": [], "count": 0, "transactions": 0}
    told = {"gtids": "", "transactions": 0, "unseen": False, "found": found, "saved_to": None}
    return {**told, **more}


def test_a_member_that_has_nothing_of_its_own() -> None:
    assert rejoin_report({"why": "f1 is new", "errant": errant()}) == ["f1 is new."]


def test_changes_are_shown_one_a_line() -> None:
    found = {"changes": CHANGES, "count": 3, "transactions": 2}
    told = errant(gtids="201-201-7", transactions=2, found=found, saved_to="/srv/errant.txt")
    assert rejoin_report({"why": "f1 has 201-201-7", "errant": told}) == [
        "f1 has 201-201-7.",
        "Transactions that only it has: 2; in its binary log are 2 of them, with 3 changes.",
        "201-201-6  2026-11-27 02:40:06  update  shop.t  id=4 -> id=4, tag='a'",
        "201-201-7  2026-11-27 02:40:07  statement  DROP TABLE shop.t",
        "... and 1 more",
        "All of it is saved in /srv/errant.txt.",
    ]


def test_what_an_earlier_run_has_saved_is_not_read_again() -> None:
    told = errant(gtids="201-201-7", transactions=2, saved_to="/srv/errant.txt")
    assert rejoin_report({"why": "f1 has 201-201-7", "errant": told}) == [
        "f1 has 201-201-7.",
        "Transactions that only it has: 2.",
        "All of it is saved in /srv/errant.txt.",
    ]
    part = rejoin_report({"why": "f1 has 201-201-7", "errant": {**told, "unseen": True}})
    assert part[-1] == "What its binary log still has of it is saved in /srv/errant.txt."
    # Its logs are gone: that there are none to show is said.
    gone = errant(gtids="201-201-7", transactions=2)
    assert "in its binary log are 0 of them, with 0 changes." in "".join(
        rejoin_report({"why": "f1 has 201-201-7", "errant": gone})
    )
