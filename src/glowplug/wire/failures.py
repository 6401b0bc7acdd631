"""Errors that upstreams answered, in whatever shape, as error objects of a client's wire.  Pure.

Read: OpenAI's `{"error": {"message", "type", "code"}}`, Anthropic's `{"type": "error", "error": {"type", "message"}}`,
`{"error": "text"}` (Ollama), `{"message"}` (vLLM before 0.10, Mistral), `{"detail"}` (FastAPI), one of these in a list
(Gemini), and plain text.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.wire.anthropic import ERROR_TYPES

_encode = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder().decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_SHOWN: Final = 500
"""Characters of a body that is no JSON."""
_OPENAI_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_OF_ANTHROPIC: Final = {402: "billing_error", 408: "timeout_error", 409: "conflict_error", 529: "overloaded_error"}
_CODES: Final = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}


def anthropic_type(status: int) -> str:
    """The type of an Anthropic error with this status."""
    known = ERROR_TYPES.get(status) or _OF_ANTHROPIC.get(status)
    return known or ("invalid_request_error" if status < 500 else "api_error")


def anthropic_error(status: int, data: bytes, request_id: str = "") -> bytes:
    """An upstream's error as Anthropic's clients expect it; what is one already stays as it is."""
    body = _read(data)
    if isinstance(body, dict) and body.get("type") == "error" and isinstance(body.get("error"), dict):
        return data
    out: dict[str, Any] = {
        "type": "error",
        "error": {"type": anthropic_type(status), "message": _message(body, data, status)},
    }
    if request_id:
        out["request_id"] = request_id
    return _encode(out)


def openai_error(status: int, data: bytes) -> bytes:
    """An upstream's error as OpenAI's clients expect it."""
    body = _read(data)
    kind = _OPENAI_TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    code: object = _CODES.get(status)
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        code = error.get("code") or (error.get("type") if error.get("type") != kind else None) or code
    message = _message(body, data, status)
    return _encode({"error": {"message": message, "type": kind, "param": None, "code": code}})


def alone(data: bytes) -> bytes:
    """An error without the list around it in which Gemini's OpenAI wire answers it; other bytes as they are."""
    if not data.lstrip().startswith(b"["):
        return data
    try:
        (one,) = _list(data)
        found = isinstance(_any(one), dict) and "error" in _any(one)
    except (ValueError, RecursionError):  # no JSON, or more than one
        return data
    return bytes(one) if found else data


def message_of(error: object) -> str:
    """What an `error` member of an event says."""
    if isinstance(error, dict):
        error = error.get("message") or error.get("type")
    return error if isinstance(error, str) and error else "an error without a message"


def _read(data: bytes) -> Any:
    try:
        return _any(alone(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _message(body: Any, data: bytes, status: int) -> str:
    if isinstance(body, dict):
        error = body.get("error")
        inner = error.get("message") if isinstance(error, dict) else error
        for found in (inner, body.get("message"), body.get("detail")):
            if isinstance(found, str) and found:
                return found
            if isinstance(found, list | dict) and found:
                return _encode(found).decode()[:_SHOWN]
    text = data[:_SHOWN].decode(errors="replace").strip()
    return text or f"the upstream answered {status} without a word"
