"""OpenAI's Responses wire, and the usage objects of its family, as far as a gateway must look into them.

Format: https://platform.openai.com/docs/api-reference/responses and …/responses-streaming.  A stream is named events;
the last is `response.completed`, `response.incomplete` or `response.failed` and carries the whole response with its
usage.  The audio endpoints report usage in the same words; rerankers report `prompt_tokens` or only `total_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from glowplug.errors import GlowplugError
from glowplug.wire.openai import completion_details, error_members, error_text, prompt_details
from glowplug.wire.openai_values import Usage
from glowplug.wire.responses_values import NOTHING, GivenUsage, read_asked, read_event, read_response, read_whole
from glowplug.wire.sse import UsageWatch, named_event

_encode = msgspec.json.Encoder().encode

SPELLED: Final = {"max_tokens": "max_output_tokens"}
"""Settings that have another name here than in chat completions."""
_LAST = re.compile(rb"(?:\A|\n)event: ?(?:response\.(?:completed|incomplete|failed)|error)\r?\n")
_LAST_AUDIO = re.compile(rb'"type"\s*:\s*"(?:transcript\.text|speech\.audio)\.done"|(?:\A|\n)data: ?\[DONE\]\r?\n')
_LAST_IMAGE = re.compile(rb"(?:\A|\n)data: ?\[DONE\]\r?\n")
_REASONING: Final = msgspec.Raw(b'"reasoning"')
_MESSAGE: Final = msgspec.Raw(b'"message"')
_REFERENCE: Final = "item_reference"
_OURS = re.compile(r"[a-z]+_(.+)_[0-9]+")
"""The ids of items in responses that were translated (`glowplug.translate.responses_answer`)."""
_CALLS: Final = (msgspec.Raw(b'"function_call"'), msgspec.Raw(b'"custom_tool_call"'))
_WITH_IDS: Final = (_MESSAGE, *_CALLS)
_EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n")


_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def usage_of(body: bytes) -> Usage | None:
    """The usage of a whole response, or None when it reports no tokens (of audio, perhaps seconds)."""
    try:
        usage = read_response(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if usage is None else _plain(usage)


def _plain(usage: GivenUsage) -> Usage | None:
    given = usage.output_tokens if usage.output_tokens is not None else usage.completion_tokens
    taken = usage.input_tokens if usage.input_tokens is not None else usage.prompt_tokens
    if taken is None and usage.total_tokens is not None:
        taken = max(0, usage.total_tokens - (given or 0))
    if taken is None and given is None:
        return None
    inside = usage.input_tokens_details or usage.input_token_details or NOTHING
    thought = (usage.output_tokens_details or NOTHING).reasoning_tokens or 0
    return Usage(
        prompt_tokens=taken or 0,
        completion_tokens=given or 0,
        prompt_tokens_details=prompt_details(inside.cached_tokens or 0, 0, inside.audio_tokens or 0),
        completion_tokens_details=completion_details(thought),
    )


class ResponsesWatch(UsageWatch):
    """Watches a stream of response events that passes untouched."""

    __slots__ = ("_closing", "_end", "_last", "final")

    def __init__(self, last: re.Pattern[bytes] = _LAST) -> None:
        super().__init__()
        self._last = last
        self._closing = False
        self._end = b""
        self.final = b""
        """The last payload that reported usage: that of the event which ends the stream, once that has come."""

    def read(self, payload: bytes) -> None:
        try:
            event = read_event(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        usage = event.usage or (event.response.usage if event.response is not None else None)
        if usage is not None:
            self.usage = _plain(usage) or self.usage
            self.final = payload

    def is_last(self, out: bytes) -> bool:
        """Whether these bytes end with the event that ends the stream; they are shown in order, each once."""
        if not self._closing:
            self._closing = self._last.search(out) is not None
        self._end = (self._end + out[-4:])[-4:]
        return self._closing and self._end.endswith(_EVENT_ENDS)


class AudioWatch(ResponsesWatch):
    """The same for transcriptions and speech as events."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_LAST_AUDIO)


class ImagesWatch(ResponsesWatch):
    """The same for pictures as events: several may be completed, so only the end of the stream is the end."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_LAST_IMAGE)


# ---- responses that are kept


def response_in(payload: bytes) -> bytes:
    """The whole response in the payload of a stream's last event, or nothing."""
    try:
        return bytes(read_whole(payload).response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""


def id_of(response: bytes) -> str:
    """The id of a whole response, or nothing."""
    try:
        return read_response(response).id or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def input_of(request: bytes) -> bytes | None:
    """The items of a request's input, JSON; None when its response is not to be kept."""
    try:
        asked = read_asked(request)
        return None if asked.store is False else _encode(_as_items(asked.input))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def previous_of(request: bytes) -> str:
    """The id of the response that a request goes on from, or nothing."""
    try:
        return read_asked(request).previous_response_id or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def continued(request: bytes, before: bytes, response: bytes) -> tuple[bytes, bytes]:
    """A request with the whole conversation as its input: all items of `before`, what `response` said to them, its own.

    Once with the id of the response it goes on from, and once without, for servers that do not know it.  Ids of items
    are left out, and thinking, which servers take from nobody but themselves.  Raises ValueError when one of the three
    is not what it should be.
    """
    members = _members(request)
    earlier = [_bare(item) for part in (before, bytes(read_response(response).output)) for item in _items(part)]
    items = [item for item in earlier if item.get("type") != _REASONING]
    members["input"] = msgspec.Raw(_encode([*items, *_as_items(members.get("input", msgspec.Raw(b"[]")))]))
    full = _encode(members)
    members.pop("previous_response_id", None)
    return full, _encode(members)


def references_of(request: bytes) -> list[str]:
    """The ids of the items that a request only refers to."""
    try:
        items = _as_items(read_asked(request).input)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    ids = [item.get("id") for item in items if isinstance(item, dict) and item.get("type") == _REFERENCE]
    return list(dict.fromkeys(name for name in ids if isinstance(name, str) and name))


def response_of_item(item: str) -> str:
    """The id of the response that an item belongs to, or nothing: only ours can be told."""
    found = _OURS.fullmatch(item)
    return f"resp_{found[1]}" if found is not None else ""


def item_in(before: bytes, response: bytes, wanted: str) -> dict[str, msgspec.Raw] | None:
    """The item of this id, of those a response answers or of those it says.  Raises ValueError when they are none."""
    name = msgspec.Raw(_encode(wanted))
    for part in (bytes(read_response(response).output), before):
        for item in _items(part):
            if item.get("id") == name:
                return item
    return None


def resolved(request: bytes, found: Mapping[str, dict[str, msgspec.Raw]]) -> bytes:
    """A request with these items, by id, in place of the references to them; thinking is left out."""
    members = _members(request)
    items: list[object] = []
    for item in _as_items(members["input"]):
        refers = isinstance(item, dict) and item.get("type") == _REFERENCE
        there = found.get(item["id"]) if refers and isinstance(item, dict) else None
        if there is None:
            items.append(item)
        elif there.get("type") != _REASONING:
            items.append(_bare(dict(there)))
    members["input"] = msgspec.Raw(_encode(items))
    return _encode(members)


def _bare(item: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    if item.get("type", _MESSAGE) in _WITH_IDS:
        item.pop("id", None)
    return item


def _as_items(given: msgspec.Raw) -> list[object]:
    items = msgspec.json.decode(given)
    if isinstance(items, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": items}]}]
    return items if isinstance(items, list) else []


def error_event(error: GlowplugError, request_id: str) -> bytes:
    """An error inside a stream: the documented `error` event, and in it the object that whole answers have."""
    members = error_members(error, request_id)
    detail = {"type": error.type, "code": error.code, "message": error_text(error), "param": None, **members}
    event = {
        "type": "error",
        "code": error.code,
        "message": detail["message"],
        "param": None,
        "sequence_number": 0,
        "error": detail,
    }
    return named_event(b"error", _encode(event))


def answer_event(status: int, body: bytes) -> bytes:
    """A whole upstream answer inside a stream that was promised before it came."""
    return named_event(b"error" if status >= 400 else b"message", body)
