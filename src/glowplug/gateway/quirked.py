"""The shape of an upstream with quirks, by endpoint: those without one keep the shape they had, and its speed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from glowplug.gateway.kinds import Kind, Peeked
from glowplug.gateway.shapes import Shape
from glowplug.wire import sse
from glowplug.wire.openai_values import Usage
from glowplug.wire.quirks import QUIRKS, Quirk
from glowplug.wire.reported_cost import billed

Read = Callable[[bytes], Usage | None]
Change = Callable[[bytes], bytes]
Cost = Callable[[bytes], int | None]
_EVENT_END: Final = re.compile(rb"\r?\n\r?\n")
_LONGEST: Final = 8 << 20
"""Bytes of one event that is changed; a longer one passes as it is."""


def quirked(shape: Shape, kind: Kind, names: tuple[str, ...]) -> Shape:
    """The shape in which an endpoint of an upstream with these quirks is asked.  Names that this build does not know
    change nothing."""
    if not names:
        return shape
    found = [quirk for name in names if (quirk := QUIRKS.get(name)) is not None and kind.name in quirk.kinds]
    return Quirked(shape, found) if found else shape


class Quirked:
    """Another shape with what its requests and its usage have to be changed by."""

    __slots__ = ("_answers", "_costs", "_inner", "_reads", "_requests", "translates")

    splices = False

    def __init__(self, inner: Shape, quirks: list[Quirk]) -> None:
        self._inner = inner
        self._requests = [quirk.request for quirk in quirks if quirk.request is not None]
        self._reads = [quirk.usage for quirk in quirks if quirk.usage is not None]
        self._answers = [quirk.answer for quirk in quirks if quirk.answer is not None]
        self._costs = [quirk.cost for quirk in quirks if quirk.cost is not None]
        self.translates = inner.translates or bool(self._answers)

    def path(self, kind: Kind) -> str:
        return self._inner.path(kind)

    def text(self, kind: Kind, body: Peeked) -> bytes:
        data = self._inner.text(kind, body)
        for change in self._requests:
            data = change(data)
        return data

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        watch = self._inner.watch(kind, body, head)
        if watch is not None and (self._reads or self._costs):
            watch = QuirkedWatch(watch, self._reads, self._costs)
        if watch is not None and self._answers:
            watch = ChangingWatch(watch, self._answers)
        return watch

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        head, data = self._inner.whole(kind, body, status, head, data)
        return head, data if status >= 400 else _changed(self._answers, data)

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        usage = _first(self._reads, data) or self._inner.usage(kind, data)
        return billed(usage, _told(self._costs, data)) if self._costs else usage


def _first(reads: list[Read], data: bytes) -> Usage | None:
    return next((usage for read in reads if (usage := read(data)) is not None), None)


def _changed(changes: list[Change], data: bytes) -> bytes:
    for change in changes:
        data = change(data)
    return data


def _told(costs: list[Cost], data: bytes) -> int | None:
    return next((nano for cost in costs if (nano := cost(data)) is not None), None)


class _Aside(sse.UsageWatch):
    """Looks for usage, and for what it costs, where quirks say they are."""

    __slots__ = ("_costs", "_reads", "nano")

    def __init__(self, reads: list[Read], costs: list[Cost]) -> None:
        super().__init__()
        self._reads = reads
        self._costs = costs
        self.nano: int | None = None

    def read(self, payload: bytes) -> None:
        self.usage = _first(self._reads, payload) or self.usage
        if self._costs and (nano := _told(self._costs, payload)) is not None:
            self.nano = nano


class QuirkedWatch:
    """A reader over one stream, and beside it one that knows other places of usage, and costs."""

    __slots__ = ("_aside", "inner")

    def __init__(self, inner: sse.Watch, reads: list[Read], costs: list[Cost]) -> None:
        self.inner = inner
        self._aside = _Aside(reads, costs)

    @property
    def usage(self) -> Usage | None:
        return billed(self._aside.usage or self.inner.usage, self._aside.nano)

    @property
    def broken(self) -> str:
        return self.inner.broken

    def feed(self, data: bytes) -> bytes:
        self._aside.feed(data)
        return self.inner.feed(data)

    def end(self) -> bytes:
        self._aside.end()
        return self.inner.end()

    def is_last(self, out: bytes) -> bool:
        return self.inner.is_last(out)


class ChangingWatch:
    """A reader over one stream whose events are changed on their way, each when it is complete."""

    __slots__ = ("_changes", "_held", "inner")

    def __init__(self, inner: sse.Watch, changes: list[Change]) -> None:
        self.inner = inner
        self._changes = changes
        self._held = b""

    @property
    def usage(self) -> Usage | None:
        return self.inner.usage

    @property
    def broken(self) -> str:
        return self.inner.broken

    def feed(self, data: bytes) -> bytes:
        return self._through(self.inner.feed(data))

    def end(self) -> bytes:
        out = self._through(self.inner.end())
        rest, self._held = self._held, b""
        return out + rest

    def is_last(self, out: bytes) -> bool:
        return self.inner.is_last(out)

    def _through(self, data: bytes) -> bytes:
        text = self._held + data
        out = []
        start = 0
        for found in _EVENT_END.finditer(text):
            out += [self._event(text[start : found.start()]), found[0]]
            start = found.end()
        self._held = text[start:]
        if len(self._held) > _LONGEST:
            out.append(self._held)
            self._held = b""
        return b"".join(out)

    def _event(self, block: bytes) -> bytes:
        """One event without its empty line; what is not a single line of data stays."""
        if not block.startswith(b"data:") or b"\n" in block:
            return block
        payload = block[5:].strip()
        made = _changed(self._changes, payload)
        return block if made is payload or made == payload else b"data: " + made
