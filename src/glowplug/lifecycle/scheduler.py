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
from copy import copy

from glowplug.domain.hardware import HOST
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
        out += self._consider(now)[0]
        out += self._relieve(now)
        return out + self._tell(now)

    # ---- what happened

    def _wanted(self, now: float, wanted: Wanted) -> list[Outcome]:
        if self._has(wanted.model):
            return []
        if wanted.model not in self.wishes and len(self.wishes) >= self.rules.queue:
            decision = self._bounded(self._would(now, wanted))
            if decision.failure is not None:
                return [Refuse(wanted.model, decision.failure)]
        self._note(now, wanted)
        return []

    def _has(self, model: str) -> bool:
        """Whether it holds all the memory it needs; an engine that sleeps or leaves does not."""
        held = self.holdings.get(model)
        return held is not None and held.phase in (Phase.LOADING, Phase.LOADED)

    def _note(self, now: float, wanted: Wanted) -> None:
        wish = self.wishes.setdefault(wanted.model, Wish(wanted.model, wanted.need, now))
        wish.need, wish.priority, wish.evict = wanted.need, wanted.priority, wanted.evict
        wish.reload_seconds = wanted.reload_seconds

    def _bounded(self, decision: Decision) -> Decision:
        """What becomes of one more wish: with a full queue nobody is let in who would have to wait."""
        if len(self.wishes) < self.rules.queue or decision.verdict in (Verdict.ADMIT, Verdict.REFUSE):
            return decision
        failure = _queue_full(len(self.wishes))
        return Decision(Verdict.REFUSE, decision.claim, (), failure.message, failure)

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
            held.unused = stands.awaited
        if stands.wanted:
            held.unused = False
        if held.wanted and not stands.wanted:
            held.used_at = now
        held.phase, held.wanted = stands.phase, stands.wanted
        if self._has(stands.model):
            self.wishes.pop(stands.model, None)

    # ---- what follows

    def order(self, now: float) -> list[Wish]:
        """Those who have waited too long first; then by priority; then first come, first served."""

        def rank(wish: Wish) -> tuple[bool, int, float, str]:
            starving = wish.starving(now, self.rules)
            return not starving, 0 if starving else -wish.priority, wish.asked_at, wish.model

        return sorted(self.wishes.values(), key=rank)

    def _picture(self, free: Mapping[str, int], unclaimed: Mapping[str, int], ahead: tuple[str, ...] = ()) -> Picture:
        return Picture(self.rules, self.rooms, self.traits, self.groups, self.holdings, free, unclaimed, ahead)

    @property
    def host_budget(self) -> int | None:
        """The most of the machine's own memory that an engine may take, or None when it is not known."""
        return next((room.total - room.reserve for room in self.rooms if room.id == HOST), None)

    def free(self) -> dict[str, int]:
        """What is left of each room, not counting what is promised to those who wait."""
        return free_of(self.rooms, (held.claim for held in self.holdings.values()))

    def _consider(self, now: float) -> tuple[list[Outcome], dict[str, Decision]]:
        """Look at every wish in its turn, and at what follows from it before the next one."""
        out: list[Outcome] = []
        unclaimed = free = self.free()
        decisions: dict[str, Decision] = {}
        ahead: tuple[str, ...] = ()
        if self.held:
            for wish in self.wishes.values():
                wish.why, wish.look_again = self.held, math.inf
            return out, decisions
        for wish in self.order(now):
            decision = decisions[wish.model] = decide(now, wish, self._picture(free, unclaimed, ahead))
            wish.why, wish.look_again = decision.why, decision.look_again
            if decision.verdict is Verdict.EVICT or (decision.verdict is Verdict.WAIT and decision.claim):
                ahead = (*ahead, wish.model)
            match decision.verdict:
                case Verdict.ADMIT:
                    before = self.holdings.get(wish.model)
                    out.append(self._admit(now, wish, decision))
                    unclaimed = self.free()
                    # An engine that slept gives back what it held asleep.
                    free = _less(free, decision.claim, () if before is None else (before.claim,))
                case Verdict.REFUSE:
                    assert decision.failure is not None
                    del self.wishes[wish.model]
                    out.append(Refuse(wish.model, decision.failure, stands=wish.evict))
                case Verdict.EVICT:
                    wish.victims, wish.promised = decision.victims, decision.claim
                    free = _less(free, decision.claim)
                    out += [self._evict(now, victim, f"to make room for {wish.model}") for victim in decision.victims]
                case Verdict.WAIT:
                    wish.promised = decision.claim
                    free = _less(free, decision.claim)
        return out, decisions

    def _admit(self, now: float, wish: Wish, decision: Decision) -> Admit:
        del self.wishes[wish.model]
        before = self.holdings.get(wish.model)
        free = self.free()
        came_back = now - self._evicted_at.get(wish.model, -math.inf) < self.rules.returns_within
        self.holdings[wish.model] = Holding(
            claim=dict(decision.claim),
            reload_seconds=wish.reload_seconds or (before.reload_seconds if before else None),
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
            picture = self._picture({}, {})
            idle = [
                name
                for name, held in self.holdings.items()
                if held.claim.get(room.id) and held.phase in (Phase.LOADED, Phase.ASLEEP)
                and not held.wanted and not held.arriving(now, self.rules) and not picture.trait(name).pinned
            ]  # fmt: skip
            self._pressed[room.id] = now  # what leaves now is given the same time to be felt
            if idle:
                victim = min(idle, key=lambda name: (cost(candidate(now, name, picture)), name))
                out.append(self._evict(now, victim, f"other programs need memory of {room.id}"))
        return out

    def _tell(self, now: float) -> list[Outcome]:
        """Positions and reasons that have changed."""
        out: list[Outcome] = []
        told: dict[str, tuple[int, str]] = {}
        for position, wish in enumerate(self.order(now), 1):
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

    def explain(self, now: float, model: str, need: Need, *, evict: bool = True, anew: bool = False) -> Decision:
        """What would become of it if `model` were wanted now, in its turn among those who wait.  Changes nothing.
        `anew`: as if it held nothing yet."""
        if self._has(model) and not anew:
            return Decision(Verdict.ADMIT, dict(self.holdings[model].claim), why="it has its memory")
        decision = self._would(now, Wanted(model, need, self.traits.get(model, Traits()).priority, evict), anew)
        return decision if model in self.wishes else self._bounded(decision)

    def _would(self, now: float, wanted: Wanted, anew: bool = False) -> Decision:
        """Play it on a copy."""
        trial = Scheduler(self.rules)
        trial.rooms, trial.traits, trial.groups = self.rooms, self.traits, self.groups
        trial.holdings = {name: copy(held) for name, held in self.holdings.items()}
        trial.wishes = {name: copy(wish) for name, wish in self.wishes.items()}
        if anew:
            trial.holdings.pop(wanted.model, None)
        trial._note(now, wanted)
        return trial._consider(now)[1][wanted.model]

    def protected(self, now: float, model: str) -> float:
        """Until when `model` may not be unloaded for another one; 0 for not at all, `inf` while it is used."""
        return protected_until(now, self.holdings[model], self.rules)


def _less(free: Mapping[str, int], claim: Claim, back: Iterable[Claim] = ()) -> dict[str, int]:
    after = dict(free)
    for id, bytes_ in claim.items():
        after[id] = after.get(id, 0) - bytes_
    for given in back:
        for id, bytes_ in given.items():
            after[id] = after.get(id, 0) + bytes_
    return after


def _queue_full(waiting: int) -> Failure:
    return Failure(
        kind=FailureKind.NO_ROOM,
        message=f"{waiting} models wait for memory already",
        hint="ask again in a while, or raise scheduling.queue",
    )
