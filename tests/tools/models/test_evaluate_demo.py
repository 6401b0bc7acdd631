"""What the evaluation asks."""

from __future__ import annotations

import random

from tools.models.demo_source import Case, Source
from tools.models.evaluate_demo import conversation, seen


def test_a_case_comes_last_after_as_many_exchanges_as_asked() -> None:
    case = Case("group", "What is new?", "Nothing.")
    assert conversation(case, 0, random.Random(1), Source(1)) == [{"role": "user", "content": "What is new?"}]
    talk = [m for m in conversation(case, 3, random.Random(1), Source(1)) if m["role"] != "system"]
    assert [m["role"] for m in talk] == ["user", "assistant"] * 3 + ["user"]
    assert talk[-1]["content"] == "What is new?"


def test_seen_questions_are_drawn_by_seed() -> None:
    assert seen(1, 20) == seen(1, 20) != seen(2, 20)
