from __future__ import annotations

from glowplug.cli.owners import listed


def test_a_list_with_commas() -> None:
    assert listed(" a, b,,") == ["a", "b"]
    assert listed("") == []
