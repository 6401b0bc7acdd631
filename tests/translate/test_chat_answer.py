"""Responses as answers of chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from glowplug.translate.base import Untranslatable
from glowplug.translate.chat_answer import ChatAnswer, ResponseStream
from glowplug.translate.chat_reading import UNFINISHED
from tests.gateway.rig import payloads
from tests.translate.responses_cases import ASKED, encoded, exchange, named, read_through

CHAT = exchange("chat")
EVENTS = CHAT["events"]


def stream(*, usage: bool = True) -> ResponseStream:
    return ResponseStream(ChatAnswer(ASKED), usage=usage)


def put_together(chunks: list[Any]) -> dict[str, Any]:
    """The message that a client makes of the chunks."""
    message: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": []}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            for name in ("content", "reasoning_content"):
                message[name] += delta.get(name, "")
            for call in delta.get("tool_calls", ()):
                if call["index"] == len(message["tool_calls"]):
                    message["tool_calls"].append({name: call[name] for name in call if name != "index"})
                    continue
                ((kind, said),) = [(k, v) for k, v in call.items() if k != "index"]
                for name, text in said.items():
                    message["tool_calls"][call["index"]][kind][name] += text
    return message


def test_a_whole_answer() -> None:
    answer = json.loads(ChatAnswer(ASKED).whole(encoded(EVENTS[-1]["response"])))
    assert answer["choices"][0]["message"] == CHAT["message"]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["choices"][0]["logprobs"]["content"][0]["token"] == "lo"
    assert answer["usage"] == CHAT["usage"]
    assert (answer["id"], answer["model"]) == ("chatcmpl-r1", "chat-local")
    ChatCompletion.model_validate(answer)


def test_a_stream_says_the_same() -> None:
    reader = stream()
    *chunks, done = payloads(read_through(reader, named(EVENTS)))
    assert done == "[DONE]"
    assert reader.done
    message = put_together(chunks)
    assert {name: CHAT["message"][name] for name in message} == message
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "tool_calls"
    assert chunks[-1]["usage"] == CHAT["usage"]
    for chunk in chunks:
        if not any("custom" in json.dumps(choice) for choice in chunk["choices"]):  # the client knows none in streams
            ChatCompletionChunk.model_validate(chunk)


@given(st.lists(st.integers(0, 4000), max_size=20))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    data = named(EVENTS)
    assert read_through(stream(), data, cuts) == read_through(stream(), data)


def test_usage_is_for_who_asked() -> None:
    chunks = payloads(read_through(stream(usage=False), named(EVENTS)))
    assert not any("usage" in chunk for chunk in chunks[:-1])


@pytest.mark.parametrize(("events", "why"), [
    (EVENTS[:-1], UNFINISHED),
    ([{"type": "error", "message": "overloaded"}], "overloaded"),
    ([{"type": "response.failed", "response": {"error": {"code": "server_error", "message": "fell"}}}], "fell"),
    ([{"type": "response.failed"}], "could not finish"),
])  # fmt: skip
def test_what_breaks_a_stream_is_no_end(events: list[dict[str, Any]], why: str) -> None:
    reader = stream()
    out = read_through(reader, named(events))
    assert why in reader.broken
    assert not reader.done
    assert b"[DONE]" not in out
    assert b'"finish_reason":"' not in out
    assert reader.feed(named(EVENTS[-1:])) == b""


def test_nonsense_breaks_a_stream() -> None:
    reader = stream()
    reader.feed(b"data: nonsense\n\n")
    assert reader.broken


@pytest.mark.parametrize(("response", "reason"), [
    ({"status": "completed"}, "stop"),
    ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
])  # fmt: skip
def test_reasons(response: dict[str, Any], reason: str) -> None:
    answer = json.loads(ChatAnswer(ASKED).whole(encoded({"output": [], **response})))
    assert answer["choices"][0]["finish_reason"] == reason
    assert "usage" not in answer
    event = {"type": f"response.{response['status']}", "response": response}
    chunks = payloads(read_through(stream(), named([event])))
    assert chunks[-2]["choices"][0]["finish_reason"] == reason


def test_a_refusal() -> None:
    item = {"type": "message", "content": [{"type": "refusal", "refusal": "No"}]}
    message = json.loads(ChatAnswer(ASKED).whole(encoded({"output": [item]})))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("", "No")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"output":[],"status":"failed","error":{"message":"fell"}}'])
def test_no_answer(data: bytes) -> None:
    with pytest.raises(Untranslatable):
        ChatAnswer(ASKED).whole(data)
