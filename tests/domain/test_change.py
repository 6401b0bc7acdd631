from __future__ import annotations

from glowplug.domain.change import OURSELVES, THE_FILE, Actor


def test_what_nobody_asked_for_has_no_person() -> None:
    assert OURSELVES.by == THE_FILE.by == "glowplug"
    assert OURSELVES != THE_FILE != Actor(by="glowplug", through="key_1")
