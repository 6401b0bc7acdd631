"""Answers of chat completions with what the format promises and some servers leave out.  Pure.

For the quirk `mend-answers`: clients with a schema of their own stop at a choice without `index`, at arguments that are
an object, at a `finish_reason` that is empty.  What is there and right stays as it is.

Format: https://platform.openai.com/docs/api-reference/chat/object and …/chat/streaming.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode
_ID: Final = "chatcmpl-unnamed"


def mended(data: bytes) -> bytes:
    """A whole answer, or the payload of one event; the same bytes when nothing is to be mended or it is none."""
    try:
        body = _decode(data)
        before = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data
    choices = body.get("choices")
    if body.get("error") or not (isinstance(choices, list) or isinstance(body.get("usage"), dict)):
        return data
    if not isinstance(choices, list):
        choices = body["choices"] = []
    whole = any(isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices)
    _put(body, "id", _ID)
    _put(body, "object", "chat.completion" if whole else "chat.completion.chunk")
    _put(body, "created", 0)
    _put(body, "model", "")
    for number, choice in enumerate(choices):
        if isinstance(choice, dict):
            _choice(choice, number, whole=whole)
    return data if body == before else _encode(body)


def _choice(choice: dict[str, Any], number: int, *, whole: bool) -> None:
    _put(choice, "index", number)
    reason = choice.get("finish_reason") or None
    choice["finish_reason"] = reason
    said = choice.get("message" if whole else "delta")
    if not isinstance(said, dict):
        said = choice["message" if whole else "delta"] = {}
    if whole:
        _put(said, "role", "assistant")
        said.setdefault("content", None)
    calls = said.get("tool_calls")
    for position, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            _call(call, position, whole=whole)


def _call(call: dict[str, Any], position: int, *, whole: bool) -> None:
    if not whole:
        _put(call, "index", position)
    if whole or call.get("id"):
        _put(call, "id", f"call_{position}")
        _put(call, "type", "function")
    function = call.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict | list):
        function["arguments"] = _encode(function["arguments"]).decode()


def _put(members: dict[str, Any], name: str, value: object) -> None:
    """Give a member a value when it has none."""
    if members.get(name) is None:
        members[name] = value
