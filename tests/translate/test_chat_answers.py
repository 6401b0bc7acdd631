"""Answers of chat completions as messages: blocks one after the other, one end, and none where there was none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate.base import Untranslatable
from glowplug.translate.chat_answers import UNSIGNED, ChatAnswers, ChatStream, message_of_completion, usage_members
from glowplug.wire.openai import completion_details, prompt_details
from glowplug.wire.openai_values import Usage
from tests.translate.grammar import cut, message_of, named_events

TO = ChatAnswers(id="r1", model="claude-alias", stops=frozenset({"END"}))
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
COUNTED = {"input_tokens": 4, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 0, "output_tokens": 4}


def chunk(delta: Any = None, reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": reason, **more.pop("choice", {})}
    body = {"id": "c", "object": "chat.completion.chunk", "choices": [choice], "usage": None, **more}
    return b"data: %b\n\n" % json.dumps(body).encode()


def call(index: int, arguments: str = "", id: str = "", name: str = "") -> Any:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"tool_calls": [{"index": index, "function": function, **({"id": id, "type": "function"} if id else {})}]}


ROLE = chunk({"role": "assistant", "content": ""})
COUNTS = b"data: %b\n\n" % json.dumps({"choices": [], "usage": USAGE}).encode()
DONE = b"data: [DONE]\n\n"


def through(*parts: bytes, to: ChatAnswers = TO) -> tuple[bytes, ChatStream]:
    stream = ChatStream(to)
    out = b"".join([stream.feed(part) for part in parts])
    return out + stream.end(), stream


def told(*parts: bytes, to: ChatAnswers = TO) -> dict[str, Any]:
    out, stream = through(*parts, to=to)
    assert stream.done
    assert not stream.broken
    return message_of(out)


def test_a_text() -> None:
    message = told(ROLE, chunk({"content": "Hel"}), chunk({"content": "lö\n"}), chunk(reason="stop"), COUNTS, DONE)
    assert message["content"] == [{"type": "text", "text": "Hello\n".replace("o\n", "ö\n"), "json": ""}]
    assert (message["id"], message["model"]) == ("msg_r1", "claude-alias")
    assert (message["stop_reason"], message["stop_sequence"], message["usage"]) == ("end_turn", None, COUNTED)


def test_events_come_at_once_and_in_the_order_of_the_real_api() -> None:
    stream = ChatStream(TO)
    assert [event["type"] for event in named_events(stream.feed(ROLE))] == ["message_start", "ping"]
    first = named_events(stream.feed(chunk({"content": "a"})))
    assert [event["type"] for event in first] == ["content_block_start", "content_block_delta"]
    assert [event["type"] for event in named_events(stream.feed(chunk({"content": "b"})))] == ["content_block_delta"]
    assert stream.feed(chunk(reason="stop")) == b""
    assert not stream.done
    last = named_events(stream.feed(DONE))
    assert [event["type"] for event in last] == ["content_block_stop", "message_delta", "message_stop"]
    assert stream.done
    assert stream.feed(DONE) + stream.end() == b""


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_is_a_block_that_ends_with_a_signature(name: str) -> None:
    message = told(chunk({name: "h"}), chunk({name: "m"}), chunk({"content": "yes"}), chunk(reason="stop"), DONE)
    assert message["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": UNSIGNED, "json": ""},
        {"type": "text", "text": "yes", "json": ""},
    ]


def test_thinking_is_left_out_where_it_was_disabled() -> None:
    quiet = ChatAnswers(id="r1", model="m", thinks=False)
    message = told(chunk({"reasoning_content": "hm"}), chunk({"content": "yes"}), chunk(reason="stop"), DONE, to=quiet)
    assert [block["type"] for block in message["content"]] == ["text"]


def tools(message: Any) -> list[tuple[str, str, str]]:
    return [(b["id"], b["name"], b["json"]) for b in message["content"] if b["type"] == "tool_use"]


A, B = ("a", "f", '{"x": 1}'), ("b", "g", '{"y": "}"}')


@pytest.mark.parametrize("pieces", [
    [call(0, "", "a", "f"), call(0, '{"x":'), call(0, " 1}"), call(1, "", "b", "g"), call(1, '{"y": "}"}')],
    [call(0, "", "a", "f"), call(1, "", "b", "g"), call(0, '{"x":'), call(1, '{"y": "'), call(0, " 1}"),
     call(1, '}"}')],
    [call(0, '{"x": 1}', "a", "f"), call(1, '{"y": "}"}', "b", "g")],
    [call(0, '{"x":', "a", "f"), call(1, '{"y": "}"}', "b", "g"), call(0, " 1}")],
    [{"tool_calls": [*call(0, '{"x": 1}', "a", "f")["tool_calls"], *call(1, '{"y": "}"}', "b", "g")["tool_calls"]]}],
    [call(0, "", "a"), call(0, '{"x": 1}', "", "f"), call(1, '{"y": "}"}', "b", "g")],
])  # fmt: skip
def test_calls_come_one_after_the_other_however_their_pieces_are_mixed(pieces: list[Any]) -> None:
    message = told(chunk({"content": "I"}), *[chunk(piece) for piece in pieces], chunk(reason="tool_calls"), DONE)
    assert tools(message) == [A, B]
    assert message["stop_reason"] == "tool_use"


def test_a_call_is_told_as_it_comes() -> None:
    stream = ChatStream(TO)
    stream.feed(ROLE)
    start, first = named_events(stream.feed(chunk(call(0, "{", "a", "f"))))
    assert start["content_block"] == {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    assert first["delta"] == {"type": "input_json_delta", "partial_json": "{"}
    (second,) = named_events(stream.feed(chunk(call(0, '"x":'))))
    assert second["delta"]["partial_json"] == '"x":'


def test_calls_without_arguments_or_an_id() -> None:
    message = told(chunk(call(0, "", "", "f")), chunk(call(1, "", "", "g")), chunk(reason="tool_calls"), DONE)
    assert tools(message) == [("call_r1_0", "f", ""), ("call_r1_1", "g", "")]


@pytest.mark.parametrize(("choice", "reason", "sequence"), [
    ({"finish_reason": "stop"}, "end_turn", None),
    ({"finish_reason": "length"}, "max_tokens", None),
    ({"finish_reason": "content_filter"}, "refusal", None),
    ({"finish_reason": "new"}, "end_turn", None),
    ({"finish_reason": "stop", "stop_reason": "END"}, "stop_sequence", "END"),
    ({"finish_reason": "stop", "stop_reason": "</s>"}, "end_turn", None),
    ({"finish_reason": "stop", "stop_reason": 128009}, "end_turn", None),
])  # fmt: skip
def test_reasons(choice: Any, reason: str, sequence: str | None) -> None:
    message = told(chunk({"content": "a"}), chunk(choice=choice), DONE)
    assert (message["stop_reason"], message["stop_sequence"]) == (reason, sequence)


def test_a_forced_call_and_a_refusal() -> None:
    assert told(chunk(call(0, "{}", "a", "f")), chunk(reason="stop"), DONE)["stop_reason"] == "tool_use"
    message = told(chunk({"refusal": "No."}), chunk(reason="stop"), DONE)
    assert (message["content"][0]["text"], message["stop_reason"]) == ("No.", "refusal")


def test_no_usage_stays_zero() -> None:
    assert told(chunk({"content": "a"}, "stop"), DONE)["usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_usage_with_thinking_and_a_filled_cache() -> None:
    usage = Usage(10, 5, prompt_details(3, 2), completion_details(4))
    assert usage_members(usage) == {
        "input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 4},
    }  # fmt: skip


def test_the_end_of_the_response_after_a_reason_is_an_end() -> None:
    assert told(chunk({"content": "a"}), chunk(reason="stop"), COUNTS)["usage"] == COUNTED


@pytest.mark.parametrize(("parts", "why"), [
    ((ROLE, chunk({"content": "a"})), "the stream ended before the answer did"),
    ((ROLE, chunk({"content": "a"}), DONE), "the stream ended before the answer did"),
    ((), "the stream ended before the answer did"),
    ((ROLE, b'data: {"error":{"message":"out of memory","code":500}}\n\n', DONE), "out of memory"),
    ((ROLE, b'data: {"object":"error","message":"old"}\n\n'), "old"),
    ((chunk({"content": "a"}, "error", error={"message": "late"}), DONE), "late"),
    ((ROLE, b"data: {oops\n\n", chunk(reason="stop"), DONE), "an event is no chat completion"),
    ((chunk({"tool_calls": [{"index": 0, "id": "a"}]}), chunk(reason="tool_calls"), DONE), "a tool call has no name"),
    ((chunk(call(0, "{}", "a", "f")), chunk({"content": "x"}), chunk(call(0, "{}")), chunk(reason="stop"), DONE),
     "a tool call went on after its end"),
])  # fmt: skip
def test_what_broke_has_no_end(parts: tuple[bytes, ...], why: str) -> None:
    out, stream = through(*parts)
    assert stream.broken.startswith(why)
    assert not stream.done
    message_of(out, ended=False)
    assert stream.feed(DONE) == b""


STREAM = b"".join([
    b": beat\n\n", ROLE, chunk({"reasoning_content": "hä"}), chunk({"content": "a\u2028b"}), chunk({"content": "\r\n"}),
    chunk(call(0, "", "a", "f")), chunk(call(1, "", "b", "g")), chunk(call(0, '{"x": 1}')), chunk(call(1, '{"y":2}')),
    chunk(reason="tool_calls"), COUNTS, DONE,
])  # fmt: skip
WHOLE, _ = through(STREAM)


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.booleans())
def test_cuts_do_not_matter(at: list[int], crlf: bool) -> None:
    data = STREAM.replace(b"\n", b"\r\n") if crlf else STREAM
    out, stream = through(*cut(data, at))
    assert out == WHOLE
    assert stream.done
    assert message_of(out)["stop_reason"] == "tool_use"


@given(st.lists(st.sampled_from([
    ROLE, chunk({"content": "a"}), chunk({"reasoning": "b"}), chunk(call(0, "{", "a", "f")), chunk(call(0, "}")),
    chunk(call(1, "{}", "b", "g")), chunk(call(2, "")), chunk(reason="stop"), COUNTS, DONE, b"data: {\n\n", b": x\n\n",
    b'data: {"error":"e"}\n\n',
]), max_size=12))  # fmt: skip
def test_any_order_of_events_keeps_the_grammar(parts: list[bytes]) -> None:
    out, stream = through(*parts)
    assert stream.done is not bool(stream.broken)
    message_of(out, ended=stream.done)


# ---- whole answers


def whole(message: Any, reason: str | None = "stop", to: ChatAnswers = TO, **more: Any) -> Any:
    body = {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": USAGE, **more}
    return json.loads(message_of_completion(json.dumps(body).encode(), to))


def test_a_whole_answer() -> None:
    called = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    message = whole({"content": "I look", "reasoning_content": "hm", "tool_calls": [called]}, "tool_calls")
    assert message == {
        "id": "msg_r1", "type": "message", "role": "assistant", "model": "claude-alias",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": UNSIGNED},
            {"type": "text", "text": "I look"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
        ],
        "stop_reason": "tool_use", "stop_sequence": None, "usage": COUNTED,
    }  # fmt: skip


@pytest.mark.parametrize(("message", "content"), [
    ({"content": None}, []), ({"content": ""}, []), ({"refusal": "No."}, [{"type": "text", "text": "No."}]),
    ({"content": [{"type": "text", "text": "a"}]}, [{"type": "text", "text": "a"}]),
    ({"tool_calls": [{"function": {"name": "f", "arguments": ""}}]},
     [{"type": "tool_use", "id": "call_r1_0", "name": "f", "input": {}}]),
])  # fmt: skip
def test_whole_contents(message: Any, content: Any) -> None:
    assert whole(message)["content"] == content


def test_a_whole_answer_without_usage_or_reason() -> None:
    message = whole({"content": "a"}, None, usage=None)
    assert message["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert message["stop_reason"] == "end_turn"


@pytest.mark.parametrize("data", [
    b"", b"x", b"{}", b'{"choices":[]}', b'{"choices":[{"index":0}]}', b'{"error":{"message":"x"}}',
    b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":"oops"}}]}}]}',
    b'{"choices":[{"message":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}',
])  # fmt: skip
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(Untranslatable):
        message_of_completion(data, TO)
