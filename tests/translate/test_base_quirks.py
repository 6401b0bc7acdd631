"""Answers of chat completions that do not keep to the format, read by every translation as what they mean."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from glowplug.translate.base import Asked
from glowplug.translate.messages_to_chat import MessagesToChat
from glowplug.translate.ollama_to_chat import chat_to_chat
from glowplug.translate.responses_to_chat import responses_to_chat

ASKED = Asked(id="r1", model="m", created=1_700_000_000)
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
USER = [{"role": "user", "content": "hi"}]
WIRES = ("messages", "responses", "ollama")


def begun(wire: str, *, stream: bool) -> Any:
    body: dict[str, Any] = {"model": "m", "stream": stream}
    if wire == "messages":
        return MessagesToChat(json.dumps({**body, "max_tokens": 99, "messages": USER}).encode(), ASKED)
    if wire == "responses":
        return responses_to_chat(json.dumps({**body, "input": "hi"}).encode(), ASKED)
    return chat_to_chat(json.dumps({**body, "messages": USER}).encode(), ASKED)


def chunks() -> list[dict[str, Any]]:
    """A stream that keeps to the format: a word, a call in two pieces, a reason, usage."""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up"}
    second = {"index": 0, "function": {"arguments": ":1}"}}
    deltas: list[tuple[dict[str, Any], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        ({"content": "Hello"}, None),
        ({"tool_calls": [{**CALL, "function": {"name": "f", "arguments": '{"a"'}}]}, None),
        ({"tool_calls": [second]}, None),
        ({}, "tool_calls"),
    ]
    out: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]} for delta, reason in deltas
    ]
    return [*out, {**head, "choices": [], "usage": USAGE}]


def choices(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [choice for chunk in found for choice in chunk.get("choices") or ()]


def _without(*names: str) -> Any:
    def edit(found: list[dict[str, Any]]) -> None:
        for chunk in found:
            for name in names:
                chunk.pop(name, None)

    return edit


def _no_index(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        del choice["index"]


def _null_index(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        choice["index"] = None


def _no_call_index(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        for call in choice["delta"].get("tool_calls", ()):
            del call["index"]


def _empty_reason(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        choice["finish_reason"] = choice["finish_reason"] or ""


def _no_reason(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        if choice["finish_reason"] is None:
            del choice["finish_reason"]


def _null_usage(found: list[dict[str, Any]]) -> None:
    for chunk in found[:-1]:
        chunk["usage"] = None


def _usage_without_choices(found: list[dict[str, Any]]) -> None:
    del found[-1]["choices"]


def _null_choices(found: list[dict[str, Any]]) -> None:
    found[-1]["choices"] = None


def _usage_with_reason(found: list[dict[str, Any]]) -> None:
    found[-2]["usage"] = found.pop()["usage"]


def _usage_everywhere(found: list[dict[str, Any]]) -> None:
    for number, chunk in enumerate(found[:-1]):
        chunk["usage"] = {"prompt_tokens": 3, "completion_tokens": number, "total_tokens": 3 + number}


def _odd_usage(found: list[dict[str, Any]]) -> None:
    found[-1]["usage"] = {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": None, "cost": "0.1"}


def _object_arguments(found: list[dict[str, Any]]) -> None:
    found[2]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] = {"a": 1}
    del found[3]


def _whole_call(found: list[dict[str, Any]]) -> None:
    found[2]["choices"][0]["delta"]["tool_calls"] = [deepcopy(CALL)]
    del found[3]


def _no_id_and_type(found: list[dict[str, Any]]) -> None:
    call = found[2]["choices"][0]["delta"]["tool_calls"][0]
    del call["id"], call["type"]


def _names_again(found: list[dict[str, Any]]) -> None:
    call = found[3]["choices"][0]["delta"]["tool_calls"][0]
    call["id"], call["function"]["name"] = "", ""


def _nulls(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        nothing = {"content": None, "tool_calls": None, "refusal": None, "reasoning_content": None, "role": None}
        choice["delta"] = {**nothing, **choice["delta"]}
        choice["logprobs"] = None


def _empty_calls(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        choice["delta"].setdefault("tool_calls", [])


def _null_delta(found: list[dict[str, Any]]) -> None:
    found[-2]["choices"][0]["delta"] = None


def _no_delta(found: list[dict[str, Any]]) -> None:
    del found[-2]["choices"][0]["delta"]


def _role_everywhere(found: list[dict[str, Any]]) -> None:
    for choice in choices(found):
        choice["delta"]["role"] = "assistant"


def _no_role(found: list[dict[str, Any]]) -> None:
    del found[0]["choices"][0]["delta"]["role"]


def _empty_chunk(found: list[dict[str, Any]]) -> None:
    found.insert(0, {"choices": [], "prompt_filter_results": []})


def _parts(found: list[dict[str, Any]]) -> None:
    found[1]["choices"][0]["delta"]["content"] = [{"type": "text", "text": "Hello"}]


QUIRKS = {
    "as the format has it": lambda _: None,
    "no id, object, created, model": _without("id", "object", "created", "model"),
    "choices without index": _no_index, "choices with index null": _null_index,
    "calls without index": _no_call_index, "finish_reason empty": _empty_reason, "finish_reason missing": _no_reason,
    "usage null": _null_usage, "usage without choices": _usage_without_choices,
    "usage with choices null": _null_choices,
    "usage with the reason": _usage_with_reason, "usage so far in every chunk": _usage_everywhere,
    "usage with strange details": _odd_usage, "arguments as an object": _object_arguments,
    "a call in one piece": _whole_call, "a call without id and type": _no_id_and_type,
    "later pieces with empty names": _names_again, "members that are null": _nulls, "calls empty": _empty_calls,
    "delta null": _null_delta, "delta missing": _no_delta, "the role in every chunk": _role_everywhere,
    "no role": _no_role, "a chunk of nothing first": _empty_chunk, "content in parts": _parts,
}  # fmt: skip


def meaning(wire: str, data: bytes) -> tuple[str, list[tuple[str, Any]], str, tuple[int, int]]:
    """(text, calls, how it ended, tokens) of a stream in the words of a wire."""
    text, calls, ended, used = "", [], "", (0, 0)
    if wire == "ollama":
        for one in map(json.loads, data.splitlines()):
            text += one["message"]["content"]
            calls += [(c["function"]["name"], c["function"]["arguments"]) for c in one["message"].get("tool_calls", ())]
            if one["done"]:
                ended, used = one["done_reason"], (one["prompt_eval_count"], one["eval_count"])
        return text, calls, ended, used
    events = [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: ")]
    if wire == "responses":
        last = events[-1]
        for item in last["response"]["output"]:
            if item["type"] == "message":
                text += item["content"][0]["text"]
            else:
                calls.append((item["name"], json.loads(item["arguments"])))
        usage = last["response"]["usage"] or {"input_tokens": 0, "output_tokens": 0}
        return text, calls, last["type"], (usage["input_tokens"], usage["output_tokens"])
    pieces: dict[int, list[str]] = {}
    for event in events:
        block, delta = event.get("content_block", {}), event.get("delta", {})
        if block.get("type") == "tool_use":
            pieces[event["index"]] = [block["name"], ""]
        text += delta.get("text", "")
        if "partial_json" in delta:
            pieces[event["index"]][1] += delta["partial_json"]
        if event["type"] == "message_delta":
            ended, used = delta["stop_reason"], (event["usage"].get("input_tokens", 0), event["usage"]["output_tokens"])
    return text, [(name, json.loads(given or "{}")) for name, given in pieces.values()], ended, used


ENDS = {"messages": "tool_use", "responses": "response.completed", "ollama": "stop"}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("quirk", QUIRKS)
def test_a_stream_means_the_same(wire: str, quirk: str) -> None:
    found = chunks()
    QUIRKS[quirk](found)
    stream = begun(wire, stream=True).stream()
    out = b"".join(stream.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n") for chunk in found)
    out += stream.feed(b"data: [DONE]\n\n") + stream.end()
    assert not stream.broken
    assert stream.done
    assert meaning(wire, out) == ("Hello", [("f", {"a": 1})], ENDS[wire], (3, 4))


SECOND = {"id": "call_2", "function": {"name": "g", "arguments": "{}"}}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("pieces", [
    [[{"id": "call_1", "function": {"name": "f", "arguments": '{"a"'}}],
     [{"function": {"arguments": ":1}"}}], [SECOND]],
    [[{"id": "call_1", "function": {"name": "f", "arguments": '{"a"'}}],
     [{"id": "call_1", "function": {"arguments": ":1}"}}], [SECOND]],
    [[{"id": "call_1", "function": {"name": "f", "arguments": '{"a":1}'}}, SECOND]],
    [[{"function": {"name": "f", "arguments": '{"a":1}'}}, {"function": {"name": "g", "arguments": "{}"}}]],
    [[{"id": "call_1", "function": {"name": "f", "arguments": {"a": 1}}}], [SECOND]],
])  # fmt: skip
def test_calls_without_an_index_are_told_apart(wire: str, pieces: list[list[dict[str, Any]]]) -> None:
    found = chunks()
    found[2:4] = [{"choices": [{"index": 0, "delta": {"tool_calls": deepcopy(calls)}}]} for calls in pieces]
    stream = begun(wire, stream=True).stream()
    out = b"".join(stream.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n") for chunk in found)
    out += stream.feed(b"data: [DONE]\n\n") + stream.end()
    assert not stream.broken
    assert meaning(wire, out)[1] == [("f", {"a": 1}), ("g", {})]


def answer() -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello", "tool_calls": [deepcopy(CALL)]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": "up"}
    return {**head, "choices": [choice], "usage": USAGE}


def whole_meaning(wire: str, body: dict[str, Any]) -> tuple[str, list[tuple[str, Any]], tuple[int, int]]:
    if wire == "ollama":
        calls = [(c["function"]["name"], c["function"]["arguments"]) for c in body["message"].get("tool_calls", ())]
        return body["message"]["content"], calls, (body["prompt_eval_count"], body["eval_count"])
    items = body["content"] if wire == "messages" else body["output"]
    text = "".join(i["text"] if wire == "messages" else i["content"][0]["text"]
                   for i in items if i["type"] in ("text", "message"))  # fmt: skip
    calls = [(i["name"], i["input"] if wire == "messages" else json.loads(i["arguments"]))
             for i in items if i["type"] in ("tool_use", "function_call")]  # fmt: skip
    return text, calls, (body["usage"]["input_tokens"], body["usage"]["output_tokens"])


def _edit(**changes: Any) -> Any:
    """Changes by the path of a member, `None` standing for null and `...` for missing."""

    def edit(body: dict[str, Any]) -> None:
        message = body["choices"][0]["message"]
        places = {
            "choice": body["choices"][0], "message": message, "call": message["tool_calls"][0],
            "function": message["tool_calls"][0]["function"], "body": body,
        }  # fmt: skip
        for path, value in changes.items():
            where, _, name = path.partition("_")
            if value is ...:
                del places[where][name]
            else:
                places[where][name] = value

    return edit


WHOLE = {
    "as the format has it": lambda _: None,
    "no index": _edit(choice_index=...), "index null": _edit(choice_index=None),
    "finish_reason empty": _edit(choice_finish_reason=""), "finish_reason null": _edit(choice_finish_reason=None),
    "finish_reason missing": _edit(choice_finish_reason=...), "finish_reason stop": _edit(choice_finish_reason="stop"),
    "no role": _edit(message_role=...), "arguments as an object": _edit(function_arguments={"a": 1}),
    "no id and type of calls": _edit(call_id=..., call_type=...), "no index of calls": _edit(call_index=...),
    "no id, object, created, model": _edit(body_id=..., body_object=..., body_created=..., body_model=...),
    "content in parts": _edit(message_content=[{"type": "text", "text": "Hello"}]),
    "members that are null": _edit(message_refusal=None, message_reasoning_content=None, choice_logprobs=None),
    "an error that is null": _edit(body_error=None),
}  # fmt: skip


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("quirk", WHOLE)
def test_a_whole_answer_means_the_same(wire: str, quirk: str) -> None:
    body = answer()
    WHOLE[quirk](body)
    made = json.loads(begun(wire, stream=False).whole(json.dumps(body).encode()))
    assert whole_meaning(wire, made) == ("Hello", [("f", {"a": 1})], (3, 4))
