"""The shape of targets that speak Ollama's own wire: bodies and answers are translated on their ways.

What Ollama's own clients ask is not translated: it passes, with the options the model was loaded with.
A request that this wire has no words for is refused before anything is accounted, so that the next target can be asked.
"""

from __future__ import annotations

from time import time
from typing import Final

import msgspec

from glowplug import ids
from glowplug.domain.model import Capability
from glowplug.domain.snapshot import ModelRoute
from glowplug.errors import RequestError
from glowplug.gateway.kinds import Kind, Peeked
from glowplug.gateway.shapes import AsIs
from glowplug.translate import chat_to_ollama, ollama_native
from glowplug.translate.base import Untranslatable
from glowplug.translate.ollama_answer import Answering, AnswerStream, embedding_list, error_object, whole_answer
from glowplug.wire import ollama, ollama_server, sse
from glowplug.wire.http1 import json_head
from glowplug.wire.ollama import NotOllama
from glowplug.wire.openai import usage_of
from glowplug.wire.openai_values import Usage

_PREFIX: Final = "/api"
_JSON_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
"""Of a whole answer: what the client gets is ours, whatever Ollama said its own was."""
_CHAT, _COMPLETIONS, _EMBEDDINGS = str(Capability.CHAT), str(Capability.COMPLETIONS), str(Capability.EMBEDDINGS)
_PATHS: Final = {_CHAT: ollama.CHAT, _COMPLETIONS: ollama.GENERATE, _EMBEDDINGS: ollama.EMBED}
_CALLS: Final = {
    _CHAT: chat_to_ollama.chat_call,
    _COMPLETIONS: chat_to_ollama.completion_call,
    _EMBEDDINGS: chat_to_ollama.embedding_call,
}


class AnswerWatch:
    """Lines of JSON into events, as a reader over one stream."""

    __slots__ = ("_answers",)

    def __init__(self, answering: Answering) -> None:
        self._answers = AnswerStream(answering)

    @property
    def usage(self) -> Usage | None:
        return self._answers.usage

    @property
    def broken(self) -> str:
        """Why no more will come although the answer has not ended; empty as long as all is well."""
        return self._answers.broken

    def feed(self, data: bytes) -> bytes:
        return self._answers.feed(data)

    def end(self) -> bytes:
        return self._answers.end()

    def is_last(self, out: bytes) -> bool:
        return sse.is_last(out)


class OllamaWire:
    """The shape.  Every call says `keep_alive` and the options the model was loaded with, so that it is never loaded
    anew by surprise."""

    __slots__ = ("_model", "_options", "_own", "_upstream")

    splices = False
    translates = True

    def __init__(self, route: ModelRoute) -> None:
        self._own = AsIs(route)
        self._model = route.name
        self._options = route.engine_options
        self._upstream = msgspec.json.encode(route.upstream_model)

    def path(self, kind: Kind) -> str:
        return _PATHS.get(kind.name, kind.upstream).removeprefix(_PREFIX)

    def text(self, kind: Kind, body: Peeked) -> bytes:
        if kind.ollama:
            return ollama_native.forwarded(self._own.text(kind, body), self._options)
        call = _CALLS.get(kind.name)
        if call is None:
            raise RequestError(
                f"{self._model} cannot be asked for {kind.name}", hint="Ollama's own API has no such call"
            )
        return call(self._own.text(kind, body), self._options)

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        if kind.ollama:
            return ollama_native.LineWatch(self._upstream, body.raw_model) if body.stream else None
        # Also when it is one JSON object: an answer to nothing is not streamed.
        return AnswerWatch(self._answering(kind, body)) if body.stream and kind.name != _EMBEDDINGS else None

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        if kind.ollama:
            return json_head(head) if status >= 400 else _JSON_HEAD, self._passed(kind, body, status, data)
        if status >= 400:
            return json_head(head), error_object(status, data)
        make = embedding_list if kind.name == _EMBEDDINGS else whole_answer
        try:
            return _JSON_HEAD, make(data, self._answering(kind, body))
        except NotOllama as error:
            raise Untranslatable(str(error)) from None

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        if kind.ollama:
            return ollama_native.usage_of(data)
        try:
            made = embedding_list(data, _NOBODY) if kind.name == _EMBEDDINGS else whole_answer(data, _NOBODY)
        except NotOllama:
            return None
        return usage_of(made)

    def _passed(self, kind: Kind, body: Peeked, status: int, data: bytes) -> bytes:
        """A collected answer for a client of the same wire.  Raises Untranslatable."""
        if status >= 400:
            return ollama_server.error_object(ollama.read_error(data) or f"Ollama answered {status}")
        line = kind.capability is not Capability.EMBEDDINGS
        return ollama_native.whole(data, self._upstream, body.raw_model, line=line)

    def _answering(self, kind: Kind, body: Peeked) -> Answering:
        return Answering(
            id=ids.request_id(),
            model=self._model,
            created=int(time()),
            chat=kind.name == _CHAT,
            include_usage=body.wants_usage,
            packed=kind.name == _EMBEDDINGS and chat_to_ollama.wants_base64(body.data),
        )


_NOBODY: Final = Answering(id="", model="", created=0)
