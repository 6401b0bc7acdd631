"""What answers leave out is put in, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire.mended import mended

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
RIGHT = {**HEAD, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a"}, "finish_reason": None}]}


def choice(**more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": None, **more}]}


def call(**more: Any) -> dict[str, Any]:
    return choice(delta={"tool_calls": [more]})


@pytest.mark.parametrize(("given", "made"), [
    ({"choices": [{"delta": {"content": "a"}}, {"delta": {"content": "b"}}]},
     {"id": "chatcmpl-unnamed", "object": "chat.completion.chunk", "created": 0, "model": "", "choices": [
         {"index": 0, "delta": {"content": "a"}, "finish_reason": None},
         {"index": 1, "delta": {"content": "b"}, "finish_reason": None}]}),
    (choice(finish_reason=""), choice()), (choice(index=None), choice()), (choice(delta=None), choice()),
    (call(id="a", function={"name": "f", "arguments": {"a": 1}}),
     call(index=0, id="a", type="function", function={"name": "f", "arguments": '{"a":1}'})),
    (call(function={"arguments": "x"}), call(index=0, function={"arguments": "x"})),
    ({**HEAD, "usage": {"prompt_tokens": 1}}, {**HEAD, "choices": [], "usage": {"prompt_tokens": 1}}),
    ({"choices": [{"message": {"content": "a", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
                   "finish_reason": "stop"}]},
     {"id": "chatcmpl-unnamed", "object": "chat.completion", "created": 0, "model": "", "choices": [
         {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a", "tool_calls": [
             {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]}),
])  # fmt: skip
def test_what_is_put_in(given: dict[str, Any], made: dict[str, Any]) -> None:
    data = mended(json.dumps(given).encode())
    assert json.loads(data) == made
    assert mended(data) == data


@pytest.mark.parametrize("data", [
    json.dumps(RIGHT).encode(), b"[DONE]", b"", b"[]", b"{}", b'{"error":{"message":"x"}}',
    b'{"choices":[],"error":{"message":"x"}}', b"\xff", b'{"object":"list"}',
])  # fmt: skip
def test_what_stays_byte_for_byte(data: bytes) -> None:
    assert mended(data) is data


_ANY = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "delta", "message", "tool_calls", "function", "index", "id"]), inner
        )
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["choices", "usage", "id", "x"]), _ANY))
def test_anything_is_taken_and_mended_once(body: dict[str, Any]) -> None:
    once = mended(json.dumps(body).encode())
    assert mended(once) == once
