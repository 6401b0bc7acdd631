"""The pure half of the fake provider."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.testing import provider_replies as replies


@given(st.text("ab \n\t\u3000中"))
def test_words_join_back_to_the_text(text: str) -> None:
    words = replies.split_words(text)
    assert "".join(words) == text
    assert all(words)


@given(st.text("ab 中"), st.integers(1, 64))
def test_vectors_have_length_one_and_depend_on_the_text_alone(text: str, dimensions: int) -> None:
    vector = replies.unit_vector(text, dimensions)
    assert len(vector) == dimensions
    assert math.isclose(sum(v * v for v in vector), 1.0, rel_tol=1e-9)
    assert vector == replies.unit_vector(text, dimensions)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("a b  c", 3),
        (["a b", "c"], 3),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        ([{"role": "user", "content": "a b"}, {"role": "user", "content": [{"type": "text", "text": "c"}]}], 3),
        (None, 0),
        ([{"role": "assistant", "content": None}], 0),
    ],
)
def test_prompt_tokens_are_words_or_ids(value: object, tokens: int) -> None:
    assert replies.prompt_tokens(value) == tokens


def test_usage_adds_up_over_a_batch_and_a_stream() -> None:
    body = {"model": "m", "prompt": ["a", "b c"], "stream": True, "stream_options": {"include_usage": True}}
    answers = replies.answer_completion(body, "x y")
    *chunks, last = replies.completion_events(body, answers, True)
    assert last["choices"] == []
    assert last["usage"] == replies.usage(3, 4)
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [None, None, "stop"] * 2


@pytest.mark.parametrize("messages", [None, [], "text"])
def test_messages_are_needed(messages: object) -> None:
    with pytest.raises(replies.ProviderError) as caught:
        replies.answer_chat({"model": "m", "messages": messages}, "x")
    assert caught.value.status == 400
    assert caught.value.body["error"]["param"] == "messages"


def test_a_tool_that_is_not_offered_cannot_be_chosen() -> None:
    body = {"messages": [{"role": "user", "content": "x"}], "tool_choice": {"function": {"name": "nope"}}}
    with pytest.raises(replies.ProviderError, match="'nope' not found"):
        replies.answer_chat(body, "x")
