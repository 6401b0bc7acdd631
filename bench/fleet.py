"""How many decisions the scheduler takes in a second: 64 models on 8 devices, nothing but the pure state machine."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import Figure, of_rounds
from glowplug.domain.model import Group
from glowplug.lifecycle.placement import Need, Room
from glowplug.lifecycle.queueing import (
    Admit,
    Evict,
    Outcome,
    Phase,
    Queued,
    Refuse,
    Rules,
    Stands,
    Traits,
    Wanted,
)
from glowplug.lifecycle.scheduler import Scheduler

PART = "scheduler"
MODELS, DEVICES = 64, 8
CALM, CROWDED = 1.0, 20.0
"""Requests a second."""
_GIB = 1 << 30


@dataclass
class Count:
    """What a fleet did.  Seconds of CPU inside the scheduler, as the system charges them to the thread."""

    wanted: int = 0
    happenings: int = 0
    admitted: int = 0
    evicted: int = 0
    refused: int = 0
    waiting: int = 0
    """Models that waited, summed over the happenings."""
    seconds: float = 0.0
    slowest: float = 0.0
    """Of one happening."""

    @property
    def rate(self) -> float:
        return self.happenings / self.seconds if self.seconds else 0.0


@dataclass
class Fleet:
    """Models of 4 to 60 GiB that are wanted at random on devices of 80 GiB; every third is in a group of which four may
    be loaded, every eighth is urgent.  Loads and unloads take no time; a request takes half a second.
    """

    seed: int = 1
    arrivals: float = CROWDED
    """Requests a second."""
    count: Count = field(default_factory=Count)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.now = 1000.0
        self.scheduler = Scheduler(Rules(queue=MODELS))
        names = [f"chat-model-{n}-llamacpp" for n in range(MODELS)]
        self.needs = {
            name: Need(device=(4 << (n % 5)) * _GIB * (15 if n % 5 == 4 else 16) // 16, host=_GIB // 4)
            for n, name in enumerate(names)
        }
        traits = {name: Traits(priority=50 if n % 8 == 0 else 0) for n, name in enumerate(names)}
        groups = [Group(name="some", members=tuple(names[::3]), most=4)]
        self.scheduler.configure(self.scheduler.rules, traits, groups)
        rooms = [Room(f"gpu{n}", 80 * _GIB, reserve=_GIB, kind="nvidia", index=n) for n in range(DEVICES)]
        rooms.append(Room("host", 512 * _GIB, reserve=2 * _GIB))
        self.scheduler.set_rooms(self.now, rooms, {room.id: room.total // 2 for room in rooms})
        self.used: dict[str, float] = {}

    def step(self) -> None:
        """One request for a model at random, and everything that follows from it."""
        self.now += self.random.expovariate(self.arrivals)
        for name in [name for name, until in self.used.items() if until <= self.now]:
            del self.used[name]
            self._happen(Stands(name, Phase.LOADED, wanted=False))
        name = self.random.choice(tuple(self.needs))
        self.count.wanted += 1
        held = self.scheduler.holdings.get(name)
        if held is None and name not in self.scheduler.wishes:
            self._happen(Wanted(name, self.needs[name]))
        elif held is not None and held.phase is Phase.LOADED:
            self._use(name)

    def _use(self, name: str) -> None:
        self.used[name] = self.now + self.random.expovariate(2.0)
        self._happen(Stands(name, Phase.LOADED, wanted=True, reload_seconds=self.needs[name].device / (4 * _GIB)))

    def _happen(self, happening: Wanted | Stands) -> None:
        before = time.thread_time()
        outcomes = self.scheduler.handle(self.now, happening)
        took = time.thread_time() - before
        self.count.happenings += 1
        self.count.waiting += len(self.scheduler.wishes)
        self.count.seconds += took
        self.count.slowest = max(self.count.slowest, took)
        for outcome in outcomes:
            self._carry_out(outcome)

    def _carry_out(self, outcome: Outcome) -> None:
        match outcome:
            case Admit(model, _):
                self.count.admitted += 1
                self._use(model)
            case Evict(model, _):
                self.count.evicted += 1
                self.used.pop(model, None)
                self._happen(Stands(model, None))
            case Refuse():
                self.count.refused += 1
            case Queued():
                pass


def measure(rounds: int, steps: int = 500) -> list[tuple[Count, Count]]:
    """A calm fleet, where hardly anybody waits, and a crowded one.  Each round is another sequence of requests."""
    return [(_run(Fleet(seed, CALM), steps), _run(Fleet(seed, CROWDED), steps)) for seed in range(rounds)]


def _run(fleet: Fleet, steps: int) -> Count:
    for _ in range(steps):
        fleet.step()
    return fleet.count


def figures(counts: Sequence[tuple[Count, Count]]) -> list[Figure]:
    """A decision is one happening taken in and everything that waits looked at again."""
    calm, crowded = [c for c, _ in counts], [c for _, c in counts]

    def line(name: str, values: Sequence[float], unit: str, digits: int = 0) -> Figure:
        return of_rounds(PART, name, values, unit, digits=digits)

    return [
        line(f"decisions, {MODELS} models × {DEVICES} devices, calm", [c.rate for c in calm], "/s"),
        line("models that wait meanwhile", [c.waiting / c.happenings for c in calm], "", 1),
        line("the slowest decision", [c.slowest * 1000 for c in calm], "ms", 2),
        line("decisions, crowded", [c.rate for c in crowded], "/s"),
        line("models that wait meanwhile", [c.waiting / c.happenings for c in crowded], "", 1),
        line("the slowest decision", [c.slowest * 1000 for c in crowded], "ms", 2),
        line("models unloaded for others", [c.evicted for c in crowded], ""),
    ]
