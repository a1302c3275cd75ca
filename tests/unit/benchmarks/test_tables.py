from __future__ import annotations

from benchmarks.servers import Played, usage_tables
from benchmarks.tables import MANY, ONE, Tables, judged, table


def many(one, ten):
    """Return a run each; the two give the seconds with one usage table and with ten."""
    return Tables(4, {ONE: [Played(one, one, "")], MANY: [Played(ten, ten, "")]})


def test_the_aim():
    assert "**met**, 1.20 times" in judged(many(1.0, 1.2))
    assert "**missed**, 2.40 times" in judged(many(1.0, 2.4))


def test_the_table():
    assert table(many(1.0, 1.1)).rows == [["1", "1.0", "1.0"], ["10", "1.1", "1.1"]]


def test_the_tables_differ_in_their_names_alone():
    first, second, third = usage_tables(3)
    assert [one["name"] for one in (first, second, third)] == ["flights", "flights_2", "flights_3"]
    assert "CREATE TABLE flights_3 (" in third["definition"]
    assert {**second, "name": "", "definition": ""} == {**first, "name": "", "definition": ""}
