"""What Anthropic's Messages API answers, as pure functions: request in, body or events out.

It imitates version 2023-06-01 and takes requests that name a later one
(https://docs.anthropic.com/en/api/messages, …/messages-streaming, …/errors), as strict as the real one where a gateway
could get it wrong: the version header, `max_tokens`, members nobody knows, roles, empty texts, results without their
calls.  An answer says the reply, or calls the first (or the chosen) tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSION: Final = "2023-06-01"
Body = dict[str, Any]

ERROR_TYPES: Final = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
    504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
_MEMBERS: Final = frozenset((
    "model", "messages", "max_tokens", "system", "metadata", "stop_sequences", "stream", "temperature", "top_k",
    "top_p", "tools", "tool_choice", "thinking", "output_config", "service_tier", "container", "cache_control",
))  # fmt: skip
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_LEAST_BUDGET: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How it answers; replace it on a running one to change its mind."""

    api_key: str = ""
    """The key it wants in `x-api-key` or as a bearer's; empty: none."""
    models: tuple[str, ...] = ("claude-stand-in",)
    reply: str = "This is the stand-in for a model of Anthropic's."
    arguments: tuple[str, ...] = ('{"city":', ' "Köln"}')
    """The input of a tool's call, in the pieces in which it is streamed."""
    calls: int = 1
    """How many calls it makes at once, of the tools in their order."""
    cached: int = 0
    """Tokens of every prompt that were read from the cache."""
    status: int = 0
    """Answer with this status and an error; 0: answer properly."""
    breaks: str = ""
    """After the first word of a stream: `error` sends an error event, `cut` ends without an end."""


class Refused(Exception):
    """An error as Anthropic words it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(ERROR_TYPES.get(status, "api_error"), message)


def error_body(kind: str, message: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_standin"}


def checked(path: str, headers: Mapping[str, str], data: bytes, behaviour: Behaviour) -> Body:
    """The body of a request that is in order.  Raises Refused."""
    given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
    if behaviour.api_key and given != behaviour.api_key:
        raise Refused(401, "invalid x-api-key")
    if headers.get("anthropic-version", "") < VERSION:
        raise Refused(400, "anthropic-version: header is required")
    if path not in ("/v1/messages", "/v1/messages/count_tokens"):
        raise Refused(404, "Not found")
    try:
        body = json.loads(data)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "The request body is not valid JSON")
    if strange := sorted(set(body) - _MEMBERS):
        raise Refused(400, f"{strange[0]}: Extra inputs are not permitted")
    if body.get("model") not in behaviour.models:
        raise Refused(404, f"model: {body.get('model')}")
    if path == "/v1/messages":
        _check_limits(body)
    _check_messages(body.get("messages"))
    return body


def _check_limits(body: Body) -> None:
    most = body.get("max_tokens")
    if not isinstance(most, int) or most < 1:
        raise Refused(400, "max_tokens: Field required")
    if not 0 <= body.get("temperature", 1) <= 1:
        raise Refused(400, "temperature: range: 0..1")
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled" and not _LEAST_BUDGET <= thinking.get("budget_tokens", 0) < most:
        raise Refused(400, "max_tokens must be greater than thinking.budget_tokens")
    if thinking.get("type") in ("enabled", "adaptive") and ("temperature" in body or "top_k" in body):
        raise Refused(400, "temperature may only be set to 1 when thinking is enabled")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "messages: at least one message is required")
    called: set[str] = set()
    for number, message in enumerate(messages):
        if message.get("role") not in ("user", "assistant"):
            raise Refused(400, f"messages.{number}.role: unexpected value")
        if number == 0 and message["role"] != "user":
            raise Refused(400, 'messages: first message must use the "user" role')
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        results = {block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"}
        if results - called or called - results:
            raise Refused(400, f"messages.{number}: `tool_use` and `tool_result` blocks do not match")
        called = {block["id"] for block in blocks if block.get("type") == "tool_use"}
        if any(block.get("type") == "text" and not block.get("text") for block in blocks):
            raise Refused(400, f"messages.{number}: text content blocks must be non-empty")
        if not all(_ID.fullmatch(id) for id in called):
            raise Refused(400, f"messages.{number}: tool_use.id: String should match pattern")


def count(body: Body) -> int:
    """Words in every string of the system prompt, the messages and the tools."""
    return _words([body.get("system"), body.get("messages"), body.get("tools")])


def _words(value: object) -> int:
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(_words(inner) for inner in value.values())
    return sum(_words(inner) for inner in value) if isinstance(value, list) else 0


def _content(body: Body, behaviour: Behaviour) -> tuple[list[Body], str]:
    """(blocks, stop_reason); a tool_use has its pieces in `pieces`."""
    blocks: list[Body] = []
    if body.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        blocks.append({"type": "thinking", "thinking": "Let me see.", "signature": "c2lnbmVk"})
    tools = [tool for tool in body.get("tools", ()) if "input_schema" in tool]
    choice = body.get("tool_choice", {"type": "auto"})
    if choice["type"] == "tool":
        tools = [tool for tool in tools if tool["name"] == choice["name"]]
    last = body["messages"][-1]["content"]
    answered = isinstance(last, list) and any(block.get("type") == "tool_result" for block in last)
    if tools and choice["type"] != "none" and (not answered or choice["type"] != "auto"):
        for number in range(behaviour.calls):
            name = tools[number % len(tools)]["name"]
            pieces = list(behaviour.arguments)
            blocks.append({"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": {}, "pieces": pieces})
        return blocks, "tool_use"
    words = re.findall(r"\s*\S+", behaviour.reply)
    cut = len(words) > body["max_tokens"]
    blocks.append({"type": "text", "text": "", "pieces": words[: body["max_tokens"]]})
    return blocks, "max_tokens" if cut else "end_turn"


def _usage(body: Body, behaviour: Behaviour, output: int) -> Body:
    return {
        "input_tokens": count(body),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": behaviour.cached,
        "output_tokens": output,
    }


def _message(body: Body, content: list[Body], reason: str | None, usage: Body) -> Body:
    return {
        "id": "msg_standin", "type": "message", "role": "assistant", "model": body["model"], "content": content,
        "stop_reason": reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def _tokens(blocks: list[Body]) -> int:
    return sum(len(block.get("pieces", ("",))) for block in blocks)


def message(body: Body, behaviour: Behaviour) -> Body:
    """A whole answer."""
    blocks, reason = _content(body, behaviour)
    tokens = _tokens(blocks)
    for block in blocks:
        whole = "".join(block.pop("pieces", ()))
        if block["type"] == "text":
            block["text"] = whole
        elif block["type"] == "tool_use":
            block["input"] = json.loads(whole or "{}")
    return _message(body, blocks, reason, _usage(body, behaviour, tokens))


def events(body: Body, behaviour: Behaviour) -> Iterator[Body]:
    """The events of a stream, in order."""
    blocks, reason = _content(body, behaviour)
    tokens = _tokens(blocks)
    yield {"type": "message_start", "message": _message(body, [], None, _usage(body, behaviour, 1))}
    for index, block in enumerate(blocks):
        pieces = block.pop("pieces", [])
        kind = block["type"]
        begun = {**block, "thinking": "", "signature": ""} if kind == "thinking" else block
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, pieces):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
            if behaviour.breaks:
                if behaviour.breaks == "error":
                    yield error_body("overloaded_error", "Overloaded")
                return
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": tokens}}
    yield {"type": "message_stop"}


def _deltas(block: Body, pieces: list[str]) -> Iterator[Body]:
    if block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    for piece in pieces:
        if block["type"] == "text":
            yield {"type": "text_delta", "text": piece}
        else:
            yield {"type": "input_json_delta", "partial_json": piece}
