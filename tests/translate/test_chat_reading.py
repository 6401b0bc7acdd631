"""Chat completions read for another wire: what ends them, what breaks them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.translate.base import Untranslatable
from glowplug.translate.chat_reading import UNFINISHED, ChatStream, failure_of, read_whole
from glowplug.translate.responses_answer import Composer
from glowplug.translate.responses_tools import Tools
from tests.translate.responses_cases import ASKED, chunks_of, encoded, events_of, read_through


def composer() -> Composer:
    return Composer(ASKED, {}, Tools([]))


def delta(reason: str | None = None, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": reason}]}


def streamed(data: bytes) -> tuple[ChatStream, list[dict[str, Any]]]:
    stream = ChatStream(composer())
    return stream, events_of(read_through(stream, data))


def test_a_finish_and_the_end_of_the_connection_are_an_end() -> None:
    stream, events = streamed(chunks_of([delta(content="a"), delta("stop")], done=False))
    assert stream.done
    assert events[-1]["type"] == "response.completed"


@pytest.mark.parametrize(("data", "why"), [
    (chunks_of([delta(content="a")], done=False), UNFINISHED),
    (b"", UNFINISHED),
    (chunks_of([delta(content="a"), {"error": {"message": "out of memory"}}]), "out of memory"),
    (chunks_of([delta(content="a"), {"error": "odd"}]), "odd"),
    (chunks_of([delta(content="a"), delta("error")]), "error"),
    (chunks_of([delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]), delta("tool_calls")]), "no name"),
    (b"data: nonsense\n\n", "no chat completion chunk"),
])  # fmt: skip
def test_what_breaks_a_stream_is_no_end(data: bytes, why: str) -> None:
    stream, events = streamed(data)
    assert why in stream.broken
    assert not stream.done
    assert not [event for event in events if event["type"] in ("response.completed", "response.incomplete")]
    assert stream.feed(chunks_of([delta("stop")])) == b""


def test_what_comes_after_the_finish_changes_nothing() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    late = delta(tool_calls=[{"index": 0, "function": {"arguments": "x"}}])
    _, events = streamed(chunks_of([delta(tool_calls=[call]), delta("tool_calls"), late]))
    assert events[-1]["response"]["output"][0]["arguments"] == "{}"


@pytest.mark.parametrize("pieces", [
    [{"id": "a", "function": {"name": "f", "arguments": "{"}}, {"function": {"arguments": "}"}},
     {"id": "b", "function": {"name": "g", "arguments": {}}}],
    [{"index": 0, "id": "a", "function": {"arguments": "{"}}, {"index": 0, "function": {"name": "f"}},
     {"index": 0, "function": {"arguments": "}"}},
     {"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}],
    [{"id": "a", "function": {"name": "f", "arguments": "{"}},
     {"id": "b", "function": {"name": "g", "arguments": "{}"}},
     {"id": "a", "function": {"arguments": "}"}}],
])  # fmt: skip
def test_pieces_of_calls_find_each_other(pieces: list[dict[str, Any]]) -> None:
    _, events = streamed(chunks_of([*(delta(tool_calls=[piece]) for piece in pieces), delta("tool_calls")]))
    output = events[-1]["response"]["output"]
    assert [(item["name"], item["call_id"], item["arguments"]) for item in output] == [
        ("f", "a", "{}"),
        ("g", "b", "{}"),
    ]


def test_reasoning_under_its_other_name_and_content_in_parts() -> None:
    _, events = streamed(chunks_of([delta(reasoning="hm"), delta("stop", content=[{"type": "text", "text": "a"}])]))
    thought, said = events[-1]["response"]["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "hm"}]
    assert said["content"][0]["text"] == "a"


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"index":0}]}',
                                  b'{"error":{"message":"no"}}'])  # fmt: skip
def test_no_answer(data: bytes) -> None:
    with pytest.raises(Untranslatable):
        read_whole(data, composer())


@pytest.mark.parametrize(("status", "data", "message", "kind"), [
    (400, {"error": {"message": "m", "type": "t", "code": "c"}}, "m", "t"),
    (422, {"detail": "d"}, "d", "invalid_request_error"),
    (400, [{"error": {"message": "m"}}], "m", "invalid_request_error"),
    (429, {"message": "slow"}, "slow", "rate_limit_error"),
    (500, {"error": "e"}, "e", "server_error"),
    (503, {}, "the upstream answered 503", "server_error"),
])  # fmt: skip
def test_failures(status: int, data: object, message: str, kind: str) -> None:
    error = json.loads(failure_of(status, encoded(data)))["error"]
    assert (error["message"], error["type"]) == (message, kind)


def test_a_failure_that_is_no_json() -> None:
    assert b"the upstream answered 502" in failure_of(502, b"<html>")
