"""The questions and answers of the demo chat model as they are written down."""

from __future__ import annotations

from tools.models import demo_questions as questions


def test_a_phrasing_has_one_answer_only() -> None:
    answers: dict[str, str] = {}
    clashes = []
    for phrasings, answer in [*questions.intents(), *questions.definitions()]:
        clashes += [p for p in phrasings if answers.setdefault(p.strip("~"), answer) != answer]
    assert clashes == []


def test_an_escaped_line_break_becomes_one_and_a_shell_continuation_stays() -> None:
    answers = [answer for _, answer in questions.intents()]
    assert "1. Red\n2. Green\n3. Blue" in answers
    assert any("\\\n  -d '{" in answer for answer in answers)


def test_held_out_lists_share_nothing_with_the_trained_ones() -> None:
    for trained, held in (
        (questions.DEFINE, questions.HELD_DEFINE),
        (questions.ASK_CAPITAL, questions.HELD_CAPITAL),
        (questions.ASK_TWO, questions.HELD_TWO),
        (questions.ODD, questions.HELD_ODD),
        (questions.ASK_ODD, questions.HELD_ASK_ODD),
        (questions.NO_COUNTRY, questions.HELD_NO_COUNTRY),
        (questions.WRAP, questions.HELD_WRAP),
    ):
        assert not set(trained) & set(held)


def test_there_are_enough_capitals() -> None:
    assert len(questions.CAPITALS) >= 25
