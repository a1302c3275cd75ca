"""After both hosts restarted at once: in service again by themselves."""

from __future__ import annotations

from fabric.members import FOLDER, value


def test_the_set_was_in_service_again_within_half_a_minute() -> None:
    restarted, again = (float((FOLDER / name).read_text()) for name in ("restarted", "open"))
    assert again - restarted < 30
    assert (value("f1", "@@GLOBAL.read_only"), value("f2", "@@GLOBAL.read_only")) == (1, 0)
    assert value("f2", "@@GLOBAL.rpl_semi_sync_master_enabled") == 1
