"""How requests are put to a target and how its answers are read: the one place that knows what wire an upstream speaks.

A target has one shape, made from its route.  `AsIs` forwards what the client sent, byte for byte, but for the model's
name and what configuration adds.  A wire that needs translation is another class with these methods, and its row in
`gateway.dialects`.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from glowplug.domain.snapshot import ModelRoute
from glowplug.gateway.kinds import KINDS, Kind, Peeked
from glowplug.wire import sse
from glowplug.wire.defaults import Defaults
from glowplug.wire.http1 import is_event_stream
from glowplug.wire.openai_values import Usage

Heads = tuple[bytes, ...]
"""Request heads to one place by kind, complete up to the value of Content-Length."""


class Shape(Protocol):
    """The wire of one target."""

    @property
    def splices(self) -> bool:
        """Whether nothing but the model's name is replaced in bodies: then `text` need not be asked."""

    translates: bool
    """Whether whole answers go through `usage` and `whole`; what is forwarded as it is saves the calls."""

    def path(self, kind: Kind) -> str:
        """Where a request of this kind goes, below the prefix of the place."""

    def text(self, kind: Kind, body: Peeked) -> bytes:
        """The body that goes upstream.  Raises RequestError when it cannot be said in this wire."""

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        """The reader (and translator) of a good answer that passes as it comes, or None: it is collected whole.
        `head` is the answer's."""

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        """A collected answer as the client gets it: the head (its fields are filtered later) and the body.  Raises
        Untranslatable."""

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        """The usage in a collected answer, as the upstream sent it."""


class AsIs:
    """The client's own wire."""

    __slots__ = ("_defaults", "_name")

    translates = False

    def __init__(self, route: ModelRoute) -> None:
        self._name = msgspec.json.encode(route.upstream_model)
        values = route.request_defaults
        self._defaults: tuple[Defaults | None, ...] | None = None
        if values:
            self._defaults = tuple(Defaults(values, kind.spelled) if kind.defaults else None for kind in KINDS)

    @property
    def splices(self) -> bool:
        return self._defaults is None

    def path(self, kind: Kind) -> str:
        return kind.upstream

    def text(self, kind: Kind, body: Peeked) -> bytes:
        text = body.spliced(self._name)
        if self._defaults is not None and (defaults := self._defaults[kind.index]) is not None:
            return defaults.put(text)
        return text

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        if not is_event_stream(head):
            return sse.Through() if kind.raw else None
        if not body.stream and not kind.raw:
            return None
        return kind.watch() if body.wants_usage or kind.raw else sse.UsageFilter()

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        return head, data

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        return kind.usage(data)


def head_of(path: str, host: str, prefix: str, fields: list[str], *, form: bool) -> bytes:
    """One request head up to the value of Content-Length; a form names its own content type."""
    lines = [f"POST {prefix}{path} HTTP/1.1", f"host: {host}", *fields]
    if not form:
        lines.append("content-type: application/json")
    return "\r\n".join([*lines, "accept: */*", "content-length: "]).encode("latin-1")
