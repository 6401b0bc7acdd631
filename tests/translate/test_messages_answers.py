"""Answers in Anthropic's wire as chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate.base import Untranslatable
from glowplug.translate.messages_answers import MessagesAnswers, MessagesStream, completion_of_message, usage_members
from glowplug.wire.anthropic_answers import Usage
from tests.translate.grammar import completion_of, cut

TO = MessagesAnswers("r1", "alias", 1_780_000_000)
COUNTING = MessagesAnswers("r1", "alias", 1_780_000_000, usage=True)


def event(name: str, **members: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


def begins(index: int, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block=block)


def delta(index: int, kind: str, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": f"{kind}_delta", **members})


def ends(index: int) -> bytes:
    return event("content_block_stop", index=index)


START = event(
    "message_start",
    message={
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": [],
        "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 1},
    },
)
PING = event("ping")
STOP = event("message_stop")


def reason(why: str, tokens: int = 7) -> bytes:
    return event("message_delta", delta={"stop_reason": why, "stop_sequence": None}, usage={"output_tokens": tokens})


TEXT = begins(0, type="text", text="") + delta(0, "text", text="Hel") + delta(0, "text", text="lö\n") + ends(0)


def through(*parts: bytes, to: MessagesAnswers = TO) -> tuple[bytes, MessagesStream]:
    stream = MessagesStream(to)
    out = b"".join([stream.feed(part) for part in parts])
    return out + stream.end(), stream


def told(*parts: bytes, to: MessagesAnswers = TO) -> dict[str, Any]:
    out, stream = through(*parts, to=to)
    assert stream.done
    assert not stream.broken
    return completion_of(out, usage=to.usage)


def test_a_text() -> None:
    said = told(START, PING, TEXT, reason("end_turn"), STOP)
    assert (said["content"], said["finish_reason"], said["tool_calls"]) == ("Hellö\n", "stop", [])
    out, _ = through(START)
    chunk = json.loads(out.removeprefix(b"data: "))
    assert chunk == {
        "id": "chatcmpl-r1", "object": "chat.completion.chunk", "created": 1_780_000_000, "model": "alias",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}],
    }  # fmt: skip


def test_usage_where_it_was_asked_for() -> None:
    assert told(START, TEXT, reason("end_turn"), STOP, to=COUNTING)["usage"] == {
        "prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17, "prompt_tokens_details": {"cached_tokens": 6},
    }  # fmt: skip


def test_usage_with_a_filled_cache_and_thinking() -> None:
    usage = Usage(1, 5, 2, 3)
    assert usage_members(usage)["prompt_tokens_details"] == {"cached_tokens": 3, "cache_write_tokens": 2}
    assert usage_members(usage)["prompt_tokens"] == 6
    assert usage_members(None)["total_tokens"] == 0


CALLS = (
    begins(0, type="thinking", thinking="", signature="") + delta(0, "thinking", thinking="hm")
    + delta(0, "signature", signature="s") + ends(0)
    + begins(1, type="server_tool_use", id="s", name="web_search", input={})
    + delta(1, "input_json", partial_json='{"q":1}') + ends(1)
    + begins(2, type="tool_use", id="a", name="f", input={}) + delta(2, "input_json", partial_json="")
    + delta(2, "input_json", partial_json='{"x":') + delta(2, "input_json", partial_json=' "ü"}') + ends(2)
    + begins(3, type="tool_use", id="b", name="g", input={}) + ends(3)
)  # fmt: skip


def test_thinking_and_parallel_calls() -> None:
    said = told(START, CALLS, reason("tool_use"), STOP)
    assert said["reasoning_content"] == "hm"
    assert said["tool_calls"] == [
        {"id": "a", "name": "f", "arguments": '{"x": "ü"}'}, {"id": "b", "name": "g", "arguments": "{}"},
    ]  # fmt: skip
    assert said["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("why", "finish"), [
    ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"), ("refusal", "content_filter"), ("new", "stop"),
])  # fmt: skip
def test_reasons(why: str, finish: str) -> None:
    assert told(START, TEXT, reason(why), STOP)["finish_reason"] == finish


def test_events_come_at_once_and_the_end_only_with_the_last() -> None:
    stream = MessagesStream(TO)
    assert stream.feed(START)
    assert stream.feed(PING) == b""
    assert stream.feed(delta(0, "text", text="a"))
    assert stream.feed(reason("end_turn")) == b""
    assert not stream.done
    assert stream.feed(STOP).endswith(b"data: [DONE]\n\n")
    assert stream.done
    assert stream.feed(STOP) + stream.end() == b""


def test_the_end_of_the_response_after_a_reason_is_an_end() -> None:
    assert told(START, TEXT, reason("end_turn"))["finish_reason"] == "stop"


@pytest.mark.parametrize(("parts", "why"), [
    ((START, TEXT), "the stream ended before the answer did"),
    ((START, TEXT, STOP), "the stream ended before the answer did"),
    ((), "the stream ended before the answer did"),
    ((START, event("error", error={"type": "overloaded_error", "message": "Overloaded"}), STOP), "Overloaded"),
    ((START, b"data: {oops\n\n", STOP), "an event is none of Anthropic's"),
])  # fmt: skip
def test_what_broke_has_no_end(parts: tuple[bytes, ...], why: str) -> None:
    out, stream = through(*parts)
    assert stream.broken.startswith(why)
    assert not stream.done
    completion_of(out, ended=False)
    assert stream.feed(STOP) == b""


STREAM = b": beat\n\n" + START + PING + CALLS + begins(4, type="text", text="é") + ends(4) + reason("tool_use") + STOP
WHOLE, _ = through(STREAM, to=COUNTING)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_cuts_do_not_matter(at: list[int], crlf: bool) -> None:
    data = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    out, stream = through(*cut(data, at), to=COUNTING)
    assert out == WHOLE
    assert stream.done


@given(st.lists(st.sampled_from([
    START, PING, TEXT, CALLS, reason("end_turn"), STOP, event("new"), delta(0, "citations", citation={}),
    event("error", error={}), b"data: [DONE]\n\n", begins(0, type="tool_use", id="z", name="h", input={"a": 1}),
]), max_size=8))  # fmt: skip
def test_any_order_of_events_keeps_the_grammar(parts: list[bytes]) -> None:
    out, stream = through(*parts)
    assert stream.done is not bool(stream.broken)
    completion_of(out, ended=stream.done)


# ---- whole answers


def whole(content: list[Any], **more: Any) -> Any:
    usage = {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 7}
    body = {
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": "tool_use",
        "usage": usage,
        **more,
    }
    return json.loads(completion_of_message(json.dumps(body).encode(), TO))


def test_a_whole_answer() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    answer = whole([{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "I"}, use])
    called = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    assert answer == {
        "id": "chatcmpl-r1", "object": "chat.completion", "created": 1_780_000_000, "model": "alias",
        "choices": [{
            "index": 0, "logprobs": None, "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": "I", "refusal": None, "reasoning_content": "hm",
                        "tool_calls": [called]},
        }],
        "usage": {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17,
                  "prompt_tokens_details": {"cached_tokens": 6}},
    }  # fmt: skip
    assert whole([use])["choices"][0]["message"]["content"] is None
    assert whole([], stop_reason="end_turn")["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize("data", [
    b"", b"x", b"{}", b'{"type":"error","error":{"type":"api_error","message":"x"}}', b'{"choices":[]}',
])  # fmt: skip
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(Untranslatable):
        completion_of_message(data, TO)
