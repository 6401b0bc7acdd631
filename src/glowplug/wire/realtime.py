"""OpenAI's Realtime wire as far as a gateway looks into it: the handshake, and the usage that a session reports.

Format: https://platform.openai.com/docs/guides/realtime-websocket, …/guides/realtime-transcription and
…/api-reference/realtime-server-events; vLLM's: https://docs.vllm.ai/en/latest/serving/openai_compatible_server/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from glowplug.errors import RequestError
from glowplug.wire.openai import completion_details, prompt_details
from glowplug.wire.openai_values import Usage
from glowplug.wire.websocket import Texts

PATHS: Final = frozenset((b"/v1/realtime", b"/realtime"))
_KEY: Final = b"openai-insecure-api-key."
"""In front of the key among the subprotocols: pages can set no header of a websocket."""
_TELLING: Final = (b'"response.done"', b'"transcription.done"', b".input_audio_transcription.completed", b'"session')
"""What a text has when it may report usage, or say what kind of session this is."""
_TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
_TRANSCRIPTION: Final = "transcription"
_PASSED: Final = (b"sec-websocket-key", b"sec-websocket-version", b"openai-beta", b"openai-safety-identifier")
"""What of the client's handshake goes upstream.  No extension: compressed messages could not be looked into."""
_LEFT_OUT: Final = (b"content-type:", b"accept:", b"content-length:")
_ANSWERED: Final = (b"sec-websocket-accept:", b"sec-websocket-protocol:")

_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class _Details(msgspec.Struct):
    cached_tokens: _Count | None = 0
    audio_tokens: _Count | None = 0


_NOTHING: Final = _Details()


class _Usage(msgspec.Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    input_token_details: _Details | None = None
    output_token_details: _Details | None = None
    prompt_tokens: _Count | None = None
    """vLLM's name."""
    completion_tokens: _Count | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None


class _Session(msgspec.Struct):
    type: str | None = None


class _Event(msgspec.Struct):
    type: str
    response: _Response | None = None
    usage: _Usage | None = None
    session: _Session | None = None


_event = msgspec.json.Decoder(_Event).decode


as_json = msgspec.json.encode
"""The JSON text of a name."""


def asked_model(query: bytes) -> str:
    """The model in a query string; empty when it names none.  Raises RequestError for an empty name, and for two."""
    models = [value for name, value in _pairs(query) if name == "model"]
    if len(models) > 1 or models == [""]:
        raise RequestError("The query must have one `model`", hint="ask for /v1/realtime?model=NAME", code="no_model")
    return models[0] if models else ""


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        raise RequestError("The query cannot be read", code="invalid_query") from None


def _protocols(headers: Mapping[bytes, bytes]) -> list[bytes]:
    return [item.strip() for item in headers.get(b"sec-websocket-protocol", b"").split(b",") if item.strip()]


def with_key(headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The header fields, with a key among the subprotocols where a header would have it."""
    fields = dict(headers)
    keys = [item[len(_KEY) :] for item in _protocols(headers) if item.startswith(_KEY)]
    if keys and not fields.keys() & {b"authorization", b"x-api-key", b"api-key"}:
        fields[b"authorization"] = b"Bearer " + keys[0]
    return fields


def handshake(head: bytes, name: str, query: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """The handshake with an upstream.

    `head` is that of a POST there, which has host and credentials; `name` is the model's name there; `query` and
    `headers` are the client's, of which its key does not pass.  A session that only transcribes names no model in its
    query: OpenAI refuses it there, because the session's settings say it.
    """
    line, *lines = head.split(b"\r\n")
    target = line.split(b" ")[1]
    fields = [(n, v) for n, v in _pairs(query) if n != "model"]
    if ("intent", _TRANSCRIPTION) not in fields:
        fields.insert(0, ("model", name))
    asked = urlencode(fields).encode()
    out = [b"GET %b%b%b HTTP/1.1" % (target, b"&" if b"?" in target else b"?", asked)]
    out += [text for text in lines if text and not text.startswith(_LEFT_OUT)]
    out += [b"connection: Upgrade", b"upgrade: websocket"]
    out += [b"%b: %b" % (field, headers[field]) for field in _PASSED if field in headers]
    protocols = [item for item in _protocols(headers) if not item.startswith(_KEY)]
    if protocols:
        out.append(b"sec-websocket-protocol: " + b", ".join(protocols))
    return b"\r\n".join([*out, b"", b""])


def accepted(head: bytes, own: bytes) -> bytes:
    """The answer to the client's handshake, from the upstream's and header lines of ours."""
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(_ANSWERED)]
    passed = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n%b%b\r\n" % (passed, own)


class Spent:
    """Adds up what the responses and transcripts of one session report."""

    __slots__ = ("_texts", "_transcribes", "usage")

    def __init__(self) -> None:
        self._texts = Texts()
        self._transcribes = False
        self.usage: Usage | None = None
        """None until one was reported."""

    @property
    def between(self) -> bool:
        """The server has ended every frame that it began."""
        return self._texts.between

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the server."""
        for text in self._texts.feed(data):
            if any(mark in text for mark in _TELLING):
                self._read(text)

    def _read(self, text: bytes) -> None:
        try:
            event = _event(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        if event.session is not None:
            self._transcribes = event.session.type == _TRANSCRIPTION or event.type.startswith("transcription_session.")
            return
        new: _Usage | None = None
        if event.type == "response.done":
            new = event.response.usage if event.response is not None else None
        elif event.type == "transcription.done" or (event.type == _TRANSCRIBED and self._transcribes):
            # In a conversation OpenAI writes down what was said with another model, which has a price of its own.
            new = event.usage
        if new is not None:
            self._add(new)

    def _add(self, new: _Usage) -> None:
        asked = new.prompt_tokens if new.input_tokens is None else new.input_tokens
        answered = new.completion_tokens if new.output_tokens is None else new.output_tokens
        if asked is None and answered is None:  # by the second, say
            return
        old = self.usage or Usage()
        took, gave = new.input_token_details or _NOTHING, new.output_token_details or _NOTHING
        before, said = old.prompt_tokens_details, old.completion_tokens_details
        heard = (took.audio_tokens or 0) + ((before.audio_tokens or 0) if before is not None else 0)
        spoken = (gave.audio_tokens or 0) + ((said.audio_tokens or 0) if said is not None else 0)
        self.usage = Usage(
            prompt_tokens=old.prompt_tokens + (asked or 0),
            completion_tokens=(old.completion_tokens or 0) + (answered or 0),
            prompt_tokens_details=prompt_details(old.cached_tokens + (took.cached_tokens or 0), 0, heard),
            completion_tokens_details=completion_details(0, spoken),
        )
