"""The file of filters: every channel's block, whoever of them a call names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.plans.replication.channel_filters import (
    HEADER,
    PERSIST_FILTERS,
    FiltersFile,
    file_steps,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.server.replication.channel_filters import (
    LINES,
    WORDS,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.config_file import ConfigFile
from ansible_collections.dbrw.sharding.plugins.module_utils.values.problems import Refused
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    ABSENT,
    PRESENT,
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel_filters import (
    Filters,
)

A = Filters(do_databases=("a",))
FULL = Filters.of(
    {
        "do_databases": ["b", "a"],
        "wild_do_tables": [r"a\_b.%"],
        "rewrite_databases": [{"from": "a", "to": "b"}],
    }
)


def written(
    desired: list[Channel],
    text: str | None = None,
    flavour: str = "mysql",
    present: dict[str, ChannelStatus] | None = None,
) -> str | None:
    """Return the file's text after a run, None where there is no file."""
    file = FiltersFile(ConfigFile("/f.cnf", text), LINES[flavour], WORDS)
    steps = file_steps(desired, present or {}, file)
    if not steps:
        return text
    (step,) = steps
    assert (step.action, step.target) == (PERSIST_FILTERS, "/f.cnf")
    assert step.before == (None if text is None else {"text": text})
    assert step.after == {"text": step.value.text} and step.value.path == "/f.cnf"
    assert step.value.text != text
    again = replace(file, file=step.value)
    assert file_steps(desired, present or {}, again) == []
    result: str | None = step.value.text
    return result


def test_mysql_names_the_channel_before_the_filter() -> None:
    assert written([Channel("w1", PRESENT, filters=FULL)]) == HEADER + (
        "# channel w1\n"
        "replicate_do_db = w1:a\n"
        "replicate_do_db = w1:b\n"
        "replicate_wild_do_table = w1:a\\\\_b.%\n"
        "replicate_rewrite_db = w1:a->b\n"
    )


def test_mariadb_names_it_before_the_option() -> None:
    assert written([Channel("w1", PRESENT, filters=FULL)], flavour="mariadb") == HEADER + (
        "# channel w1\n"
        "w1.replicate_do_db = a\n"
        "w1.replicate_do_db = b\n"
        "w1.replicate_wild_do_table = a\\\\_b.%\n"
        "w1.replicate_rewrite_db = a->b\n"
    )


def test_a_call_keeps_the_blocks_of_channels_that_it_does_not_name() -> None:
    both = written([Channel("w2", PRESENT, filters=A), Channel("w1", PRESENT, filters=FULL)])
    assert both is not None and both.index("# channel w1") < both.index("# channel w2")
    # Another channel, one whose filters are not spoken of, and one without any.
    assert (
        written([Channel("w3", PRESENT), Channel("w4", PRESENT, filters=Filters())], both) == both
    )
    assert written([Channel("w1", PRESENT)], both) == both
    for going in (Channel("W1", ABSENT), Channel("w1", PRESENT, filters=Filters())):
        left = written([going], both)
        assert left == written([Channel("w2", PRESENT, filters=A)])
    assert written([Channel("w1", ABSENT), Channel("w2", ABSENT)], both) == HEADER


def test_nothing_to_write_makes_no_file() -> None:
    assert written([Channel("w1", ABSENT), Channel("w2", PRESENT, filters=Filters())]) is None


def test_the_name_is_the_one_that_the_server_has() -> None:
    """Option files tell upper case from lower, where statements do not (measured)."""
    text = written([Channel("w1", PRESENT, filters=A)], present={"w1": ChannelStatus("W1")})
    assert text == HEADER + "# channel W1\nreplicate_do_db = W1:a\n"
    assert written([Channel("w1", ABSENT)], text) == HEADER


@pytest.mark.parametrize("text", ["", "[mysqld]\nport = 1\n", "x" + HEADER])
def test_a_file_of_somebody_elses_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="/f.cnf was not written by this module"):
        written([Channel("w1", PRESENT, filters=A)], text)


lists = st.lists(
    st.builds(
        Channel,
        st.sampled_from(["w1", "W2", "w3"]),
        st.sampled_from([PRESENT, ABSENT]),
        filters=st.sampled_from([None, Filters(), A, FULL]),
    ),
    unique_by=lambda channel: channel.key,
)


@given(lists, lists, st.sampled_from(sorted(LINES)))
def test_two_calls_leave_what_one_would(
    first: list[Channel], second: list[Channel], flavour: str
) -> None:
    text = written(second, written(first, flavour=flavour), flavour)
    last: dict[str, Channel] = {}
    for channel in [*first, *second]:
        if channel.state == ABSENT or channel.filters is not None:
            last[channel.key] = channel
    at_once = written(list(last.values()), flavour=flavour)
    assert (text or HEADER) == (at_once or HEADER)
