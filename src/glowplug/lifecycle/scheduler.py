"""Who gets memory next: a pure state machine over all models.  Happenings in, outcomes out; no clock, no I/O.

It knows for each model what it holds and whether it is used, for each wish since when it waits, and for each room what
is in it.  One wish stands for all requests that wait for a model, so a model that is wanted by many is one entry, and
requests that come while it is loaded never queue.

    Wanted ──▶ fits: Admit ─┐            Stands(…) follows every change of an instance: this picture is a mirror of the
               else: Evict … ┤            machines, so nothing here can drift away from what runs.
               else: wait ───┤
               never: Refuse ◀┘
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle.deciding import Decision, Picture, Verdict, candidate, decide, protected_until
from glowplug.lifecycle.eviction import cost
from glowplug.lifecycle.placement import Claim, Need, Room, free_of, place_of
from glowplug.lifecycle.queueing import (
    Admit,
    Evict,
    Happening,
    Holding,
    Looked,
    Outcome,
    Phase,
    Queued,
    Refuse,
    Rules,
    Stands,
    Traits,
    Wanted,
    Wish,
    Withdrawn,
)


class Scheduler:
    """`handle` and `set_rooms` are the only ways in; everything else is for looking."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.rooms: tuple[Room, ...] = ()
        self.traits: dict[str, Traits] = {}
        self.groups: dict[str, Group] = {}
        self.holdings: dict[str, Holding] = {}
        self.wishes: dict[str, Wish] = {}
        self.held = ""
        """Why nobody is given anything for now (the machine is about to sleep); empty when it is not so."""
        self._evicted_at: dict[str, float] = {}
        self._pressed: dict[str, float] = {}
        self._told: dict[str, tuple[int, str]] = {}

    def configure(self, rules: Rules, traits: Mapping[str, Traits], groups: Iterable[Group]) -> None:
        """The configuration now; what is loaded and what waits stays."""
        self.rules = rules
        self.traits = dict(traits)
        self.groups = {group.name: group for group in groups}

    def set_rooms(self, now: float, rooms: Sequence[Room], free: Mapping[str, int | None]) -> None:
        """What the machine has at this moment.  `free`: what the driver says is left of each room."""
        self.rooms = tuple(rooms)
        for room in rooms:
            left = free.get(room.id)
            ours = any(held.claim.get(room.id) for held in self.holdings.values())
            if left is not None and left < room.reserve and ours:
                self._pressed.setdefault(room.id, now)
            else:
                self._pressed.pop(room.id, None)

    def handle(self, now: float, happening: Happening) -> list[Outcome]:
        """What has to be done because this happened at `now` (monotonic seconds)."""
        out: list[Outcome] = []
        match happening:
            case Wanted():
                out += self._wanted(now, happening)
            case Withdrawn(model):
                self.wishes.pop(model, None)
            case Stands():
                self._stands(now, happening)
            case Looked():
                pass
        out += self._consider(now)
        out += self._relieve(now)
        return out + self._tell()

    # ---- what happened

    def _wanted(self, now: float, wanted: Wanted) -> list[Outcome]:
        wish = self.wishes.get(wanted.model)
        if wish is not None:
            wish.need, wish.priority, wish.evict = wanted.need, wanted.priority, wanted.evict
            return []
        if len(self.wishes) >= self.rules.queue:
            return [Refuse(wanted.model, _queue_full(len(self.wishes)))]
        self.wishes[wanted.model] = Wish(wanted.model, wanted.need, now, wanted.priority, wanted.evict)
        return []

    def _stands(self, now: float, stands: Stands) -> None:
        if stands.phase is None:
            self.holdings.pop(stands.model, None)
            return
        held = self.holdings.get(stands.model)
        if held is None:  # adopted from an earlier control process
            held = self.holdings[stands.model] = Holding(dict(stands.claim or {}), stands.phase)
        if stands.claim is not None:
            held.claim = dict(stands.claim)
        if stands.reload_seconds is not None:
            held.reload_seconds = stands.reload_seconds
        if stands.phase is Phase.LOADED and (held.phase is not Phase.LOADED or held.ready_at is None):
            held.ready_at = held.used_at = now
        if held.wanted and not stands.wanted:
            held.used_at = now
        held.phase, held.wanted = stands.phase, stands.wanted

    # ---- what follows

    def order(self, now: float) -> list[Wish]:
        """Those who have waited too long first; then by priority; then first come, first served."""

        def rank(wish: Wish) -> tuple[bool, int, float, str]:
            starving = wish.starving(now, self.rules)
            return not starving, 0 if starving else -wish.priority, wish.asked_at, wish.model

        return sorted(self.wishes.values(), key=rank)

    def _picture(self, free: Mapping[str, int]) -> Picture:
        return Picture(self.rules, self.rooms, self.traits, self.groups, self.holdings, free, self.free())

    def free(self) -> dict[str, int]:
        """What is left of each room, not counting what is promised to those who wait."""
        return free_of(self.rooms, (held.claim for held in self.holdings.values()))

    def _consider(self, now: float) -> list[Outcome]:
        out: list[Outcome] = []
        promised: list[Claim] = []
        if self.held:
            for wish in self.wishes.values():
                wish.why, wish.look_again = self.held, math.inf
            return out
        for wish in self.order(now):
            free = free_of(self.rooms, [*(held.claim for held in self.holdings.values()), *promised])
            decision = decide(now, wish, self._picture(free))
            wish.why, wish.look_again = decision.why, decision.look_again
            match decision.verdict:
                case Verdict.ADMIT:
                    out.append(self._admit(now, wish, decision))
                case Verdict.REFUSE:
                    assert decision.failure is not None
                    del self.wishes[wish.model]
                    out.append(Refuse(wish.model, decision.failure))
                case Verdict.EVICT:
                    wish.victims, wish.promised = decision.victims, decision.claim
                    promised.append(decision.claim)
                    out += [self._evict(now, victim, f"to make room for {wish.model}") for victim in decision.victims]
                case Verdict.WAIT:
                    wish.promised = decision.claim
                    promised.append(decision.claim)
        return out

    def _admit(self, now: float, wish: Wish, decision: Decision) -> Admit:
        del self.wishes[wish.model]
        before = self.holdings.get(wish.model)
        free = self.free()
        came_back = now - self._evicted_at.get(wish.model, -math.inf) < self.rules.returns_within
        self.holdings[wish.model] = Holding(
            claim=dict(decision.claim),
            reload_seconds=before.reload_seconds if before else None,
            returned=came_back,
        )
        return Admit(wish.model, place_of(decision.claim, self.rooms, free))

    def _evict(self, now: float, model: str, why: str) -> Evict:
        self.holdings[model].phase = Phase.LEAVING
        self._evicted_at[model] = now
        return Evict(model, why)

    def _relieve(self, now: float) -> list[Outcome]:
        """Other programs have wanted memory for long enough: the cheapest idle model makes room."""
        out: list[Outcome] = []
        for room in self.rooms:
            since = self._pressed.get(room.id)
            if since is None or now < since + self.rules.pressure:
                continue
            picture = self._picture({})
            idle = [
                name
                for name, held in self.holdings.items()
                if held.claim.get(room.id) and held.phase in (Phase.LOADED, Phase.ASLEEP)
                and not held.wanted and not picture.trait(name).pinned
            ]  # fmt: skip
            self._pressed[room.id] = now  # what leaves now is given the same time to be felt
            if idle:
                victim = min(idle, key=lambda name: (cost(candidate(now, name, picture)), name))
                out.append(self._evict(now, victim, f"other programs need memory of {room.id}"))
        return out

    def _tell(self) -> list[Outcome]:
        """Positions and reasons that have changed."""
        out: list[Outcome] = []
        told: dict[str, tuple[int, str]] = {}
        waiting = sorted(self.wishes.values(), key=lambda wish: (-wish.priority, wish.asked_at, wish.model))
        for position, wish in enumerate(waiting, 1):
            told[wish.model] = (position, wish.why)
            if self._told.get(wish.model) != told[wish.model]:
                out.append(Queued(wish.model, position, wish.why))
        self._told = told
        return out

    # ---- looking

    def deadline(self, now: float) -> float | None:
        """The next moment at which `Looked` would change something, or None."""
        moments = [wish.look_again for wish in self.wishes.values()]
        moments += [wish.asked_at + self.rules.starvation for wish in self.wishes.values()]
        moments += [since + self.rules.pressure for since in self._pressed.values()]
        return min((moment for moment in moments if now < moment < math.inf), default=None)

    def explain(self, now: float, model: str, need: Need, *, evict: bool = True) -> Decision:
        """What would become of a wish for `model` now, behind those who wait already.  Changes nothing."""
        wish = self.wishes.get(model) or Wish(model, need, now, self.traits.get(model, Traits()).priority, evict)
        promised = [other.promised for other in self.order(now) if other.model != model]
        free = free_of(self.rooms, [*(held.claim for held in self.holdings.values()), *promised])
        return decide(now, wish, self._picture(free))

    def protected(self, now: float, model: str) -> float:
        """Until when `model` may not be unloaded for another one; 0 for not at all, `inf` while it is used."""
        return protected_until(now, self.holdings[model], self.rules)


def _queue_full(waiting: int) -> Failure:
    return Failure(
        kind=FailureKind.NO_ROOM,
        message=f"{waiting} models wait for memory already",
        hint="ask again in a while, or raise scheduling.queue",
    )
