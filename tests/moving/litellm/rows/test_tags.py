from __future__ import annotations

from glowplug.moving.litellm.rows.tags import Tag, read_tag
from tests.moving.litellm.rows.reading import reading


def test_a_tag() -> None:
    row = {"tag_name": "batch", "description": "at night", "models": None, "spend": 1.5, "budget_id": "b"}
    assert read_tag(row, reading()) == Tag("batch", "at night", (), 1_500_000_000, "b")
