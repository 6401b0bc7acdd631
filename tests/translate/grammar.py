"""Readers of streams that insist on the grammar: what clients may rely on in each wire, and nothing that ends twice."""

from __future__ import annotations

import json
from typing import Any

DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


def named_events(out: bytes) -> list[Any]:
    """The payloads of named events, each name checked against its payload."""
    assert not out or out.endswith(b"\n\n")
    found = []
    for block in out.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        payload = json.loads(data.removeprefix("data: "))
        assert name == f"event: {payload['type']}"
        found.append(payload)
    return found


def message_of(out: bytes, *, ended: bool = True) -> dict[str, Any]:
    """The message that a stream of Anthropic's adds up to; `json` of a tool_use is its input as it came.

    Blocks come one after the other, deltas fit the open block, and the end comes once or (`ended` false) never."""
    events = [event for event in named_events(out) if event["type"] != "ping"]
    if not events:
        assert not ended
        return {}
    start, *rest = events
    assert start["type"] == "message_start"
    message: dict[str, Any] = start["message"]
    assert (message["type"], message["role"], message["content"]) == ("message", "assistant", [])
    assert message["usage"] == {"input_tokens": 0, "output_tokens": 0}
    opened: int | None = None
    for event in rest:
        kind = event["type"]
        if kind == "content_block_start":
            assert opened is None
            opened = event["index"]
            assert opened == len(message["content"])
            message["content"].append({**event["content_block"], "json": ""})
        elif kind == "content_block_delta":
            assert event["index"] == opened
            block = message["content"][opened]
            of, member = DELTAS[event["delta"]["type"]]
            assert block["type"] == of
            here = "json" if member == "partial_json" else member
            block[here] += event["delta"][member]
        elif kind == "content_block_stop":
            assert event["index"] == opened
            opened = None
        elif kind == "message_delta":
            assert opened is None
            assert message["stop_reason"] is None
            message |= event["delta"]
            message["usage"] |= event["usage"]
            assert message["stop_reason"]
        else:
            assert kind == "message_stop"
            assert event is rest[-1]
    kinds = [event["type"] for event in rest]
    assert kinds[-2:] == ["message_delta", "message_stop"] if ended else "message_delta" not in kinds
    assert kinds.count("message_stop") == kinds.count("message_delta") == int(ended)
    return message


def completion_of(out: bytes, *, ended: bool = True, usage: bool = False) -> dict[str, Any]:
    """The message, finish_reason and usage that a stream of chat completions adds up to."""
    texts = [block.removeprefix("data: ") for block in out.decode().split("\n\n")[:-1]]
    assert texts.count("[DONE]") == int(ended)
    if ended:
        assert texts.pop() == "[DONE]"
    chunks = [json.loads(text) for text in texts]
    said: dict[str, Any] = {"content": "", "reasoning_content": "", "tool_calls": []}
    reasons = []
    for number, chunk in enumerate(chunks):
        assert chunk["object"] == "chat.completion.chunk"
        assert ("usage" in chunk) is usage
        if usage and number == len(chunks) - 1 and ended:
            assert chunk["choices"] == []
            said["usage"] = chunk["usage"]
            break
        assert chunk.get("usage") is None
        (choice,) = chunk["choices"]
        assert choice["index"] == 0
        delta = choice["delta"]
        assert ("role" in delta) is (number == 0)
        for name in ("content", "reasoning_content"):
            said[name] += delta.get(name) or ""
        for call in delta.get("tool_calls", ()):
            if call["index"] == len(said["tool_calls"]):
                assert call["id"]
                assert call["type"] == "function"
                said["tool_calls"].append({"id": call["id"], **call["function"]})
            else:
                assert call["index"] == len(said["tool_calls"]) - 1
                assert set(call) == {"index", "function"}
                assert set(call["function"]) == {"arguments"}
                said["tool_calls"][-1]["arguments"] += call["function"]["arguments"]
        reasons.append(choice["finish_reason"])
    assert all(reason is None for reason in reasons[: -1 if ended else None])
    assert not ended or reasons[-1]
    said["finish_reason"] = reasons[-1] if reasons else None
    return said


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    places = sorted({min(place, len(data)) for place in at})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
