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

from glowplug.errors import EngineFailed, GlowplugError, Loading, RequestError

_encode = msgspec.json.Encoder().encode


_ABSENT: Final = msgspec.Raw(b"")


class _Peek(msgspec.Struct):
    model: msgspec.Raw
    stream: bool | None = None
    stream_options: msgspec.Raw = _ABSENT


class _StrictModel(msgspec.Struct):
    model: str


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = 0


class Usage(msgspec.Struct):
    """The `usage` member of a response.  An explicit zero is a value."""

    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def cached_tokens(self) -> int:
        details = self.prompt_tokens_details
        return (details.cached_tokens or 0) if details is not None else 0


class _HasUsage(msgspec.Struct):
    usage: Usage | None = None


class _ChunkUsage(msgspec.Struct):
    usage: Usage | None = None
    choices: list[msgspec.Raw] | None = None


_peek = msgspec.json.Decoder(_Peek).decode
_strict_model = msgspec.json.Decoder(_StrictModel).decode
_stream_options = msgspec.json.Decoder(_StreamOptions).decode
_has_usage = msgspec.json.Decoder(_HasUsage).decode
_chunk_usage = msgspec.json.Decoder(_ChunkUsage).decode
_text = msgspec.json.Decoder(str).decode

_MODEL_KEY: Final = b'"model"'
_MODEL_VALUE = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*')
_PLAIN_VALUE = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*+")')
_OPTIONS_VALUE = re.compile(rb'"stream_options"[ \t\r\n]*:[ \t\r\n]*')
_SENTINEL: Final = "\x00glowplug\x00"
_SENTINEL_JSON: Final = _encode(_SENTINEL)
_MEMBER_USAGE: Final = b'"stream_options":{"include_usage":true}'
_OPTIONS_USAGE: Final = b'{"include_usage":true}'


class Body:
    """A request body that has been looked into.  `raw_model` is the JSON text of the model's name, quotes included."""

    __slots__ = ("_end", "_options", "_start", "data", "raw_model", "stream", "wants_usage")

    def __init__(self, data: bytes, peeked: _Peek, start: int, end: int) -> None:
        self.data = data
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
        return self._with_usage_option(name)

    def _with_usage_option(self, name: bytes) -> bytes:
        """The rare third case: the client sent `stream_options` without `include_usage`; its other members are kept."""
        options = self._options
        data = self.data
        merged = _OPTIONS_USAGE
        if options != b"null":
            members = msgspec.json.decode(options, type=dict[str, msgspec.Raw])
            members["include_usage"] = msgspec.Raw(b"true")
            merged = _encode(members)
        for found in _OPTIONS_VALUE.finditer(data):
            at = found.end()
            if data.startswith(options, at):
                changed = b"%b%b%b" % (data[:at], merged, data[at + len(options) :])
                after = _peek(changed)
                if _asks_for_usage(bytes(after.stream_options)):
                    shift = len(merged) - len(options)
                    start, end = self._start, self._end
                    if at < start:
                        start, end = start + shift, end + shift
                    return b"%b%b%b" % (changed[:start], name, changed[end:])
        # The key is spelled with escapes: nothing to splice into, so the whole top level is written anew.
        top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        top["stream_options"] = msgspec.Raw(merged)
        top["model"] = msgspec.Raw(name)
        return _encode(top)


def _asks_for_usage(options: bytes) -> bool:
    try:
        return _stream_options(options).include_usage is True
    except msgspec.DecodeError:
        # `null`, or something the upstream will refuse in its own words.
        return options != b"null"


def peek(data: bytes) -> Body:
    """Look into a request body.

    Raises RequestError: not JSON, not an object, no `model`, a `model` that is not a string, or the key `model` twice
    (two readers could route it two ways).
    """
    at = data.find(_MODEL_KEY)
    found = _PLAIN_VALUE.match(data, at) if at >= 0 else None
    if found is not None:
        # The common case in one parse: mark the first spelling of the key; if the mark is what the parser reads as the
        # top-level model, the place is right, and the same parse has read the other members.
        start, end = found.span(1)
        try:
            peeked = _peek(b"%b%b%b" % (data[:start], _SENTINEL_JSON, data[end:]))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _searched(data)
        if bytes(peeked.model) == _SENTINEL_JSON:
            return Body(data, peeked, start, end)
    return _searched(data)


def _searched(data: bytes) -> Body:
    """`peek` for every body that is not the common case, errors included."""
    try:
        peeked = _peek(data)
    except msgspec.DecodeError as error:
        raise RequestError(f"The request body cannot be used: {_plain(error)}", code="invalid_body") from None
    except UnicodeDecodeError:
        raise RequestError("The request body is not UTF-8", code="invalid_body") from None
    raw = bytes(peeked.model)
    if not raw.startswith(b'"'):
        raise RequestError("The request body cannot be used: `model` must be a string", code="invalid_body")
    return _located(data, peeked, raw)


def _located(data: bytes, peeked: _Peek, raw: bytes) -> Body:
    """Find the top-level `model` among several spellings, by trial: put a mark there and see whether it is read back.

    Each trial is one C-speed parse, and what it finds is verified by the parser itself rather than by our own grammar.
    """
    spots = [found.end() for found in _MODEL_VALUE.finditer(data)]
    top: int | None = None
    for at in spots:
        if data.startswith(raw, at) and _reads_back(data, at, len(raw)):
            top = at
            break
    if top is None:
        return _escaped_key(data)
    for at in spots:
        if at != top and _is_member(data, at):
            raise RequestError("The request body has the key `model` twice", code="invalid_body")
    return Body(data, peeked, top, top + len(raw))


def _reads_back(data: bytes, at: int, size: int) -> bool:
    marked = b"%b%b%b" % (data[:at], _SENTINEL_JSON, data[at + size :])
    try:
        return _strict_model(marked).model == _SENTINEL
    except msgspec.DecodeError:
        return False


def _is_member(data: bytes, at: int) -> bool:
    """Whether the value at `at` belongs to a top-level `model`: the typed parser objects to an array there.

    The array is opened in front of the old value and closed behind it, so the document stays well formed.
    """
    end = _value_end(data, at)
    wrapped = b"%b[%b]%b" % (data[:at], data[at:end], data[end:])
    try:
        _strict_model(wrapped)
    except msgspec.ValidationError:
        return True
    except msgspec.DecodeError:
        return False
    return False


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR = re.compile(rb"[^,\]}\s]+")
_BRACKET_OR_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def _value_end(data: bytes, at: int) -> int:
    """Where the JSON value that begins at `at` ends (the document is known to be well formed)."""
    if data[at : at + 1] == b'"':
        found = _STRING.match(data, at)
        return found.end() if found else len(data)
    if data[at : at + 1] in (b"{", b"["):
        depth = 0
        for part in _BRACKET_OR_STRING.finditer(data, at):
            first = part.group()[:1]
            depth += first in b"[{"
            depth -= first in b"]}"
            if depth == 0:
                return part.end()
        return len(data)
    found = _SCALAR.match(data, at)
    return found.end() if found else at


def _escaped_key(data: bytes) -> Body:
    """The key is spelled with escapes (`"mod\\u0065l"`): normalise the top level once and look again."""
    top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    plain = _encode(top)
    peeked = _peek(plain)
    raw = bytes(peeked.model)
    for found in _MODEL_VALUE.finditer(plain):
        if plain.startswith(raw, found.end()) and _reads_back(plain, found.end(), len(raw)):
            return Body(plain, peeked, found.end(), found.end() + len(raw))
    raise RequestError("The request body cannot be used: `model` could not be found", code="invalid_body")


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
        return _has_usage(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def chunk_usage(payload: bytes) -> tuple[Usage | None, bool]:
    """The usage in one SSE payload, and whether that payload is nothing but the usage chunk (`choices: []`)."""
    try:
        chunk = _chunk_usage(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, False
    return chunk.usage, chunk.usage is not None and chunk.choices == []


def estimate_tokens(count_bytes: int) -> int:
    """Tokens in a text of so many bytes when nobody counted: four bytes each, at least one."""
    return max(1, (count_bytes + 3) // 4)


# ---- errors


def error_body(error: GlowplugError, request_id: str) -> bytes:
    """An error as OpenAI clients expect it: `{"error": {"message", "type", "param", "code", …}}`.

    Ours carry more members: `source` (who made the error), `request_id`, `hint`, and `loading` or `reason` and
    `log_tail` where they apply.
    """
    detail: dict[str, object] = {
        "message": f"{error.message} ({error.hint})" if error.hint else error.message,
        "type": error.type,
        "param": "model" if isinstance(error, RequestError) and error.code == "model_not_found" else None,
        "code": error.code,
        "source": "glowplug",
        "request_id": request_id,
    }
    if error.hint:
        detail["hint"] = error.hint
    if isinstance(error, Loading):
        detail["loading"] = error.loading
    if isinstance(error, EngineFailed):
        detail["reason"] = error.reason
        detail["log_tail"] = list(error.log_tail)
    return _encode({"error": detail})
