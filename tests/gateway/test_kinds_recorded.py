"""What real clients send, put to targets of every wire: it is served, accounted, and ends as its own wire says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.gateway.kinds import PATHS
from tests.gateway.rig import END, STREAM_HEAD, Response, Rig, cloud, snapshot, whole
from tests.gateway.test_kinds_ollama import NDJSON, chunk

FOLDER = Path(__file__).parents[1] / "clients"
FILES = sorted(FOLDER.glob("*.json"))
WIRES = {
    "chat": Capability.CHAT, "messages": Capability.MESSAGES, "responses": Capability.RESPONSES,
    "completions": Capability.COMPLETIONS, "embeddings": Capability.EMBEDDINGS,
}  # fmt: skip
PROMPT, COMPLETION = 11, 7


def _named(*events: tuple[str, dict[str, Any]]) -> bytes:
    out = b""
    for name, payload in events:
        one = f"event: {name}\ndata: {json.dumps({'type': name, **payload})}\n\n".encode()
        out += b"%x\r\n%b\r\n" % (len(one), one)
    return out


def _plain(*payloads: Any) -> bytes:
    out = b""
    for payload in payloads:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        one = f"data: {text}\n\n".encode()
        out += b"%x\r\n%b\r\n" % (len(one), one)
    return out


CHAT_USAGE = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION, "total_tokens": PROMPT + COMPLETION}
THEIR_USAGE = {"input_tokens": PROMPT, "output_tokens": COMPLETION}
RESPONSE = {
    "id": "resp_u", "object": "response", "created_at": 1, "status": "completed", "model": "up", "error": None,
    "output": [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}
    ],
    "usage": {**THEIR_USAGE, "total_tokens": PROMPT + COMPLETION},
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "chat": {
        "id": "c", "object": "chat.completion", "created": 1, "model": "up", "usage": CHAT_USAGE,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    },
    "completions": {"choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}], "usage": CHAT_USAGE},
    "embeddings": {"data": [{"index": 0, "embedding": "AAAAPw=="}], "usage": {"prompt_tokens": PROMPT}},
    "messages": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "up", "stop_reason": "end_turn",
        "stop_sequence": None, "content": [{"type": "text", "text": "Hello"}], "usage": THEIR_USAGE,
    },
    "responses": RESPONSE,
}  # fmt: skip


def _delta(**delta: Any) -> dict[str, Any]:
    finish = delta.pop("finish", None)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]}


def _line(text: str, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"model": "up", "created_at": "2026-01-01T00:00:00Z", "message": message, "response": text, **more}


ENDED = {"done": True, "done_reason": "stop", "prompt_eval_count": PROMPT, "eval_count": COMPLETION}
WHOLE["ollama"] = _line("Hello", **ENDED)
STREAMS: dict[str, bytes] = {
    "chat": _plain(
        _delta(role="assistant", content=""), _delta(content="Hel"), _delta(content="lo"), _delta(finish="stop"),
        {**_delta(), "choices": [], "usage": CHAT_USAGE}, "[DONE]",
    ),
    "completions": _plain(
        {"choices": [{"index": 0, "text": "Hello", "finish_reason": "stop"}]},
        {"choices": [], "usage": CHAT_USAGE}, "[DONE]",
    ),
    "messages": _named(
        ("message_start", {"message": {**WHOLE["messages"], "content": [], "usage": {"input_tokens": PROMPT}}}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        ("ping", {}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": COMPLETION}}),
        ("message_stop", {}),
    ),
    "responses": _named(
        ("response.created", {"sequence_number": 0, "response": {**RESPONSE, "status": "in_progress", "output": []}}),
        ("response.output_item.added", {"sequence_number": 1, "output_index": 0, "item": {
            "type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}}),
        ("response.output_text.delta", {
            "sequence_number": 2, "output_index": 0, "content_index": 0, "item_id": "msg_1", "delta": "Hello"}),
        ("response.completed", {"sequence_number": 3, "response": RESPONSE}),
    ),
    "ollama": chunk(_line("Hel", done=False)) + chunk(_line("lo", done=False)) + chunk(_line("", **ENDED)),
}  # fmt: skip
LAST = {
    "/api/chat": b'"done":true',
    "/v1/chat/completions": b"data: [DONE]\n\n", "/v1/completions": b"data: [DONE]\n\n",
    "/v1/messages": b"event: message_stop\n", "/v1/responses": b"event: response.completed\n",
}  # fmt: skip


def cases() -> list[Any]:
    """Every file that asks a model for something, with every wire that can serve it."""
    found = []
    for path in FILES:
        case = json.loads(path.read_text())
        asked = case["request"]["path"].partition("?")[0]
        if asked in LAST or asked == "/v1/embeddings":
            wires = case["expect"].get("wires", ["chat", "messages", "responses", "ollama"])
            found += [pytest.param(case, wire, id=f"{path.stem}-{wire}") for wire in wires]
    return found


def put(rig: Rig, case: dict[str, Any], wire: str) -> Any:
    """The client's request, put to a provider that has only this wire."""
    if wire == "ollama":
        model = cloud("cloud", base_url="http://127.0.0.1:1/api", dialect=Dialect.OLLAMA)
    else:
        model = cloud("cloud", capabilities=(WIRES[wire],))
    rig.apply(snapshot(models=(model,), aliases=()))
    asked = case["request"]
    body = json.loads(json.dumps(asked["body"]).replace("MODEL", "cloud"))
    headers = [f"{name}: {value}" for name, value in asked["headers"].items()]
    return rig.ask(body, path=asked["path"], headers=headers)


def head_of(wire: str) -> bytes:
    return NDJSON if wire == "ollama" else STREAM_HEAD


def streams(case: dict[str, Any]) -> bool:
    """Whether the client wants a stream; Ollama's get one unless they say no."""
    return bool(case["request"]["body"].get("stream", case["request"]["path"] == "/api/chat"))


def said(answer: Response, path: str, *, stream: bool) -> str:
    """The text the client reads, by its own wire."""
    if not stream:
        body = answer.json
        match path:
            case "/v1/messages":
                return "".join(block.get("text", "") for block in body["content"])
            case "/v1/responses":
                return "".join(part.get("text", "") for item in body["output"] for part in item.get("content", ()))
            case "/v1/embeddings":
                return str(body["data"][0]["embedding"])
            case "/api/chat":
                return str(body["message"]["content"])
        choice = body["choices"][0]
        return str(choice["message"]["content"] if "message" in choice else choice["text"])
    text = ""
    if path == "/api/chat":
        return "".join(json.loads(line)["message"]["content"] for line in answer.body.splitlines())
    for line in answer.body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        if path == "/v1/messages":
            text += event.get("delta", {}).get("text", "")
        elif path == "/v1/responses":
            text += event["delta"] if event["type"] == "response.output_text.delta" else ""
        else:
            for choice in event["choices"]:
                text += choice.get("text") or choice.get("delta", {}).get("content") or ""
    return text


@pytest.mark.parametrize(("case", "wire"), cases())
def test_it_is_served_on_every_wire(rig: Rig, case: dict[str, Any], wire: str) -> None:
    asked, expect = case["request"], case["expect"]
    path, stream = asked["path"].partition("?")[0], streams(case)
    client = put(rig, case, wire)
    assert rig.ups, f"refused: {client.wire.data[-400:]!r}"
    top, _, sent = rig.up("cloud").request.partition(b"\r\n\r\n")
    there = {kind.name: f"/v1{kind.upstream}" for kind in PATHS.values()} | {
        "ollama": "/api/generate" if path == "/v1/completions" else "/api/chat"
    }
    assert top.split(b" ")[1].partition(b"?")[0].decode() == there[wire]
    upstream = json.loads(sent)
    assert upstream["model"] == "up-cloud"
    text = json.dumps(upstream, ensure_ascii=False)
    for wanted in expect.get("texts", ()):
        assert json.dumps(wanted)[1:-1] in text, wanted
    for tool in expect.get("tools", ()):
        assert f'"name": "{tool}"' in text, tool
    if wire != "messages":
        assert "x-anthropic-billing-header" not in text
    if bool(upstream.get("stream")):
        rig.reply(head_of(wire) + STREAMS[wire] + END, "cloud")
    else:
        rig.reply(whole(WHOLE[wire]), "cloud")
    answer = client.answer
    assert (answer.status, answer.complete) == (200, True), answer.body
    assert said(answer, path, stream=stream) in ("Hello", "AAAAPw==")
    if stream:
        assert answer.body.count(LAST[path]) == 1
        assert LAST[path] in answer.body[-len(answer.body) // 2 :]
    (end,) = rig.journal.ends
    done = 0 if wire == "embeddings" else COMPLETION
    assert (end.prompt_tokens, end.completion_tokens, end.estimated, end.outcome) == (PROMPT, done, False, "ok")


@pytest.mark.parametrize(("case", "wire"), [c for c in cases() if streams(c.values[0])])
def test_a_stream_that_breaks_never_looks_complete(rig: Rig, case: dict[str, Any], wire: str) -> None:
    path = case["request"]["path"].partition("?")[0]
    client = put(rig, case, wire)
    data = STREAMS[wire]
    mark = b'"done":true' if wire == "ollama" else b'"finish_reason": "stop"'
    end = data.rindex(b"event: ") if b"event: " in data else data.index(mark)
    rig.reply(head_of(wire) + data[: end - 20], "cloud")
    rig.up("cloud").wire.lose()
    rig.spin()
    answer = client.answer
    assert LAST[path] not in answer.body
    assert b"error" in answer.body
    assert not (answer.status == 200 and answer.complete and b'"error"' not in answer.body)
    assert rig.journal.ends[0].outcome == "upstream_error"


@pytest.mark.parametrize("path", [path for path in FILES if "count" in path.name], ids=lambda path: path.stem)
def test_tokens_are_counted_without_waking_anybody(rig: Rig, path: Path) -> None:
    client = put(rig, json.loads(path.read_text()), "chat")
    assert not rig.ups
    assert client.answer.status == 200
    assert client.answer.json["input_tokens"] > 20, "the tools count"
