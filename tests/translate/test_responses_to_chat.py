"""Responses requests as chat completions, and their answers back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from glowplug.errors import RequestError
from glowplug.translate.responses_to_chat import ResponsesToChat, responses_to_chat
from tests.translate.responses_cases import ASKED, chunks_of, encoded, events_of, exchange, read_through

CODEX = exchange("codex")
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)


def begun(**body: Any) -> ResponsesToChat:
    return responses_to_chat(encoded({"model": "chat-local", "input": "hi", **body}), ASKED)


def asked(**body: Any) -> Any:
    return json.loads(begun(**body).request)


def test_what_codex_sends() -> None:
    chat = json.loads(responses_to_chat(encoded(CODEX["request"]), ASKED).request)
    expected = CODEX["chat"]
    assert chat.pop("messages") == expected["messages"]
    assert [tool["function"]["name"] for tool in chat.pop("tools")] == expected["tool_names"]
    assert chat.pop("model") == "chat-local"
    assert chat == expected["rest"]


def test_the_stream_codex_gets() -> None:
    translation = responses_to_chat(encoded(CODEX["request"]), ASKED)
    stream = translation.stream()
    events = events_of(read_through(stream, chunks_of(CODEX["chunks"])))
    assert stream.done
    assert not stream.broken
    assert [event["type"] for event in events] == CODEX["events"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    response = events[-1]["response"]
    assert response["output"] == CODEX["output"]
    assert response["usage"] == CODEX["usage"]
    assert (response["id"], response["status"], response["store"]) == ("resp_r1", "completed", False)
    for event in events:
        if "response" in event:
            event["response"]["tools"] = []  # the client's own, whatever they are
        EVENT.validate_python(event)


@given(st.lists(st.integers(0, 3000), max_size=20))
def test_any_cut_gives_the_same_events(cuts: list[int]) -> None:
    data = chunks_of(CODEX["chunks"])
    outs = [read_through(responses_to_chat(encoded(CODEX["request"]), ASKED).stream(), data, c) for c in ((), cuts)]
    assert outs[0] == outs[1]


TEXTS = st.text(max_size=6)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "reasoning_content": TEXTS,
        "content": TEXTS,
        "refusal": TEXTS,
        "tool_calls": st.lists(st.tuples(st.sampled_from(["f", "c", "s__g", "local_shell", "?"]), TEXTS), max_size=3),
    },
)
TOOLS = [
    {"type": "function", "name": "f"},
    {"type": "custom", "name": "c"},
    {"type": "namespace", "name": "s", "tools": [{"type": "function", "name": "g"}]},
    {"type": "local_shell"},
]


@given(SAID, st.sampled_from(["stop", "length", "content_filter", "tool_calls"]), st.booleans())
def test_a_whole_answer_is_what_its_stream_ends_with(said: dict[str, Any], reason: str, summary: bool) -> None:
    calls = [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": text}}
        for n, (name, text) in enumerate(said.get("tool_calls", ()))
    ]
    message = {"role": "assistant", **said, "tool_calls": calls}
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    reasoning = {"summary": "auto"} if summary else {}
    body = {"tools": TOOLS, "reasoning": reasoning, "metadata": {"a": "b"}}
    answer = encoded({"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage})
    whole = json.loads(begun(**body).whole(answer))
    pieces = [{k: v} for k, v in message.items() if k in ("reasoning_content", "content", "refusal")]
    order = ["reasoning_content", "content", "refusal"]
    pieces.sort(key=lambda piece: order.index(next(iter(piece))))
    chunks: list[Any] = [{"choices": [{"index": 0, "delta": piece}]} for piece in [*pieces, {"tool_calls": calls}]]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    chunks.append({"choices": [], "usage": usage})
    events = events_of(read_through(begun(**body).stream(), chunks_of(chunks)))
    assert events[-1]["response"] == whole
    ends = [e for e in events if e["type"] in ("response.completed", "response.incomplete", "response.failed")]
    assert ends == events[-1:]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert sorted(done, key=lambda item: str(item["id"])) == sorted(whole["output"], key=lambda item: str(item["id"]))
    Response.model_validate({**whole, "tools": []})


@pytest.mark.parametrize(("body", "expected"), [
    ({"max_output_tokens": 9}, {"max_tokens": 9}),
    ({"temperature": 0, "top_p": 0.5, "user": "u"}, {"temperature": 0, "top_p": 0.5, "user": "u"}),
    ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
    ({"text": {"format": {"type": "text"}}}, {}),
    ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
    (
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    ({"tool_choice": "required", "parallel_tool_calls": False}, {}),
    ({"metadata": {"a": "b"}, "store": True, "truncation": "auto", "include": [], "service_tier": "flex"}, {}),
    ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, {}),
])  # fmt: skip
def test_settings(body: dict[str, Any], expected: dict[str, Any]) -> None:
    chat = asked(**body)
    assert chat.pop("model") == "chat-local"
    assert chat.pop("messages") == [{"role": "user", "content": "hi"}]
    assert chat == expected


def test_settings_are_repeated_in_the_answer() -> None:
    body = {"metadata": {"a": "b"}, "temperature": 0.5, "tools": [{"type": "web_search"}], "instructions": "Be kind"}
    answer = {"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "length"}]}
    whole = json.loads(begun(**body).whole(encoded(answer)))
    assert {name: whole[name] for name in body} == body
    assert whole["status"] == "incomplete"
    assert whole["incomplete_details"] == {"reason": "max_output_tokens"}
    assert whole["usage"] is None
    assert whole["text"] == {"format": {"type": "text"}}


@pytest.mark.parametrize(("more", "word"), [
    ({"background": True}, "background"),
    ({"conversation": "conv_1"}, "conversation"),
    ({"prompt": {"id": "pmpt_1"}}, "prompt"),
    ({"input": None}, "input"),
    ({"input": 5}, "input"),
    ({"input": [5]}, "input"),
    ({"input": [{"role": "king", "content": "x"}]}, "king"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]}, "picture"),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}, "input_file"),
])  # fmt: skip
def test_what_cannot_be_answered_is_refused(more: dict[str, Any], word: str) -> None:
    with pytest.raises(RequestError, match=word):
        begun(**more)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(RequestError):
        responses_to_chat(b"[]", ASKED)


def test_whether_it_is_kept() -> None:
    assert begun().stores
    assert not begun(store=False).stores


def test_an_error_of_the_upstream_keeps_its_words() -> None:
    error = {"error": {"message": "too long", "type": "invalid_request_error", "code": "context_length_exceeded"}}
    said = json.loads(begun().failure(400, encoded(error)))
    assert said["error"] == {**error["error"], "param": None}
