"""What a translation reads of chat completions, from engines that keep to the format and those that nearly do."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from glowplug.wire.openai_chat import read_chunk, text_of, thought_of, usage_in


def chunk(delta: Any, **more: Any) -> Any:
    return read_chunk(json.dumps({"choices": [{"index": 0, "delta": delta}], "unknown": 1, **more}).encode())


@pytest.mark.parametrize(("content", "text"), [
    ("a", "a"), (None, ""), ([{"type": "text", "text": "a"}, {"type": "thinking"}, {"text": "b"}], "ab"), ([], ""),
])  # fmt: skip
def test_content_is_text_or_parts(content: Any, text: str) -> None:
    assert text_of(chunk({"content": content}).choices[0].delta.content) == text


@pytest.mark.parametrize(("delta", "thought"), [
    ({"reasoning_content": "a"}, "a"), ({"reasoning": "a"}, "a"), ({"reasoning": {"odd": 1}}, ""), ({}, ""),
    ({"reasoning_content": "a", "reasoning": "a"}, "a"),
])  # fmt: skip
def test_thinking_has_two_names(delta: Any, thought: str) -> None:
    assert thought_of(chunk(delta).choices[0].delta) == thought


@pytest.mark.parametrize(("arguments", "text"), [('{"a":1}', '{"a":1}'), ({"a": 1}, '{"a":1}'), (None, ""), ("", "")])
def test_arguments_are_text(arguments: Any, text: str) -> None:
    call = chunk({"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}).choices[0].delta.tool_calls[0]
    assert call.function.text == text


def test_usage_that_makes_no_sense_is_none() -> None:
    assert usage_in(chunk({})) is None
    assert usage_in(chunk({}, usage={"prompt_tokens": "many"})) is None
    found = usage_in(chunk({}, usage={"prompt_tokens": 3, "completion_tokens": 4}))
    assert found is not None
    assert (found.prompt_tokens, found.completion_tokens) == (3, 4)


def test_null_choices_are_none_and_other_things_are_no_chunk() -> None:
    assert read_chunk(b'{"choices":null,"object":"error","message":"x"}').message == "x"
    with pytest.raises(msgspec.DecodeError):
        read_chunk(b"[1]")
