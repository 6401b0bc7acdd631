"""How each endpoint reaches a target: in its own wire where the target speaks that, else through translations.

`EDGES` is the table of translations; to add one, add its row.  The road of an endpoint is the shortest chain of them to
an endpoint that the target has itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from time import time
from typing import Final, NamedTuple

import msgspec

from glowplug.domain.snapshot import ModelRoute
from glowplug.gateway.kinds import KINDS, Kind, Peeked, kind_named
from glowplug.gateway.quirked import quirked
from glowplug.gateway.shapes import Heads, Shape, head_of
from glowplug.translate import ollama_to_chat
from glowplug.translate.base import Asked, Stream, Translate, Translation, Untranslatable
from glowplug.translate.chat_to_messages import ChatToMessages
from glowplug.translate.chat_to_responses import chat_to_responses
from glowplug.translate.messages_to_chat import MessagesToChat
from glowplug.translate.responses_to_chat import responses_to_chat
from glowplug.wire import sse
from glowplug.wire.http1 import json_head
from glowplug.wire.openai_values import Usage

LONGEST: Final = 2
"""Translations one road may have; every wire is at most one step from chat completions."""


class Edge(NamedTuple):
    """One wire can be said in another."""

    kind: str
    """The endpoint clients ask."""
    into: str
    """The endpoint that is asked instead."""
    translate: Translate


EDGES: Final[tuple[Edge, ...]] = (
    Edge("messages", "chat", MessagesToChat),
    Edge("chat", "messages", ChatToMessages),
    Edge("responses", "chat", responses_to_chat),
    Edge("chat", "responses", chat_to_responses),
    Edge("ollama_chat", "chat", ollama_to_chat.chat_to_chat),
    Edge("ollama_generate", "chat", ollama_to_chat.generate_to_chat),
    Edge("ollama_generate", "completions", ollama_to_chat.generate_to_completions),
    Edge("ollama_raw", "completions", ollama_to_chat.generate_to_completions),
    Edge("ollama_embed", "embeddings", ollama_to_chat.embed_to_embeddings),
    Edge("ollama_embeddings", "embeddings", ollama_to_chat.embeddings_to_embeddings),
)
"""Every translation.  The first of several that lead to a target is taken."""


class Road:
    """One endpoint of one target.  Where nothing is translated it also is the reader of answers."""

    __slots__ = ("edges", "kind", "local", "shape", "splice", "translates", "upstream")

    def __init__(self, shape: Shape, kind: Kind, upstream: Kind, edges: tuple[Edge, ...], route: ModelRoute) -> None:
        self.shape = shape
        self.local = route.local
        self.kind = kind
        """What the client asks."""
        self.upstream = upstream
        """What the target is asked."""
        self.edges = edges
        self.translates = bool(edges) or shape.translates
        self.splice = msgspec.json.encode(route.upstream_model) if shape.splices and not edges else b""
        """JSON text of the name upstream where nothing but the name is replaced in bodies; saves asking."""

    def head(self, host: str, prefix: str, fields: list[str]) -> bytes:
        """The request head up to the value of Content-Length."""
        lines = [f"{name.decode()}: {value.decode()}" for name, value in self.upstream.passes if value]
        own = lines if self.edges else []
        return head_of(self.shape.path(self.upstream), host, prefix, [*fields, *own], form=self.upstream.form)

    def begin(self, body: Peeked, request_id: str, asked: str) -> tuple[bytes, Way]:
        """The body that goes upstream, and who reads the answer.  Raises RequestError."""
        if not self.edges:
            return self.shape.text(self.upstream, body), self
        journey = Journey(self, body.data, Asked(id=request_id, model=asked, created=int(time()), local=self.local))
        return journey.text, journey

    def watch(self, body: Peeked, head: bytes) -> sse.Watch | None:
        """The reader of a good answer that passes as it comes, or None: it is collected whole."""
        return self.shape.watch(self.upstream, body, head)

    def whole(self, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        """A collected answer as the client gets it.  Raises Untranslatable."""
        head, data = self.shape.whole(self.upstream, body, status, head, data)
        if status >= 400 and self.kind.refusal is not None:
            told = self.kind.refusal(status, data)
            if told is not data:  # engines that speak this wire often know only OpenAI's words for errors
                return json_head(head), told
        return head, data

    def usage(self, data: bytes) -> Usage | None:
        """The usage in a collected answer, as the upstream sent it."""
        return self.shape.usage(self.upstream, data)


class Journey:
    """One request on a road with translations."""

    __slots__ = ("_body", "_road", "_steps", "text")

    translates = True

    def __init__(self, road: Road, data: bytes, asked: Asked) -> None:
        self._road = road
        self._steps: list[Translation] = []
        for edge in road.edges:
            step = edge.translate(data, asked)
            self._steps.append(step)
            data = step.request
        self._body = road.upstream.read(data)
        self.text = road.shape.text(road.upstream, self._body)

    @property
    def first(self) -> Translation:
        """The translation of the client's own wire."""
        return self._steps[0]

    def watch(self, body: Peeked, head: bytes) -> sse.Watch | None:
        inner = self._road.shape.watch(self._road.upstream, self._body, head)
        return None if inner is None else _Chain(inner, [step.stream() for step in reversed(self._steps)])

    def whole(self, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        road = self._road
        if road.shape.translates:
            head, data = road.shape.whole(road.upstream, self._body, status, head, data)
        for step in reversed(self._steps):
            data = step.whole(data) if status < 400 else step.failure(status, data)
        return json_head(head), data

    def usage(self, data: bytes) -> Usage | None:
        return self._road.shape.usage(self._road.upstream, data)


Way = Road | Journey
"""Who reads the answer to one request."""


class _Chain:
    """The reader of the upstream's wire, and behind it the translations back to the client's."""

    __slots__ = ("_inner", "_streams")

    def __init__(self, inner: sse.Watch, streams: list[Stream]) -> None:
        self._inner = inner
        self._streams = streams

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    @property
    def broken(self) -> str:
        for stream in self._streams:  # asked for every piece, so no generator
            if stream.broken:
                return stream.broken
        return self._inner.broken

    def feed(self, data: bytes) -> bytes:
        out = self._inner.feed(data)
        for stream in self._streams:
            if not out:
                break
            out = stream.feed(out)
        return out

    def end(self) -> bytes:
        out = self._inner.end()
        for stream in self._streams:
            out = (stream.feed(out) if out else b"") + (b"" if self._inner.broken else stream.end())
        return out

    def is_last(self, out: bytes) -> bool:
        return self._streams[-1].done


def roads_of(
    shape: Shape, route: ModelRoute, edges: tuple[Edge, ...] = EDGES, lacking: frozenset[str] = frozenset()
) -> tuple[Road | None, ...]:
    """The road of every endpoint to one target, by kind; None where it cannot be reached.  `lacking` are endpoints that
    it turned out not to have."""
    native = frozenset(
        kind.name
        for kind in KINDS
        if kind.capability in route.capabilities
        and kind.dialect in (None, route.dialect)
        and not (kind.remote and route.local)
    )
    native -= lacking
    found = []
    for kind in KINDS:
        chain = _shortest(kind.name, native, edges)
        upstream = kind if not chain else kind_named(chain[-1].into)
        way = quirked(shape, upstream, route.quirks)
        found.append(None if chain is None else Road(way, kind, upstream, chain, route))
    return tuple(found)


def _shortest(kind: str, native: frozenset[str], edges: tuple[Edge, ...]) -> tuple[Edge, ...] | None:
    """The shortest chain from an endpoint to one of `native`; empty when it is one, None when there is none."""
    line: deque[tuple[str, tuple[Edge, ...]]] = deque([(kind, ())])
    seen = {kind}
    while line:
        here, chain = line.popleft()
        if here in native:
            return chain
        if len(chain) == LONGEST:
            continue
        for edge in edges:
            if edge.kind == here and edge.into not in seen:
                seen.add(edge.into)
                line.append((edge.into, (*chain, edge)))
    return None


def engine_heads(roads: tuple[Road | None, ...], host: str, prefix: str, key: str) -> Heads:
    """Request heads to an engine by kind.  They all know `Authorization`, few know `x-api-key`."""
    fields = [f"authorization: Bearer {key}"] if key else []
    return tuple(b"" if road is None else road.head(host, prefix, fields) for road in roads)


def provider_heads(
    roads: tuple[Road | None, ...], host: str, prefix: str, key: str, extra: Mapping[str, str], *, known: bool = True
) -> Heads:
    """Request heads to a provider by kind.  `extra` are header fields of the configuration; one of them that carries
    credentials replaces the usual one.  A provider that is not `known` may look for its key in either place."""
    given = {name.lower() for name in extra}
    fields = [f"{name.lower()}: {value}" for name, value in extra.items()]
    out = []
    for road in roads:
        if road is None:
            out.append(b"")
            continue
        own = "x-api-key" if road.upstream.x_api_key else "authorization"
        credentials = [f"{own}: {key}" if road.upstream.x_api_key else f"{own}: Bearer {key}"]
        if road.upstream.x_api_key and not known:
            credentials.append(f"authorization: Bearer {key}")
        needed = key and own not in given and given.isdisjoint(("authorization", "api-key"))
        out.append(road.head(host, prefix, [*credentials, *fields] if needed else fields))
    return tuple(out)


__all__ = ["EDGES", "Edge", "Journey", "Road", "Untranslatable", "Way", "engine_heads", "provider_heads", "roads_of"]
