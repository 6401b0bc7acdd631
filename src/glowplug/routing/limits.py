"""How much may be used at a time: rates by the minute, and places that are held.  Pure.

A rate is a generic cell rate algorithm (ITU-T I.371): one float a limiter, no windows to reset, on the monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple, Protocol


class Shared(Protocol):
    """What this worker and the others count together under one name (`glowplug.ledger.counters.Tally`)."""

    def add(self, amount: int) -> None:
        """This worker has used so much more (or less: a correction)."""

    def used(self) -> int:
        """What all have used."""

    def views(self) -> Iterable[tuple[int, int]]:
        """How the others see a rate: (what they have counted, when nothing is owed any more in nanoseconds)."""

    def publish(self, counted: int, due: int) -> None:
        """How this worker sees it."""

    def hold(self, amount: int) -> None:
        """This worker holds so much more (or less)."""

    def held_by_others(self) -> int:
        """What the other workers that live hold now."""


class Left(NamedTuple):
    """What a limit still allows: for header lines of answers."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""


class RateLimit:
    """Lets `rpm` units (requests, or tokens) through a minute, in a burst of up to `rpm`.

    `take(now)` is 0.0 when the request may pass (and counts it), else the seconds until one may.  One that passes may
    take more than is left: the next ones wait for it.
    """

    __slots__ = ("_due", "_step", "_window", "rpm")

    def __init__(self, rpm: int) -> None:
        self.rpm = rpm
        self._step = 60.0 / rpm if rpm > 0 else 0.0
        # A rounding error of nanoseconds must not turn the last request of a full burst away.
        self._window = 60.0 - self._step + 1e-6
        self._due = 0.0 if rpm > 0 else inf

    def wait(self, now: float) -> float:
        """Seconds until a request may pass; 0.0 = now.  Counts nothing.  `now` in monotonic seconds."""
        over = self._due - now - self._window
        if over <= 0.0:
            return 0.0
        return over + 1e-6 if over < inf else 60.0

    def take(self, now: float, amount: int = 1) -> float:
        """As `wait`, but a request that may pass is counted, with so many units."""
        due = self._due
        if due <= now:  # the usual case: nothing is owed
            self._due = now + self._step * amount
            return 0.0
        over = self.wait(now)
        if over == 0.0:
            self._due = due + self._step * amount
        return over

    def correct(self, amount: int, now: float) -> None:
        """What was taken has become so much more, or less."""
        due = self._due
        self._due = max(now, due) + self._step * amount if amount > 0 else due + self._step * amount

    def left(self, now: float) -> Left:
        """What may be used at this moment."""
        owed = self.owed(now)
        return Left(self.rpm, self.remaining(owed), owed)

    def owed(self, now: float) -> float:
        """Seconds until all of it is there again.  Of several limits the one that owes most has the smallest part
        left."""
        owed = self._due - now
        if owed > 0.0:
            return owed
        return 0.0

    def remaining(self, owed: float) -> int:
        """Units that may be used while so much is owed."""
        free = int((60.0 - owed) / self._step + 1e-6) if self._step else 0
        return max(0, free)


class SharedRate(RateLimit):
    """The same rate for several workers together, exact but for what happens in the same instant.

    Each worker publishes until when its picture owes, and how many units that picture has counted.  A picture that
    lacks some is at most too low by these; so of all pictures, each with its missing units added as if they came now,
    the lowest is the truth or above it, and it is the truth when anybody has counted everything.  Two workers that look
    in the same instant both let one request through: at most one for each other worker is too many, and it is counted
    afterwards.
    """

    __slots__ = ("_counted", "shared")

    def __init__(self, rpm: int, shared: Shared) -> None:
        super().__init__(rpm)
        self.shared = shared
        self._counted = shared.used()

    def wait(self, now: float) -> float:
        if (used := self.shared.used()) != self._counted:
            self._look(used, now)
        return super().wait(now)

    def take(self, now: float, amount: int = 1) -> float:
        over = self.wait(now)
        if over == 0.0:
            self._count(amount, now)
        return over

    def correct(self, amount: int, now: float) -> None:
        if (used := self.shared.used()) != self._counted:
            self._look(used, now)
        self._count(amount, now)

    def owed(self, now: float) -> float:
        if (used := self.shared.used()) != self._counted:
            self._look(used, now)
        return super().owed(now)

    def _count(self, amount: int, now: float) -> None:
        super().correct(amount, now)
        self.shared.add(amount)
        self._counted += amount
        self.shared.publish(self._counted, int(self._due * 1e9))

    def _look(self, used: int, now: float) -> None:
        """Take over the best picture there is of so many units."""
        missing = used - self._counted
        best = self._due + self._step * missing if missing < 0 else max(self._due, now) + self._step * missing
        for counted, due in self.shared.views():
            # A picture that has counted more than there is was being changed while it was read.
            if (lacks := used - counted) >= 0:
                seen = due / 1e9
                best = min(best, max(seen, now) + self._step * lacks if lacks else seen)
        self._due, self._counted = best, used


class Slots:
    """At most so many at the same time, over all workers when `shared` is given."""

    __slots__ = ("held", "most", "shared")

    def __init__(self, most: int, shared: Shared | None = None) -> None:
        self.most = most
        self.held = 0
        """Places that this worker gave away."""
        self.shared = shared

    @property
    def full(self) -> bool:
        if self.shared is None:
            return self.held >= self.most
        return self.held + self.shared.held_by_others() >= self.most

    @property
    def free(self) -> int:
        """How many more may have a place now."""
        return max(0, self.most - self.held - (0 if self.shared is None else self.shared.held_by_others()))

    def take(self) -> None:
        """Whoever saw that it is not full takes a place."""
        self.held += 1
        if self.shared is not None:
            self.shared.hold(1)

    def give(self) -> None:
        self.held -= 1
        if self.shared is not None:
            self.shared.hold(-1)
