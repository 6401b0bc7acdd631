"""Anthropic's Messages wire as far as a gateway must look into it: errors, usage, the end of a stream.

Format: https://docs.anthropic.com/en/api/messages, …/messages-streaming, …/errors.  A stream is named events;
`message_start` carries the usage of the prompt, each `message_delta` the usage so far, `message_stop` is the last.
Comments and `ping` events may come anywhere.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from glowplug.errors import EngineFailed, GlowplugError
from glowplug.wire.anthropic_values import GivenUsage, read_event, read_message
from glowplug.wire.openai import completion_details, error_members, error_text, prompt_details
from glowplug.wire.openai_values import Usage
from glowplug.wire.sse import UsageWatch, named_event

_encode = msgspec.json.Encoder().encode

ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
"""Type by status; 4xx that are not here are `invalid_request_error`, 5xx `api_error`."""
_LAST = re.compile(rb"(?:\A|\n)event: ?message_stop\r?\ndata:[^\n]*\n\r?\n\s*\Z")
_TAIL: Final = 160
"""Bytes in which the last event fits with room to spare."""


def usage_of(body: bytes) -> Usage | None:
    """The usage of a whole response, or None when it reports none."""
    try:
        usage = read_message(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if usage is None else _joined(usage, None)


def _joined(usage: GivenUsage, before: Usage | None) -> Usage:
    """Anthropic counts what came from the cache, and what was put there, beside `input_tokens`; we count them inside.
    What a later report of the same stream leaves out stands as it was."""
    prompt = before.prompt_tokens if before is not None else 0
    cached = before.cached_tokens if before is not None else 0
    written = before.cache_written if before is not None else 0
    completion = before.completion_tokens if before is not None else 0
    if usage.input_tokens is not None:
        cached = usage.cache_read_input_tokens or 0
        written = usage.cache_creation_input_tokens or 0
        prompt = usage.input_tokens + cached + written
    if usage.output_tokens is not None:
        completion = usage.output_tokens
    parts = before.completion_tokens_details if before is not None else None
    if usage.output_tokens_details is not None:
        parts = completion_details(usage.output_tokens_details.thinking_tokens or 0)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        prompt_tokens_details=prompt_details(cached, written),
        completion_tokens_details=parts,
    )


class MessagesWatch(UsageWatch):
    """Watches a stream of messages that passes untouched."""

    __slots__ = ()

    def read(self, payload: bytes) -> None:
        try:
            event = read_event(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if event.usage is not None:
            self.usage = _joined(event.usage, self.usage)
        elif event.message is not None and event.message.usage is not None:
            # The start: what it says of the output is not what will be said, and all there is if the stream breaks.
            self.usage = _joined(event.message.usage, self.usage)
            self.usage.completion_tokens = None

    def is_last(self, out: bytes) -> bool:
        """Whether these bytes end with the `message_stop` event."""
        return b"message_stop" in out[-_TAIL:] and _LAST.search(out, max(0, len(out) - _TAIL)) is not None


def error_body(error: GlowplugError, request_id: str) -> bytes:
    """An error as Anthropic's clients expect it: `{"type": "error", "error": {"type", "message"}, "request_id"}`, with
    the members of our own inside `error`."""
    status = error.status
    kind = ERROR_TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    if isinstance(error, EngineFailed):
        kind = "api_error"
    members = error_members(error, request_id)
    detail = {"type": kind, "message": error_text(error), "code": error.code, **members}
    return _encode({"type": "error", "error": detail, "request_id": request_id})


def error_event(error: GlowplugError, request_id: str) -> bytes:
    """The same inside a stream."""
    return named_event(b"error", error_body(error, request_id))


def answer_event(status: int, body: bytes) -> bytes:
    """A whole upstream answer inside a stream that was promised before it came."""
    return named_event(b"error" if status >= 400 else b"message", body)
