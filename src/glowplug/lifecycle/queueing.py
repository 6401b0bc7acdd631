"""What the scheduler knows of one model, one wish, one lease: plain values.  Times in monotonic seconds, bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Failure
from glowplug.lifecycle.placement import Claim, Need

PREFIX = "lease:"
"""What the names of leases begin with where they stand beside models."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the scheduler weighs.  Seconds."""

    min_residency: float = 60.0
    """How long a model that was unloaded for another one and has come back is not unloaded again while it is used."""
    starvation: float = 120.0
    """After this long a waiting model goes first, and those in its way are drained even while they are used."""
    queue: int = 64
    """Models that may wait at the same time."""
    pressure: float = 10.0
    """How long other programs must want memory that ours hold before an idle model makes room for them."""
    arrival: float = 10.0
    """How long a model that has become ready is left to those who asked for it, when they have not used it yet."""
    returns_within: float = 600.0
    """A model that is wanted again this soon after it was unloaded for another one *came back*: the two alternate."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the configuration says of a model."""

    priority: int = 0
    pinned: bool = False
    groups: tuple[str, ...] = ()
    keep_alive: float = 300.0


class Phase(StrEnum):
    """Where a model stands, as far as memory is concerned."""

    LOADING = "loading"
    LOADED = "loaded"
    ASLEEP = "asleep"
    LEAVING = "leaving"
    """Its memory is on the way back."""


@dataclass(slots=True)
class Holding:
    """A model that has memory."""

    claim: Claim
    phase: Phase = Phase.LOADING
    wanted: bool = True
    """Somebody waits for it or uses it."""
    ready_at: float | None = None
    used_at: float = -math.inf
    reload_seconds: float | None = None
    returned: bool = False
    unused: bool = False
    """Nobody has used it since it became ready: those who asked for it are on their way."""

    def arriving(self, now: float, rules: Rules) -> bool:
        """Whether those who asked for it are still given time to come."""
        return self.unused and self.ready_at is not None and now < self.ready_at + rules.arrival


@dataclass(slots=True)
class Wish:
    """A model that waits for memory."""

    model: str
    need: Need
    asked_at: float
    priority: int = 0
    evict: bool = True
    victims: tuple[str, ...] = ()
    """Who was asked to leave for it."""
    promised: Claim = field(default_factory=dict)
    """Where it will go when they have left."""
    why: str = ""
    look_again: float = math.inf
    reload_seconds: float | None = None

    def starving(self, now: float, rules: Rules) -> bool:
        return now >= self.asked_at + rules.starvation


@dataclass(frozen=True, slots=True)
class Lent:
    """Memory lent to another program until `until`."""

    id: str
    claim: Mapping[str, int]
    until: float
    note: str = ""


# ---- what happens


@dataclass(frozen=True, slots=True)
class Wanted:
    """This model needs memory.  Said again, it changes need, priority and right of the wish; its turn stays."""

    model: str
    need: Need
    priority: int = 0
    evict: bool = True
    reload_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody wants it any more before it was given memory."""

    model: str


@dataclass(frozen=True, slots=True)
class Stands:
    """How a model that holds memory stands now; `phase` None: its memory is back."""

    model: str
    phase: Phase | None
    wanted: bool = False
    claim: Mapping[str, int] | None = None
    """What it holds from now on, when that was measured; None: as before."""
    reload_seconds: float | None = None
    awaited: bool = True
    """When it has become ready: requests waited for it and are on their way (nobody is, after a person's start)."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Deadlines are looked at: the rooms, or time, have changed."""


Happening = Wanted | Withdrawn | Stands | Looked


# ---- what follows


@dataclass(frozen=True, slots=True)
class Admit:
    model: str
    place: Place


@dataclass(frozen=True, slots=True)
class Evict:
    model: str
    why: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """`stands`: it would be the same for everybody who asks now, whatever they may do."""

    model: str
    failure: Failure
    stands: bool = True


@dataclass(frozen=True, slots=True)
class Queued:
    """Its place in the queue or what it waits for has changed.  1 is next."""

    model: str
    position: int
    why: str


Outcome = Admit | Evict | Refuse | Queued
