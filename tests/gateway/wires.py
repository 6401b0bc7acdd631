"""Clients of every wire before targets of every wire: what is asked, and what the client makes of the answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import AliasRoute
from glowplug.testing.fault_dialects import COMPLETION, DIALECTS, PROMPT, TEXT
from glowplug.testing.fault_dialects import Dialect as Said
from glowplug.testing.fault_scripts import Steps, pieces_of, plain
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live
from tests.gateway.metered import PRICE
from tests.gateway.rig import Response, cloud, request, responses

PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "ollama": "/api/chat",
}
HI = [{"role": "user", "content": "hi"}]
COST = PROMPT + 2 * COMPLETION
"""Nano-dollars of a whole answer at `PRICE`."""
_ENDS = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True)
class Road:
    """A client of one wire before targets of one wire."""

    client: str
    target: str

    @property
    def native(self) -> bool:
        return self.client == self.target

    @property
    def said(self) -> Said:
        """What the target says."""
        return DIALECTS[self.target]

    @property
    def path(self) -> str:
        return PATHS[self.client]

    def route(self, name: str, port: int, **more: Any) -> Any:
        """A target."""
        more.setdefault("price", PRICE)
        if self.target == "ollama":
            return cloud(name, base_url=f"http://127.0.0.1:{port}/api", dialect=Dialect.OLLAMA, **more)
        return cloud(name, port, capabilities=(Capability(self.target),), **more)

    def body(self, model: str, *, stream: bool = True) -> dict[str, Any]:
        """What a client asks; it wants to know the usage."""
        body: dict[str, Any] = {"model": model, "stream": stream}
        if self.client == "responses":
            return {**body, "input": "hi", "store": False}
        body["messages"] = HI
        if self.client == "messages":
            body["max_tokens"] = 50
        if self.client == "chat" and stream:
            body["stream_options"] = {"include_usage": True}
        return body

    def good(self, *, stream: bool = True) -> Steps:
        """The answer of a target that is well."""
        return pieces_of(*self.said.frames, media=self.said.media) if stream else plain(self.said.body)

    async def ask(self, live: Live, model: str, *, stream: bool = True) -> Seen:
        return Seen(self.client, await live.ask(self.body(model, stream=stream), path=self.path), stream)

    async def talk(self, live: Live, model: str) -> Talk:
        """Ask for a stream, and read it as it comes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(request(self.body(model), path=self.path, headers=["Connection: close"]))
        return Talk(self, reader, writer)

    def __str__(self) -> str:
        return self.client if self.native else f"{self.client}-{self.target}"


NATIVE = tuple(Road(name, name) for name in DIALECTS)
TRANSLATED = tuple(
    Road(client, target)
    for client, target in (
        ("messages", "chat"), ("responses", "chat"), ("ollama", "chat"), ("chat", "messages"), ("chat", "responses"),
        ("chat", "ollama"),
    )
)  # fmt: skip
ROADS = NATIVE + TRANSLATED
CHAINED = tuple(
    Road(client, target)
    for client, target in (
        ("messages", "responses"), ("responses", "messages"), ("ollama", "messages"), ("messages", "ollama"),
        ("responses", "ollama"), ("ollama", "responses"),
    )
)  # fmt: skip
"""Two translations, one behind the other."""


def by_road(roads: Sequence[Road] = ROADS) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("road", roads, ids=str)


@dataclass
class Talk:
    """A stream that is read in pieces."""

    road: Road
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    data: bytes = b""

    async def until(self, text: str) -> None:
        """The client has seen this much (as JSON may spell it, without escapes)."""
        while text.encode() not in self.data:
            piece = await asyncio.wait_for(self.reader.read(65536), 10)
            assert piece, f"ended before {text!r}: {self.data!r}"
            self.data += piece

    async def rest(self) -> Seen:
        self.data += await asyncio.wait_for(self.reader.read(-1), 10)
        self.writer.transport.abort()
        (answer,) = responses(self.data)
        return Seen(self.road.client, answer, True)


class Seen:
    """What a client of a wire makes of an answer."""

    def __init__(self, client: str, answer: Response, stream: bool) -> None:
        self.client = client
        self.answer = answer
        self.status = answer.status
        self.model = answer.headers.get("x-glowplug-model", "")
        self.cut = not answer.complete
        """The response was not framed to its end."""
        self.payloads = self._payloads() if stream and answer.status == 200 else [json.loads(answer.body)]
        self.words = [_word(client, payload) for payload in self.payloads]
        self.text = "".join(self.words)
        self.ends = [payload for payload in self.payloads if _is_end(client, payload)]
        self.errors = [payload for payload in self.payloads if _is_error(client, payload)]

    def _payloads(self) -> list[Any]:
        if self.client == "ollama":
            return [json.loads(line) for line in self.answer.body.splitlines()]
        found = []
        for block in _ENDS.split(self.answer.body):
            data = b"\n".join(line[5:].strip() for line in block.splitlines() if line.startswith(b"data:"))
            if data == b"[DONE]":
                found.append("[DONE]")
            elif data:
                try:
                    found.append(json.loads(data))
                except ValueError:
                    found.append(None)
        return found

    @property
    def ended(self) -> bool:
        """It is complete in the words of the wire: its last event says so."""
        return bool(self.ends) and self.payloads[-1] == self.ends[0] and len(self.ends) == 1

    def check_whole(self) -> None:
        """A complete answer that says everything."""
        assert (self.status, self.cut, self.errors) == (200, False, [])
        assert self.text == TEXT

    def check_broken(self, *, begun: bool = True) -> Any:
        """A stream that broke: what came is there, an error of the wire is last, and nothing looks like an end."""
        assert self.status == 200
        assert self.ends == [], "an end was made up"
        assert len(self.errors) == 1 and self.payloads[-1] == self.errors[0]
        assert self.cut is begun, "what has begun is cut, so that who reads no events sees it too"
        assert not begun or (self.text and TEXT.startswith(self.text))
        return self.errors[0]


def _word(client: str, payload: Any) -> str:
    if not isinstance(payload, dict):
        return ""
    match client:
        case "chat":
            choices = payload.get("choices") or ()
            return "".join((c.get("delta") or c.get("message") or {}).get("content") or "" for c in choices)
        case "messages":
            if payload.get("type") == "message":
                return "".join(block["text"] for block in payload["content"])
            return str((payload.get("delta") or {}).get("text", ""))
        case "responses":
            if payload.get("object") == "response":
                return "".join(part["text"] for item in payload["output"] for part in item["content"])
            return str(payload["delta"]) if payload.get("type") == "response.output_text.delta" else ""
        case _:
            return str((payload.get("message") or {}).get("content", ""))


def _is_end(client: str, payload: Any) -> bool:
    if client == "chat":
        return bool(payload == "[DONE]")
    if not isinstance(payload, dict):
        return False
    if client == "ollama":
        return payload.get("done") is True
    kind = payload.get("type")
    return kind in ("message_stop", "response.completed", "response.incomplete", "response.failed")


def _is_error(client: str, payload: Any) -> bool:
    if not isinstance(payload, dict):
        return False
    if client in ("messages", "responses") and "type" in payload:
        return payload["type"] == "error"
    return payload.get("error") is not None


def two(live: Live, road: Road, first: FaultUpstream, second: FaultUpstream, **more: Any) -> None:
    """Targets `a` and `b`, and the alias `ab` for both."""
    more.setdefault("aliases", (AliasRoute(name="ab", targets=("a", "b")),))
    live.serve(road.route("a", first.port), road.route("b", second.port), **more)


def check_counted(live: Live, *outcomes: str) -> None:
    """These attempts, in order; a good one reports what was counted, and only it costs."""
    ends = live.journal.ends
    assert [str(end.outcome) for end in ends] == list(outcomes)
    for end in ends:
        if end.outcome == "ok":
            assert (end.prompt_tokens, end.completion_tokens, end.estimated, end.cost) == (
                PROMPT, COMPLETION, False, COST,
            )  # fmt: skip
