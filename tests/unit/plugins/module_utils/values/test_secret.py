"""A secret prints as a mask, whatever it is and wherever it stands."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dbrw.sharding.plugins.module_utils.values.replication.channel import (
    Channel,
    ChannelStatus,
)
from ansible_collections.dbrw.sharding.plugins.module_utils.values.secret import MASK, Secret


@given(st.text())
def test_it_prints_as_the_mask_and_reveals_itself_only_when_asked(text: str) -> None:
    secret = Secret(text)
    assert secret.reveal() == text
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r}", format(secret)} == {MASK}
    assert repr([secret]) == f"[{MASK}]" and repr({"p": (secret,)}) == f"{{'p': ({MASK},)}}"


@given(st.text(), st.text())
def test_secrets_compare_by_their_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    texts: list[object] = [one]
    assert Secret(one) not in texts
    assert len({Secret(one), Secret(one)}) == 1


@given(st.text(), st.text())
def test_what_holds_a_secret_looks_the_same_whatever_the_secret(one: str, other: str) -> None:
    def holders(text: str) -> list[Any]:
        secret = Secret(text)
        return [
            Channel("w1", "started", source_password=secret),
            ChannelStatus("w1", password=secret),
            ChannelStatus("w1", password=secret).stopped(),
            dataclasses.replace(Channel("w1", "started"), source_password=secret),
        ]

    assert repr(holders(one)) == repr(holders(other))
    assert str(holders(one)) == str(holders(other))
