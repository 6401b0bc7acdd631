"""Which programs came with which keys, and when each did first: what a page that waits for a client looks at.

Workers tell what is new to them, and all of it to a control process that is new, so nothing is stored; a program that
has not come since its worker began is not known.  When a key was used last is kept with the key.
"""

from __future__ import annotations

from glowplug.clock import Clock
from glowplug.control.events import Broadcaster, Event
from glowplug.control.link import LinkServer
from glowplug.control.rehashing import rehash_on_use
from glowplug.usecases.clients import Sighting, sighting
from glowplug.usecases.keys import KeyBook

_MOST = 4096
"""Sightings that are kept; the oldest go."""


class Sightings:
    """Called from the event loop.  What is new is published as an event `client`."""

    def __init__(self, events: Broadcaster, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._seen: dict[tuple[str, str], Sighting] = {}

    def note(self, key: str, agent: str, at: float) -> None:
        """A worker was asked by this program with this key, by id; `at` is when first."""
        there = self._seen.pop((key, agent), None)
        first, last = (at, at) if there is None else (min(at, there.first), max(at, there.last))
        self._seen[key, agent] = new = sighting(key, agent, first, last)
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]
        # One that is refused again is news to who waits for it; workers tell of it once a snapshot.
        if there is None or (not key and last > there.last):
            self._events.publish(Event(kind="client", at=self._clock.unix(), data=new))

    def every(self) -> tuple[Sighting, ...]:
        """The newest first."""
        return tuple(sorted(self._seen.values(), key=lambda one: -one.last))


def greeting(link: LinkServer, keys: KeyBook, events: Broadcaster, clock: Clock) -> Sightings:
    """Look at who comes: remember programs, and store the keyed hashes of keys from elsewhere."""
    sightings = Sightings(events, clock)
    link.met = sightings.note
    link.rehash = rehash_on_use(keys).note
    return sightings
