"""One decision of the scheduler: what becomes of a wish for memory as things stand.  Pure; `Scheduler` acts on it, and
`glowplug plan` shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Group
from glowplug.lifecycle.eviction import UNKNOWN_RELOAD, Candidate, Eviction, choose, cost
from glowplug.lifecycle.placement import Claim, Room, best, fits, options
from glowplug.lifecycle.queueing import Holding, Phase, Rules, Traits, Wish
from glowplug.units import format_size


class Verdict(Enum):
    """What becomes of a wish now."""

    ADMIT = "admit"
    EVICT = "evict"
    """After others have left."""
    WAIT = "wait"
    """For those who leave already, or who may not be asked to leave yet."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    claim: Claim = field(default_factory=dict)
    """Where it goes, or will go; kept free of others that are behind it in the queue."""
    victims: tuple[str, ...] = ()
    why: str = ""
    failure: Failure | None = None
    look_again: float = math.inf


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything a decision looks at."""

    rules: Rules
    rooms: Sequence[Room]
    traits: Mapping[str, Traits]
    groups: Mapping[str, Group]
    holdings: Mapping[str, Holding]
    free: Mapping[str, int]
    """What nobody has and nobody in front was promised."""
    unclaimed: Mapping[str, int]
    """What nobody has, promised or not."""
    ahead: tuple[str, ...] = ()
    """Those in front whose turn has come: what groups forbid beside them is not loaded before them."""

    def trait(self, model: str) -> Traits:
        return self.traits.get(model, Traits())


def decide(now: float, wish: Wish, picture: Picture) -> Decision:
    """What becomes of `wish` at `now`."""
    claims = options(wish.need, picture.rooms)
    whole = {room.id: room.total - room.reserve for room in picture.rooms}
    if not any(fits(claim, whole) for claim in claims):
        # Shares are divided by what others leave; what others hold is not there for ever.
        alone = options(wish.need, [replace(room, others=0) for room in picture.rooms])
        if not any(fits(claim, whole) for claim in alone):
            return _too_large(alone, whole, picture.rooms)
    if first := _first(wish.model, picture):
        return Decision(Verdict.WAIT, {}, wish.victims, f"waits for {', '.join(first)}, before it in the queue")
    free = _for(wish.model, picture.free, picture)
    rivals = conflicting(now, wish.model, picture)
    leaving = {name: held for name, held in picture.holdings.items() if held.phase is Phase.LEAVING}
    soon = _plus(free, leaving.values())
    # What is promised to those in front can be what leaves for them: the rest of what is free is for whom it fits.
    unclaimed = _for(wish.model, picture.unclaimed, picture)
    claim = best(claims, {id: min(bytes_, unclaimed.get(id, 0)) for id, bytes_ in soon.items()})
    own = picture.holdings.get(wish.model)
    going = own is not None and own.phase is Phase.LEAVING
    if claim is not None and not rivals.all and not going:
        return Decision(Verdict.ADMIT, claim)
    claim = best(claims, soon)
    if claim is not None and not rivals.staying:
        names = ", ".join(sorted(leaving)) or "memory"
        return Decision(Verdict.WAIT, claim, wish.victims, f"waits until {names} has given its memory back")
    if not wish.evict:
        return _not_allowed(claims, free, rivals.all)
    return _evict(now, wish, claims, soon, rivals.staying, picture)


def _evict(
    now: float, wish: Wish, claims: Sequence[Claim], soon: Mapping[str, int], rivals: tuple[str, ...], picture: Picture
) -> Decision:
    """The cheapest unloading that is allowed now, else what it waits for, else why it never comes."""
    others = {
        name: held
        for name, held in picture.holdings.items()
        if name != wish.model and held.phase is not Phase.LEAVING and not picture.trait(name).pinned
    }
    idle = {name for name, held in others.items() if not protected_until(now, held, picture.rules)}
    drainable = idle | {
        name for name, held in others.items() if held.phase is Phase.LOADED and not held.arriving(now, picture.rules)
    }
    allowed = drainable if wish.starving(now, picture.rules) else idle
    eviction = _choose(now, claims, soon, allowed, rivals, picture)
    if eviction is not None and eviction.victims:
        names = ", ".join(eviction.victims)
        return Decision(Verdict.EVICT, eviction.claim, eviction.victims, f"waits until {names} has been unloaded")
    # Whether it can come at all is asked without the promises to those in front: they will have been served by then.
    leaving = [held for held in picture.holdings.values() if held.phase is Phase.LEAVING]
    at_last = _plus(_for(wish.model, picture.unclaimed, picture), leaving)
    later = _choose(now, claims, at_last, set(others), rivals, picture)
    if later is None:
        return _no_room(claims, at_last, rivals, picture)
    ends = [protected_until(now, picture.holdings[name], picture.rules) for name in later.victims]
    starved = wish.asked_at + picture.rules.starvation
    used = ", ".join(later.victims)
    held = later.claim if wish.starving(now, picture.rules) else {}
    again = min([end for end in (*ends, starved) if end > now], default=math.inf)
    why = f"waits for {used}, in use now" if used else "waits for its turn"
    return Decision(Verdict.WAIT, held, (), why, None, again)


def _choose(
    now: float,
    claims: Sequence[Claim],
    free: Mapping[str, int],
    allowed: Iterable[str],
    rivals: tuple[str, ...],
    picture: Picture,
) -> Eviction | None:
    names = set(allowed)
    if not names.issuperset(rivals):
        return None
    return choose(claims, free, [candidate(now, name, picture) for name in sorted(names)], rivals)


def candidate(now: float, model: str, picture: Picture) -> Candidate:
    """A holding as the eviction weighs it."""
    held, traits = picture.holdings[model], picture.trait(model)
    idle = now - held.used_at if held.used_at > -math.inf and not held.wanted else 0.0
    return Candidate(
        model=model,
        claim=held.claim,
        idle_for=idle,
        keep_alive=traits.keep_alive,
        reload_seconds=held.reload_seconds,
        priority=traits.priority,
    )


def protected_until(now: float, held: Holding, rules: Rules) -> float:
    """Until when it may not be unloaded for another model: 0 for not at all, `inf` while it is used or loads for
    somebody.

    One that has become ready is left to those who asked for it: unloaded before they come, it was loaded for nothing,
    and two that wait for the same memory would unload each other for ever.

    A model that came back after it was unloaded for another one stays for the minimum residency, but not when it has
    been quiet for as long as its load takes: waiting longer than that costs more than loading it once more would.
    """
    if held.phase is Phase.ASLEEP:
        return 0.0
    if held.wanted:
        return math.inf
    if held.ready_at is None:
        return 0.0
    if held.arriving(now, rules):
        return held.ready_at + rules.arrival
    if not held.returned:
        return 0.0
    reload = UNKNOWN_RELOAD if held.reload_seconds is None else held.reload_seconds
    end = min(held.ready_at + rules.min_residency, held.used_at + reload)
    return end if end > now else 0.0


@dataclass(frozen=True, slots=True)
class Rivals:
    """Who may not be loaded beside a model, by the groups."""

    staying: tuple[str, ...] = ()
    """Loaded, and would have to be unloaded."""
    leaving: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.staying, *self.leaving)


def conflicting(now: float, model: str, picture: Picture) -> Rivals:
    """The loaded models that groups forbid beside `model`; of a group that allows some, the cheapest to unload."""
    loaded = [name for name in picture.holdings if name != model]
    forbidden: set[str] = set()
    for group in picture.groups.values():
        inside = model in group.members
        members = [name for name in loaded if name in group.members]
        if inside and len(members) >= group.most:
            members.sort(key=lambda name: _worth(now, name, picture))
            forbidden.update(members[: len(members) - group.most + 1])
        if group.exclusive:
            forbidden.update(name for name in loaded if (name in group.members) is not inside)
    gone = tuple(sorted(name for name in forbidden if picture.holdings[name].phase is Phase.LEAVING))
    return Rivals(tuple(sorted(forbidden.difference(gone))), gone)


def _worth(now: float, name: str, picture: Picture) -> tuple[bool, bool, bool, float, str]:
    """Those that leave already are the ones that go, and never those that may not be unloaded while others may."""
    held = picture.holdings[name]
    staying = held.phase is not Phase.LEAVING
    return staying, picture.trait(name).pinned, held.wanted, cost(candidate(now, name, picture)), name


def _stays(model: str, picture: Picture) -> bool:
    return model in picture.holdings and picture.holdings[model].phase is not Phase.LEAVING


def _first(model: str, picture: Picture) -> tuple[str, ...]:
    """Those in front that groups forbid beside `model`."""
    found: set[str] = set()
    for group in picture.groups.values():
        inside = model in group.members
        members = [name for name in picture.ahead if name in group.members]
        staying = [name for name in group.members if name != model and _stays(name, picture)]
        if inside and len({*members, *staying}) >= group.most:
            found.update(members)
        if group.exclusive:
            found.update(name for name in picture.ahead if (name in group.members) is not inside)
    return tuple(sorted(found))


def _for(model: str, free: Mapping[str, int], picture: Picture) -> dict[str, int]:
    """What is free for `model`: an engine that sleeps gives back what it holds asleep by waking up."""
    own = picture.holdings.get(model)
    return _plus(free, [own] if own is not None and own.phase is Phase.ASLEEP else [])


def _plus(free: Mapping[str, int], holdings: Iterable[Holding]) -> dict[str, int]:
    after = dict(free)
    for held in holdings:
        for id, bytes_ in held.claim.items():
            after[id] = after.get(id, 0) + bytes_
    return after


# ---- refusals


def _refuse(kind: FailureKind, message: str, hint: str, claim: Claim) -> Decision:
    failure = Failure(kind=kind, message=message, hint=hint, permanent=kind is FailureKind.TOO_LARGE)
    return Decision(Verdict.REFUSE, claim, (), message, failure)


def _too_large(claims: Sequence[Claim], whole: Mapping[str, int], rooms: Sequence[Room]) -> Decision:
    claim = max(claims, key=lambda claim: sum(whole.get(id, 0) for id in claim))
    meant = [room for room in rooms if room.kind and any(room.id in claim for claim in claims)]
    lost = [room for room in meant if room.problem]
    if lost and lost == meant:
        message = f"{lost[0].id} cannot be used: {lost[0].problem}"
        return _refuse(
            FailureKind.DRIVER_LOST, message, "see to the driver; `glowplug memory` shows what it says", claim
        )
    there = ", ".join(f"{room.id} has {format_size(whole[room.id])}" for room in rooms)
    return _refuse(
        FailureKind.TOO_LARGE,
        f"it needs {in_words(claim)}, more than there is with everything else unloaded ({there or 'nothing is known'})",
        "use a smaller quantisation or context, or fewer layers on the GPU; `glowplug plan` shows what it is made of",
        claim,
    )


def _not_allowed(claims: Sequence[Claim], free: Mapping[str, int], rivals: tuple[str, ...]) -> Decision:
    claim = claims[0]
    message = f"it needs {in_words(claim)} and {_left(claim, free)}, and this key may not unload other models for it"
    if rivals:
        message = f"it may not be loaded beside {', '.join(rivals)}, and this key may not unload other models for it"
    return _refuse(
        FailureKind.NO_ROOM, message, "wait until they are idle, or use a key with the right to evict", claim
    )


def _no_room(claims: Sequence[Claim], soon: Mapping[str, int], rivals: tuple[str, ...], picture: Picture) -> Decision:
    claim = claims[0]
    pinned = [name for name in picture.holdings if picture.trait(name).pinned]
    blockers = []
    if stuck := [name for name in (rivals or pinned) if name in pinned]:
        blockers.append(f"{', '.join(stuck)} may not be unloaded")
    for room in picture.rooms:
        if room.id in claim and room.others:
            by = f" ({', '.join(room.holders[:3])})" if room.holders else ""
            blockers.append(f"other programs hold {format_size(room.others)} of {room.id}{by}")
    message = f"it needs {in_words(claim)}; {' and '.join(blockers) or _left(claim, soon)}"
    return _refuse(FailureKind.NO_ROOM, message, "end what holds the memory, or unpin a model", claim)


def in_words(claim: Mapping[str, int]) -> str:
    """`14.2 GiB of gpu0 and 1 GiB of host`."""
    return " and ".join(f"{format_size(bytes_)} of {id}" for id, bytes_ in claim.items() if bytes_) or "no memory"


def _left(claim: Mapping[str, int], free: Mapping[str, int]) -> str:
    return " and ".join(f"{id} has {format_size(max(free.get(id, 0), 0))} left" for id in claim) or "nothing is left"
