"""The end of an attempt: its figures, and what it held (see also test_attempts.py)."""

from __future__ import annotations

import pytest

from glowplug.domain.usage import Outcome
from tests.gateway.rig import END, STREAM_HEAD, Rig, chat, delta, events, whole


@pytest.mark.parametrize(("status", "guessed"), [(200, True), (400, False)])
def test_tokens_nobody_counted_are_guessed_only_where_an_answer_had_begun(rig: Rig, status: int, guessed: bool) -> None:
    rig.ask(chat("cloud"))
    rig.reply(whole({"choices": []}, status), "cloud")
    (end,) = rig.journal.ends
    assert (end.prompt_tokens > 0, end.completion_tokens > 0, end.estimated) == (guessed, guessed, guessed)


def test_a_stream_without_usage_counts_its_events(rig: Rig) -> None:
    rig.ask(chat("cloud", stream=True))
    rig.reply(STREAM_HEAD + events(delta("a"), delta("b"), "[DONE]") + END, "cloud")
    (end,) = rig.journal.ends
    assert (end.completion_tokens, end.estimated, end.outcome) == (3, True, Outcome.OK)


def test_the_slot_is_given_back_once(rig: Rig) -> None:
    rig.ask(chat("cloud"))
    target = rig.plane.tables.targets["cloud"]
    assert target.active == 1
    rig.reply(whole(), "cloud")
    assert target.active == 0
