"""The shape of an upstream with quirks, by endpoint: those without one keep the shape they had, and its speed."""

from __future__ import annotations

from collections.abc import Callable

from glowplug.gateway.kinds import Kind, Peeked
from glowplug.gateway.shapes import Shape
from glowplug.wire import sse
from glowplug.wire.openai import Usage
from glowplug.wire.quirks import QUIRKS, Quirk
from glowplug.wire.reported_cost import billed

Read = Callable[[bytes], Usage | None]
Cost = Callable[[bytes], int | None]


def quirked(shape: Shape, kind: Kind, names: tuple[str, ...]) -> Shape:
    """The shape in which an endpoint of an upstream with these quirks is asked.  Names that this build does not know
    change nothing."""
    if not names:
        return shape
    found = [quirk for name in names if (quirk := QUIRKS.get(name)) is not None and kind.name in quirk.kinds]
    return Quirked(shape, found) if found else shape


class Quirked:
    """Another shape with what its requests and its usage have to be changed by."""

    __slots__ = ("_costs", "_inner", "_reads", "_requests", "translates")

    splices = False

    def __init__(self, inner: Shape, quirks: list[Quirk]) -> None:
        self._inner = inner
        self._requests = [quirk.request for quirk in quirks if quirk.request is not None]
        self._reads = [quirk.usage for quirk in quirks if quirk.usage is not None]
        self._costs = [quirk.cost for quirk in quirks if quirk.cost is not None]
        self.translates = inner.translates

    def path(self, kind: Kind) -> str:
        return self._inner.path(kind)

    def text(self, kind: Kind, body: Peeked) -> bytes:
        data = self._inner.text(kind, body)
        for change in self._requests:
            data = change(data)
        return data

    def watch(self, kind: Kind, body: Peeked, head: bytes) -> sse.Watch | None:
        inner = self._inner.watch(kind, body, head)
        plain = inner is None or not (self._reads or self._costs)
        return inner if inner is None or plain else QuirkedWatch(inner, self._reads, self._costs)

    def whole(self, kind: Kind, body: Peeked, status: int, head: bytes, data: bytes) -> tuple[bytes, bytes]:
        return self._inner.whole(kind, body, status, head, data)

    def usage(self, kind: Kind, data: bytes) -> Usage | None:
        usage = _first(self._reads, data) or self._inner.usage(kind, data)
        return billed(usage, _told(self._costs, data)) if self._costs else usage


def _first(reads: list[Read], data: bytes) -> Usage | None:
    return next((usage for read in reads if (usage := read(data)) is not None), None)


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
