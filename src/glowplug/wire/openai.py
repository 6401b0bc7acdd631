"""The OpenAI bodies as far as a gateway must look into them: one typed peek, a splice, errors, usage.

A request body is never re-encoded.  `peek` reads three members of the top level; `Body.spliced` replaces the model's
name in the original bytes and, where it must, adds `stream_options`.  Everything else, known or not, passes as it came.

Format: https://platform.openai.com/docs/api-reference/chat (request members `model`, `stream`, `stream_options`;
response member `usage`).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from glowplug.errors import ConfigError, EngineFailed, GlowplugError, Loading, RequestError
from glowplug.wire.openai_values import (
    ABSENT,
    CompletionDetails,
    Peek,
    PromptDetails,
    Usage,
    read_chunk_usage,
    read_has_usage,
    read_peek,
    read_stream_options,
    read_strict_model,
)
from glowplug.wire.output_cap import said
from glowplug.wire.splice import SENTINEL, mark, replaced

_encode = msgspec.json.Encoder().encode


def prompt_details(cached: int, written: int = 0, audio: int = 0) -> PromptDetails | None:
    """The part of a `Usage` that says how much of the prompt came from a cache, was put there, and was audio."""
    return PromptDetails(cached, audio, written) if cached or written or audio else None


def completion_details(reasoning: int, audio: int = 0) -> CompletionDetails | None:
    """The part of a `Usage` that says how much of the completion was thinking, and audio."""
    return CompletionDetails(reasoning, audio) if reasoning or audio else None


_text = msgspec.json.Decoder(str).decode

_MODEL_KEY: Final = b'"model"'
_TAGS: Final = b'"tags"'
_PLAIN_VALUE = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\\x00-\x1f]*+")')
_SPELLED_VALUE = re.compile(
    rb'"(?:m|\\u006[dD])(?:o|\\u006[fF])(?:d|\\u0064)(?:e|\\u0065)(?:l|\\u006[cC])"[ \t\r\n]*:[ \t\r\n]*'
    rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")',
    re.DOTALL,
)
"""Every way to write the key, with any string as its value."""
_ESCAPED_LETTER: Final = b"\\u006"
"""Each letter of `model` begins so when it is escaped."""
_BACKSLASH: Final = b"\\"
"""Looking for one byte is a tenth of looking for several, and most short bodies have none."""
_OPTIONS_VALUE = re.compile(rb'"stream_options"[ \t\r\n]*:[ \t\r\n]*')
_SENTINEL_JSON: Final = _encode(SENTINEL)
_MEMBER_USAGE: Final = b'"stream_options":{"include_usage":true}'
_OPTIONS_USAGE: Final = b'{"include_usage":true}'


class Body:
    """A request body that has been looked into.  `raw_model` is the JSON text of the model's name, quotes included."""

    __slots__ = ("_end", "_options", "_start", "cap", "data", "ours", "raw_model", "stream", "wants_usage")

    def __init__(self, data: bytes, peeked: Peek, start: int, end: int) -> None:
        self.data = data
        self.ours = not (
            peeked.keep_alive is peeked.fallbacks is peeked.num_retries is peeked.timeout is ABSENT
            and peeked.tags is peeked.disable_fallbacks is ABSENT
        ) or (peeked.metadata is not ABSENT and _TAGS in bytes(peeked.metadata))
        """Whether it has a member that is for us: `keep_alive`, or one of `glowplug.wire.wished`."""
        self.cap = said(peeked)
        """How long its answers may be."""
        self.raw_model = data[start:end]
        self.stream = peeked.stream is True
        self._start = start
        self._end = end
        self._options = bytes(peeked.stream_options)
        self.wants_usage = False
        """True when a streaming client asked for the usage chunk itself."""
        if self.stream and self._options:
            self.wants_usage = _asks_for_usage(self._options)

    @property
    def model(self) -> str:
        """The model's name, unescaped."""
        return _text(self.raw_model)

    def spliced(self, name: bytes) -> bytes:
        """The body with the model's name replaced by `name` (JSON text) and, for a stream whose client did not ask for
        it, with `stream_options.include_usage` set."""
        data = self.data
        if not self.stream or self.wants_usage:
            return b"%b%b%b" % (data[: self._start], name, data[self._end :])
        if not self._options:
            opening = data.index(b"{") + 1
            return b"%b%b,%b%b%b" % (
                data[:opening],
                _MEMBER_USAGE,
                data[opening : self._start],
                name,
                data[self._end :],
            )
        try:
            return self._with_usage_option(name)
        except RecursionError:  # a body at the edge of what the parser nests: the upstream may judge it
            return b"%b%b%b" % (data[: self._start], name, data[self._end :])

    def _with_usage_option(self, name: bytes) -> bytes:
        """The rare third case: the client sent `stream_options` without `include_usage`; its other members are kept."""
        options = self._options
        data = self.data
        merged = _OPTIONS_USAGE
        if options != b"null":
            members = msgspec.json.decode(options, type=dict[str, msgspec.Raw])
            members["include_usage"] = msgspec.Raw(b"true")
            merged = _encode(members)
        # As in `_located`: every candidate gets a mark, and one parse says which is the top-level member.
        spots = [m.end() for m in _OPTIONS_VALUE.finditer(data) if data.startswith(options, m.end())]
        spans = [(at, at + len(options)) for at in spots]
        marks = [mark(number) for number in range(len(spans))]
        read = bytes(read_peek(replaced(data, spans, marks)).stream_options)
        if read in marks:
            place = (spans[marks.index(read)], merged)
            model = ((self._start, self._end), name)
            changes = sorted((place, model))
            return replaced(data, [span for span, _ in changes], [value for _, value in changes])
        # The key is spelled with escapes: nothing to splice into, so the whole top level is written anew.
        top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        top["stream_options"] = msgspec.Raw(merged)
        top["model"] = msgspec.Raw(name)
        return _encode(top)


def _asks_for_usage(options: bytes) -> bool:
    try:
        return read_stream_options(options).include_usage is True
    except (msgspec.DecodeError, RecursionError):
        # `null`, or something the upstream will refuse in its own words.
        return options != b"null"


def peek(data: bytes) -> Body:
    """Look into a request body.

    Raises RequestError: not JSON, not UTF-8, not an object, nested too deeply, no `model`, a `model` that is not a
    string, or the key `model` twice, however it is spelled (two readers could route it two ways).
    """
    if not data.isascii():
        _check_utf8(data)
    at = data.find(_MODEL_KEY)
    found = _PLAIN_VALUE.match(data, at) if at >= 0 else None
    if found is not None and (_BACKSLASH not in data or _ESCAPED_LETTER not in data):
        # The common case in one parse: mark the first spelling of the key; if the mark is what the parser reads as the
        # top-level model, the place is right, and the same parse has read the other members.
        start, end = found.span(1)
        try:
            peeked = read_peek(b"%b%b%b" % (data[:start], _SENTINEL_JSON, data[end:]))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _searched(data)
        if bytes(peeked.model) == _SENTINEL_JSON:
            return Body(data, peeked, start, end)
    return _searched(data)


def peek_as_is(data: bytes) -> Body:
    """As `peek`, for wires whose streams report usage without being asked: nothing but the name is replaced."""
    body = peek(data)
    body.wants_usage = body.stream
    return body


def _check_utf8(data: bytes) -> None:
    # The parser skips over what nobody asked for, and does not look at the bytes of such strings.
    try:
        data.decode()
    except UnicodeDecodeError:
        raise RequestError("The request body is not UTF-8", code="invalid_body") from None


def _searched(data: bytes) -> Body:
    """`peek` for every body that is not the common case, errors included."""
    try:
        peeked = read_peek(data)
    except msgspec.DecodeError as error:
        raise RequestError(f"The request body cannot be used: {_plain(error)}", code="invalid_body") from None
    except UnicodeDecodeError:
        raise RequestError("The request body is not UTF-8", code="invalid_body") from None
    except RecursionError:
        raise RequestError("The request body cannot be used: it is nested too deeply", code="invalid_body") from None
    if not bytes(peeked.model).startswith(b'"'):
        raise RequestError("The request body cannot be used: `model` must be a string", code="invalid_body")
    start, end = _located(data)
    return Body(data, peeked, start, end)


def _located(data: bytes) -> tuple[int, int]:
    """Where the value of the top-level `model` is, among all places that look like it, in time linear in the body.

    Every candidate gets its own mark, and one parse says which of them is read as the model.  Then every other
    candidate is made an array: the typed parser objects exactly when one of those is a top-level `model` too.  So the
    parser itself decides, not a second grammar of ours.
    """
    spots = [found.span(1) for found in _SPELLED_VALUE.finditer(data)]
    marks = [mark(number) for number in range(len(spots))]
    try:
        read = _encode(read_strict_model(replaced(data, spots, marks)).model)
        number = marks.index(read)
        values = [b"[]"] * len(spots)
        values[number] = marks[number]
        read_strict_model(replaced(data, spots, values))
    except msgspec.ValidationError:
        raise RequestError("The request body has the key `model` twice", code="invalid_body") from None
    except (ValueError, RecursionError):
        raise RequestError("The request body cannot be used: `model` could not be found", code="invalid_body") from None
    return spots[number]


def _plain(error: msgspec.DecodeError) -> str:
    text = str(error)
    if "missing required field `model`" in text:
        return "`model` is missing"
    if text == "Input data was truncated":
        return "it is empty or ends too early"
    return text


# ---- usage


def usage_of(body: bytes) -> Usage | None:
    """The usage of a whole JSON response, or None when it reports none."""
    try:
        return read_has_usage(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def chunk_usage(payload: bytes) -> tuple[Usage | None, bool]:
    """The usage in one SSE payload, and whether that payload is nothing but the usage chunk (`choices: []`)."""
    try:
        chunk = read_chunk_usage(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False
    return chunk.usage, chunk.usage is not None and chunk.choices == []


def estimate_tokens(count_bytes: int) -> int:
    """Tokens in a text of so many bytes when nobody counted: four bytes each, at least one."""
    return (count_bytes + 3) // 4 or 1


# ---- errors

_PARAMS: Final = {
    "model_not_found": "model",
    "previous_response_not_found": "previous_response_id",
    "item_not_found": "input",
}
"""Codes of errors that are about one member of the request."""


def error_body(error: GlowplugError, request_id: str) -> bytes:
    """An error as OpenAI clients expect it: `{"error": {"message", "type", "param", "code", …}}`.

    Ours carry more members: `source` (who made the error), `request_id`, `hint`, and where they apply `loading`,
    `reason` and `log_tail`, or `problems` (each with `path`, `line`, `message`, `hint`).
    """
    detail: dict[str, object] = {
        "message": error_text(error),
        "type": error.type,
        "param": _PARAMS.get(error.code) if isinstance(error, RequestError) else None,
        "code": error.code,
        **error_members(error, request_id),
    }
    return _encode({"error": detail})


def error_text(error: GlowplugError) -> str:
    """What happened and what to do, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def error_members(error: GlowplugError, request_id: str) -> dict[str, object]:
    """The members of our own that an error object has in every wire."""
    detail: dict[str, object] = {"source": "glowplug", "request_id": request_id}
    if error.hint:
        detail["hint"] = error.hint
    if isinstance(error, Loading):
        detail["loading"] = error.loading
    if isinstance(error, EngineFailed):
        detail["reason"] = error.reason
        detail["log_tail"] = list(error.log_tail)
    if isinstance(error, ConfigError):
        detail["problems"] = [
            {"path": p.path, "line": p.line, "message": p.message, "hint": p.hint} for p in error.problems
        ]
    return detail
