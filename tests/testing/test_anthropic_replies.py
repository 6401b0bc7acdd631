"""The stand-in for Anthropic refuses what the real one refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.testing.anthropic_replies import VERSION, Behaviour, Refused, checked, events, message

HI = {"role": "user", "content": "hi there"}
GOOD: dict[str, Any] = {"model": "claude-stand-in", "max_tokens": 9, "messages": [HI]}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}


def check(headers: dict[str, str] | None = None, path: str = "/v1/messages", **members: Any) -> Any:
    sent = {"anthropic-version": VERSION, "x-api-key": "k"} if headers is None else headers
    return checked(path, sent, json.dumps({**GOOD, **members}).encode(), Behaviour(api_key="k"))


def test_what_is_in_order_is_answered() -> None:
    body = check()
    assert message(body, Behaviour(reply="a b c"))["content"] == [{"type": "text", "text": "a b c"}]
    assert message({**body, "max_tokens": 2}, Behaviour(reply="a b c"))["stop_reason"] == "max_tokens"
    kinds = [event["type"] for event in events(body, Behaviour(reply="a b"))]
    assert kinds == [
        "message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip


@pytest.mark.parametrize(("status", "asked"), [
    (401, {"headers": {"anthropic-version": VERSION}}),
    (400, {"headers": {"x-api-key": "k"}}),
    (404, {"path": "/v1/chat/completions"}),
    (404, {"model": "other"}),
    (400, {"newest": 1}),
    (400, {"max_tokens": None}),
    (400, {"temperature": 1.5}),
    (400, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    (400, {"messages": []}),
    (400, {"messages": [{"role": "system", "content": "x"}]}),
    (400, {"messages": [{"role": "assistant", "content": "x"}]}),
    (400, {"messages": [{"role": "user", "content": ""}]}),
    (400, {"messages": [HI, USE, HI]}),
])  # fmt: skip
def test_what_is_not_is_refused(status: int, asked: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        check(**asked)
    assert caught.value.status == status
    assert caught.value.body["type"] == "error"
