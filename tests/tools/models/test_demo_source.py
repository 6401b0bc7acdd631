"""Drawing from the tables: nothing of the evaluation is trained on, and a seed means the same questions."""

from __future__ import annotations

import pytest

from tools.models import demo_source as drawing


def plain(question: str) -> str:
    return " ".join(question.lower().strip(" ?!.\n").split())


def test_no_question_of_the_evaluation_is_trained_on() -> None:
    source = drawing.Source(5)
    trained = {plain(source.pair()[0]) for _ in range(30000)}
    assert [case.question for case in drawing.held_out() if plain(case.question) in trained] == []


def test_the_same_seed_draws_the_same_questions() -> None:
    first, second = drawing.Source(1), drawing.Source(1)
    assert [first.pair() for _ in range(50)] == [second.pair() for _ in range(50)]


@pytest.mark.parametrize(("op", "answer"), [("+", "7 + 3 = 10."), ("-", "7 - 3 = 4.")])
def test_sums_are_right(op: str, answer: str) -> None:
    assert drawing.sum_answer(7, op, 3) == answer


def test_the_evaluation_asks_each_question_in_three_cases() -> None:
    groups = [case.group for case in drawing.held_out()]
    assert len(groups) >= 800
    assert groups.count("capitals") == groups.count("capitals, lower case") == groups.count("capitals, UPPER CASE")
