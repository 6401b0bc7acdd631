"""Requests that wait for a slot of a target that is at its concurrency, in the order of `routing.fair`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from glowplug.routing.fair import Line, Waits
from glowplug.routing.plan import Standing

if TYPE_CHECKING:
    from glowplug.gateway.targets import Target


class Queued(Waits, Protocol):
    """A request in a queue: it is told one of these, once, and is out of the queue then."""

    target: Target
    """Whose slot it waits for; those that come from one name with a `*` stand in one line."""

    def served(self) -> None:
        """A slot is free: take it now."""

    def moved(self) -> None:
        """The target cannot be used as it stands now: choose again."""

    def orphaned(self) -> None:
        """The target is not there any more."""


Queue = Line[Queued]
"""The line in front of one target."""


class Slots:
    """Gives free slots to who waits in line, a turn of the loop after they became free: what freed one is still at work
    on the connection that its successor may use."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[Target, None] = {}

    def look(self, target: Target) -> None:
        """Something has changed for this target: a slot, its limit, its instance."""
        if target.queue:
            if not self._due:
                self._loop.call_soon(self._serve)
            self._due[target] = None

    def look_at(self, targets: Iterable[Target]) -> None:
        for target in targets:
            self.look(target)

    def clear(self, target: Target) -> None:
        """The target is not there any more."""
        while target.queue:
            target.queue.pop().orphaned()

    def _serve(self) -> None:
        due, self._due = self._due, {}
        for target in due:
            self._serve_one(target)

    def _serve_one(self, target: Target) -> None:
        """Each of those in line now is told at most once: who comes back at once must not be asked for ever."""
        for _ in range(len(target.queue)):
            if not target.queue:
                return
            standing = target.standing(monotonic())
            usable = standing in (Standing.READY, Standing.FULL)
            if usable and not target.has_slot:
                return
            request = target.queue.pop()
            if usable:
                request.served()
            else:
                request.moved()
