"""Attempts against targets that speak Ollama's wire: body and answer are translated on their ways.

Everything else, accounting included, is `gateway.attempts`.  A request that this wire has no words for is refused
before anything is accounted, so that the next target can be asked.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from glowplug.domain.model import Capability
from glowplug.domain.usage import Outcome
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.tables import EMBEDDINGS, KINDS, Target
from glowplug.translate import chat_to_ollama
from glowplug.translate.ollama_answer import Answering, AnswerStream, embedding_list, error_object, whole_answer
from glowplug.wire import sse
from glowplug.wire.ollama import NotOllama

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

_CHAT = KINDS.index(Capability.CHAT)
_JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
"""Of a whole answer: what the client gets is ours, whatever Ollama said its own was."""
_CALLS = {
    Capability.CHAT: chat_to_ollama.chat_call,
    Capability.COMPLETIONS: chat_to_ollama.completion_call,
    Capability.EMBEDDINGS: chat_to_ollama.embedding_call,
}


class TranslatedAttempt(Attempt):
    """One try against Ollama."""

    answers: AnswerStream | None = None
    answering: Answering

    def translate(self, call: Call, target: Target, text: bytes) -> bytes:
        self.answering = Answering(
            id=call.request_id,
            model=target.name,
            created=int(time()),
            chat=call.kind == _CHAT,
            include_usage=call.body.wants_usage,
            packed=call.kind == EMBEDDINGS and chat_to_ollama.wants_base64(text),
        )
        return _CALLS[KINDS[call.kind]](text, target.route.engine_options)

    # ---- from the upstream

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status
        self.head = head
        if status == 200 and self.call.body.stream and self.call.kind != EMBEDDINGS:
            # Also when it is one JSON object: an answer to nothing is not streamed.
            self.streaming = True
            self.answers = AnswerStream(self.answering)

    def up_data(self, data: bytes) -> None:
        answers = self.answers
        if answers is None:
            super().up_data(data)
            return
        out = answers.feed(data)
        if out:
            self._content(out)
            if sse.is_last(out):
                self.settle(Outcome.OK, answers.usage)
            self.call.relay(out)
        if answers.broken:
            self._broken(answers.broken)

    def up_end(self, data: bytes) -> None:
        answers = self.answers
        if answers is None:
            super().up_end(data)
            return
        self.up = None
        out = answers.feed(data) + answers.end()
        if answers.broken:
            if out:
                self._content(out)
                self.call.relay(out)
            self._broken(answers.broken)
            return
        if out:
            self._content(out)
        self.settle(Outcome.OK, answers.usage)
        self.call.stream_ended(out)

    def _broken(self, why: str) -> None:
        """No more will come, though the answer has not ended."""
        self.drop()
        self.up_fail(why, False)

    def _answered(self, status: int, body: bytes) -> None:
        self.head = _JSON_HEAD
        if status >= 400:
            super()._answered(status, error_object(status, body))
            return
        shape = embedding_list if self.call.kind == EMBEDDINGS else whole_answer
        try:
            made = shape(body, self.answering)
        except NotOllama as error:
            self.up_fail(f"the answer cannot be used: {error}", False)
            return
        super()._answered(status, made)
