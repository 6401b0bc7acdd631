"""Ollama's answers in, OpenAI's out."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.translate.ollama_answer import (
    LONGEST_LINE,
    Answering,
    AnswerStream,
    embedding_list,
    error_object,
    whole_answer,
)
from glowplug.wire import sse
from glowplug.wire.ollama import NotOllama

CHAT = Answering("r1", "chat-mistral-7b-ollama", 1_700_000_000)
USAGE = Answering("r1", "m", 1_700_000_000, include_usage=True)
TEXT = Answering("r1", "m", 1_700_000_000, chat=False, include_usage=True)


def line(content: str = "", **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, **more.pop("message", {})}
    base = {"model": "mistral:7b", "created_at": "2026-08-21T10:00:00.1Z", "message": message, "done": False}
    return json.dumps({**base, **more}).encode() + b"\n"


def last(**more: Any) -> bytes:
    return line(done=True, done_reason="stop", prompt_eval_count=5, eval_count=2, total_duration=9, **more)


def through(data: bytes, to: Answering = CHAT) -> tuple[bytes, AnswerStream]:
    stream = AnswerStream(to)
    out = stream.feed(data)
    return out + stream.end(), stream


def payloads(out: bytes) -> list[Any]:
    texts = [part.removeprefix(b"data: ") for part in out.split(b"\n\n") if part]
    return [text.decode() if text == b"[DONE]" else json.loads(text) for text in texts]


def deltas(out: bytes) -> list[Any]:
    return [one["choices"][0]["delta"] for one in payloads(out)[:-1] if one["choices"]]


def test_a_chat_is_a_role_then_content_then_a_reason_then_the_end() -> None:
    out, stream = through(line("Hel") + line("lo") + last())
    chunks = payloads(out)
    assert deltas(out) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}]
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None, None, None, "stop"]
    assert chunks[-1] == "[DONE]" and sse.is_last(out)
    head = {key: chunks[0][key] for key in ("id", "object", "created", "model")}
    assert head == {
        "id": "chatcmpl-r1", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": "chat-mistral-7b-ollama",
    }  # fmt: skip
    assert stream.done and not stream.broken
    assert stream.usage is not None
    assert (stream.usage.prompt_tokens, stream.usage.completion_tokens) == (5, 2)


def test_the_usage_chunk_comes_when_it_was_asked_for() -> None:
    out, _ = through(line("a") + last(), USAGE)
    chunk = payloads(out)[-2]
    assert chunk["choices"] == [] and chunk["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    assert b'"usage"' not in through(line("a") + last())[0]


@pytest.mark.parametrize(
    ("reason", "finish"), [("stop", "stop"), ("length", "length"), ("load", "stop"), ("", "stop"), (None, "stop")]
)
def test_the_reason_to_end_is_named_as_openai_does(reason: str | None, finish: str) -> None:
    end = line(done=True, done_reason=reason)
    assert payloads(through(end)[0])[-2]["choices"][0]["finish_reason"] == finish
    whole = json.loads(whole_answer(line("x", done=True, done_reason=reason), CHAT))
    assert whole["choices"][0]["finish_reason"] == finish


def test_thoughts_and_content_of_one_line_keep_their_order() -> None:
    out, _ = through(line("4", message={"thinking": "2+2"}) + last())
    assert deltas(out)[1:3] == [{"reasoning_content": "2+2"}, {"content": "4"}]


def test_tool_calls_get_an_id_an_index_and_text() -> None:
    one = {"function": {"name": "weather", "arguments": {"city": "Lyon", "days": [1]}}}
    two = {"id": "call_ab", "function": {"index": 7, "name": "clock", "arguments": {}}}
    out, _ = through(line(message={"tool_calls": [one]}) + line(message={"tool_calls": [two]}) + last())
    calls = [call for delta in deltas(out) for call in delta.get("tool_calls", [])]
    assert [(c["index"], c["id"], c["type"], c["function"]["name"]) for c in calls] == [
        (0, "call_r1_0", "function", "weather"),
        (1, "call_ab", "function", "clock"),
    ]
    assert json.loads(calls[0]["function"]["arguments"]) == {"city": "Lyon", "days": [1]}
    assert payloads(out)[-2]["choices"][0]["finish_reason"] == "tool_calls"
    choice = json.loads(whole_answer(last(message={"tool_calls": [one, two]}), CHAT))["choices"][0]
    assert choice["finish_reason"] == "tool_calls" and choice["message"]["content"] is None
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_r1_0", "call_ab"]


def test_logprobs() -> None:
    entry = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Yo", "logprob": -1.5}]}
    out, _ = through(line("Hi", logprobs=[entry]) + last())
    assert payloads(out)[1]["choices"][0]["logprobs"]["content"] == [entry]
    text = b'{"response":"Hi","logprobs":[%b],"done":false}\n' % json.dumps(entry).encode()
    chunks = payloads(through(text + text + b'{"done":true}\n', TEXT)[0])
    assert chunks[0]["choices"][0]["logprobs"] == {
        "tokens": ["Hi"], "token_logprobs": [-0.5], "top_logprobs": [{"Yo": -1.5}], "text_offset": [0],
    }  # fmt: skip
    assert chunks[1]["choices"][0]["logprobs"]["text_offset"] == [2]


def test_completions() -> None:
    lines = b'{"response":"Once","done":false}\n{"response":" up","done":false}\n'
    end = b'{"response":"","done":true,"done_reason":"length","prompt_eval_count":1,"eval_count":2}\n'
    out, stream = through(lines + end, TEXT)
    chunks = payloads(out)
    assert [c["choices"][0]["text"] for c in chunks[:3]] == ["Once", " up", ""]
    assert chunks[2]["choices"][0]["finish_reason"] == "length" and chunks[0]["object"] == "text_completion"
    assert chunks[3]["usage"]["total_tokens"] == 3 and chunks[0]["id"] == "cmpl-r1"
    assert stream.usage is not None and stream.usage.completion_tokens == 2
    whole = json.loads(whole_answer(end.replace(b'"response":""', b'"response":"Once up"'), TEXT))
    assert whole["choices"][0]["text"] == "Once up" and whole["usage"]["prompt_tokens"] == 1


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        (b"", "ended before"),
        (b'{"error":"an error was encountered while running the model: CUDA error"}\n', "CUDA error"),
        (b'{"error":""}\n', "without a message"),
        (b"<html>\n", "not what Ollama says"),
        (line("cut")[:-5], "not what Ollama says"),
        (b'{"done":"yes"}\n', "not what Ollama says"),
        (b"x" * (LONGEST_LINE + 1), "longer than"),
    ],
)
def test_an_answer_that_did_not_end_is_never_ended_for_it(tail: bytes, why: str) -> None:
    out, stream = through(line("Hel") + tail, USAGE)
    assert why in stream.broken and not stream.done and stream.usage is None
    assert deltas(out + b"data: [DONE]\n\n") == [{"role": "assistant", "content": ""}, {"content": "Hel"}]
    assert b"[DONE]" not in out and b'"finish_reason":"' not in out
    assert stream.feed(last()) == b"", "nothing comes after"


def test_what_comes_after_the_end_is_ignored() -> None:
    out, stream = through(last() + line("ghost") + b'{"error":"late"}\n')
    assert b"ghost" not in out and not stream.broken


def test_an_answer_without_a_line_end_is_one_line() -> None:
    out, stream = through(last().rstrip(b"\n"))
    assert stream.done and sse.is_last(out)


def test_whole_chats() -> None:
    made = json.loads(whole_answer(last(message={"content": "Hello", "thinking": "hm"}), CHAT))
    assert made["object"] == "chat.completion" and made["model"] == "chat-mistral-7b-ollama"
    assert made["choices"][0]["message"] == {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    assert made["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    for bad in (line("half"), b'{"error":"no"}', b"hello"):
        with pytest.raises(NotOllama):
            whole_answer(bad, CHAT)


def test_embeddings_as_numbers_and_packed() -> None:
    data = b'{"model":"e","embeddings":[[0.5,-1.0],[1,2]],"prompt_eval_count":6}'
    plain = json.loads(embedding_list(data, CHAT))
    assert [row["embedding"] for row in plain["data"]] == [[0.5, -1.0], [1.0, 2.0]]
    assert [row["index"] for row in plain["data"]] == [0, 1]
    assert plain["usage"] == {"prompt_tokens": 6, "total_tokens": 6} and plain["model"] == CHAT.model
    packed = json.loads(embedding_list(data, Answering("r", "m", 0, packed=True)))["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(packed)) == (0.5, -1.0)
    with pytest.raises(NotOllama):
        embedding_list(b'{"embedding":[1]}', CHAT)


def test_errors_get_openais_shape() -> None:
    missing = json.loads(error_object(404, b'{"error":"model \'x\' not found"}'))["error"]
    assert missing["message"] == "model 'x' not found" and missing["code"] == "model_not_found"
    assert json.loads(error_object(400, b'{"error":"no"}'))["error"]["type"] == "invalid_request_error"
    assert json.loads(error_object(500, b""))["error"]["message"] == "Ollama answered 500"


PIECES = st.lists(st.one_of(st.text(max_size=12), st.tuples(st.text(max_size=6), st.text(max_size=6))), max_size=8)


def _lines(pieces: list[Any]) -> bytes:
    out = b""
    for piece in pieces:
        out += line(piece) if isinstance(piece, str) else line(piece[1], message={"thinking": piece[0]})
    return out


@given(PIECES, st.booleans(), st.data())
def test_any_split_of_the_bytes_gives_the_same_events(pieces: list[Any], ends: bool, draw: st.DataObject) -> None:
    data = _lines(pieces) + (last() if ends else b"")
    expected, whole = through(data, USAGE)
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    stream, out = AnswerStream(USAGE), b""
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        out += stream.feed(data[start:end])
    assert out + stream.end() == expected
    assert (stream.done, stream.broken, stream.usage) == (whole.done, whole.broken, whole.usage)


@given(PIECES)
def test_content_arrives_to_the_letter(pieces: list[Any]) -> None:
    got = deltas(through(_lines(pieces) + last())[0])
    said = [(piece, "") if isinstance(piece, str) else (piece[1], piece[0]) for piece in pieces]
    assert "".join(delta.get("content", "") for delta in got) == "".join(text for text, _ in said)
    assert "".join(delta.get("reasoning_content", "") for delta in got) == "".join(thought for _, thought in said)
