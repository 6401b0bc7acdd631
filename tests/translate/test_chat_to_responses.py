"""Chat completions as Responses requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.translate.chat_to_responses import chat_to_responses
from glowplug.translate.responses_to_chat import responses_to_chat
from tests.translate.responses_cases import ASKED, encoded, exchange

CHAT = exchange("chat")


def asked(**more: Any) -> Any:
    body = {"model": "chat-local", "messages": [{"role": "user", "content": "hi"}], **more}
    return json.loads(chat_to_responses(encoded(body), ASKED).request)


def test_a_whole_request() -> None:
    assert json.loads(chat_to_responses(encoded(CHAT["request"]), ASKED).request) == CHAT["responses"]


@pytest.mark.parametrize(("more", "expected"), [
    ({"max_tokens": 5}, {"max_output_tokens": 5}),
    ({"store": True, "metadata": {"a": "b"}}, {"store": True, "metadata": {"a": "b"}}),
    ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
    ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
    ({"functions": [{"name": "f"}]},
     {"tools": [{"type": "function", "strict": False, "parameters": None, "name": "f"}]}),
    ({"tools": [{"type": "odd"}], "tool_choice": "auto"}, {}),
    ({"stream": False, "presence_penalty": 1, "logit_bias": {}}, {}),
])  # fmt: skip
def test_settings(more: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = asked(**more)
    assert sent.pop("model") == "chat-local"
    assert sent.pop("input")[0]["content"] == [{"type": "input_text", "text": "hi"}]
    assert sent == {"store": False, **expected}


@pytest.mark.parametrize(("more", "word"), [
    ({"n": 2}, "`n`"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"messages": []}, "messages"),
    ({"messages": [5]}, "messages"),
    ({"messages": [{"role": "king", "content": "x"}]}, "king"),
    ({"messages": [{"role": "user", "content": None}]}, "content"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "video"),
])  # fmt: skip
def test_refused(more: dict[str, Any], word: str) -> None:
    with pytest.raises(RequestError, match=word):
        asked(**more)


TEXT = st.text(min_size=1, max_size=8)
CALLS = st.lists(TEXT, min_size=1, max_size=2).map(
    lambda names: [
        {"id": f"call_{n}", "type": "function", "function": {"name": name[:60], "arguments": "{}"}}
        for n, name in enumerate(names)
    ]
)
TURNS = st.one_of(
    TEXT.map(lambda text: [{"role": "user", "content": text}]),
    TEXT.map(lambda text: [{"role": "user", "content": text}, {"role": "assistant", "content": text}]),
    st.tuples(TEXT, CALLS).map(
        lambda said: [
            {"role": "user", "content": said[0]},
            {"role": "assistant", "content": None, "tool_calls": said[1]},
            *({"role": "tool", "tool_call_id": call["id"], "content": said[0]} for call in said[1]),
        ]
    ),
)


@given(st.lists(TURNS, min_size=1, max_size=4), st.booleans())
def test_there_and_back_texts_and_calls_are_the_same(turns: list[list[dict[str, Any]]], told: bool) -> None:
    head = [{"role": "system", "content": "Be kind"}] if told else []
    messages = [*head, *(message for turn in turns for message in turn)]
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": False}}]
    body = {"model": "m", "messages": messages, "tools": tools, "temperature": 0.25, "max_tokens": 4}
    there = chat_to_responses(encoded(body), ASKED).request
    assert json.loads(responses_to_chat(there, ASKED).request) == body


def test_no_object() -> None:
    with pytest.raises(RequestError):
        chat_to_responses(b"[]", ASKED)


def test_an_error_keeps_its_words() -> None:
    translation = chat_to_responses(encoded(CHAT["request"]), ASKED)
    error = {"error": {"message": "slow down", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}}
    assert json.loads(translation.failure(429, encoded(error))) == error
