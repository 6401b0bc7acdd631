"""Clients under fire: each asks one request after the other, plain and streamed, and keeps what it got in its hands."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.bill import Seen, Tokens
from bench.programs import BenchError

_PATIENCE_S = 60.0
_CHAT, _MESSAGES = "/v1/chat/completions", "/v1/messages"


@dataclass(frozen=True)
class Kind:
    """One way to ask."""

    name: str
    path: str
    more: Mapping[str, Any] = field(default_factory=dict)
    end: str = ""
    """What a stream says last; empty: no stream."""
    leaves: bool = False
    """The client goes after the first events."""


KINDS = (
    Kind("plain", _CHAT),
    Kind("stream with usage", _CHAT, {"stream": True, "stream_options": {"include_usage": True}}, "[DONE]"),
    Kind("stream", _CHAT, {"stream": True}, "[DONE]"),
    Kind("translated stream", _MESSAGES, {"stream": True}, "message_stop"),
    Kind("plain", _CHAT),
    Kind("left", _CHAT, {"stream": True}, "[DONE]", leaves=True),
    Kind("stream with usage", _CHAT, {"stream": True, "stream_options": {"include_usage": True}}, "[DONE]"),
    Kind("translated", _MESSAGES),
)


def ended(kind: Kind, events: list[Any]) -> bool:
    """Whether a stream came with its end."""
    return bool(events) and (events[-1] == kind.end or _type(events[-1]) == kind.end)


def _type(event: Any) -> str:
    return str(event.get("type", "")) if isinstance(event, dict) else ""


def events_of(text: str) -> list[Any]:
    """The data of the events of a stream, parsed where it is JSON."""
    data = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(item) if item.startswith("{") else item for item in data]


def usage_of(answers: list[Any]) -> Tokens | None:
    """The last usage that an answer, or the events of one, reported whole."""
    for answer in reversed(answers):
        usage = answer.get("usage") if isinstance(answer, dict) else None
        if isinstance(usage, dict) and "prompt_tokens" in usage:
            return Tokens(usage["prompt_tokens"], usage["completion_tokens"])
        if isinstance(usage, dict) and "input_tokens" in usage:
            return Tokens(usage["input_tokens"], usage["output_tokens"])
    return None


class Client(threading.Thread):
    """Asks until it is told to stop.  `models` take turns; `seen` is every request it has sent."""

    def __init__(self, port: int, key: str, label: str, models: tuple[str, ...]) -> None:
        super().__init__(name=label, daemon=True)
        self._port = port
        self._key = key
        self._models = models
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self.seen: list[Seen] = []
        self.failed: BaseException | None = None

    def stop(self) -> None:
        self._stopping.set()

    def end(self) -> None:
        """Wait for what is under way.  Raises BenchError when that does not end, or something broke in here."""
        self.join(_PATIENCE_S)
        if self.is_alive():
            raise BenchError(f"{self.name} got no end of an answer within {_PATIENCE_S:.0f} s")
        if self.failed is not None:
            raise BenchError(f"{self.name} broke: {self.failed!r}")

    def run(self) -> None:
        try:
            for number, kind in zip(itertools.count(), itertools.cycle(KINDS), strict=False):
                if self._stopping.is_set():
                    break
                self.seen.append(self._ask(number, kind))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self.failed = error
        self._drop()

    def _ask(self, number: int, kind: Kind) -> Seen:
        identity = f"{self.name}-{number}"
        body = {
            "model": self._models[number % len(self._models)],
            "max_tokens": 1 + number % 17,
            "messages": [{"role": "user", "content": " ".join([identity, *["word"] * (number % 7)])}],
            **kind.more,
        }
        seen = Seen(request=identity, kind=kind.name)
        try:
            with self._sent(kind, identity, body) as response:
                seen = Seen(request=identity, kind=kind.name, status=response.status)
                if kind.leaves and response.status == 200:
                    for _ in range(3):
                        response.readline()
                    self._drop()
                    return seen
                text = response.read().decode()
        except (OSError, http.client.HTTPException):
            self._drop()  # the worker that had it is gone
            return seen
        if seen.status != 200:
            return seen
        answers = events_of(text) if kind.end else [json.loads(text)]
        whole = ended(kind, answers) if kind.end else True
        return Seen(request=identity, kind=kind.name, status=200, whole=whole, usage=usage_of(answers))

    def _sent(self, kind: Kind, identity: str, body: Mapping[str, Any]) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE_S)
        headers = {
            "Authorization": f"Bearer {self._key}", "Content-Type": "application/json", "x-request-id": identity,
        }  # fmt: skip
        self._connection.request("POST", kind.path, json.dumps(body), headers)
        return self._connection.getresponse()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def all_seen(clients: list[Client]) -> Iterator[Seen]:
    for client in clients:
        yield from client.seen
