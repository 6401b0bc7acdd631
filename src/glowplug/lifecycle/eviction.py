"""What to unload so that something else fits: the cheapest set, explained.  Pure.

The cost of unloading an instance is what having it back would take, times how likely it is wanted back, times what it
is worth: reload seconds x chance of reuse x 2^priority.  Per byte that helps, because one large idle model is better
than three small busy ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from glowplug.lifecycle.placement import Claim, fits

UNKNOWN_RELOAD = 10.0
"""Seconds a load is taken for that nobody has seen."""
LEAST_CHANCE = 0.02


@dataclass(frozen=True, slots=True)
class Candidate:
    """A loaded instance that may be unloaded.  Times in seconds."""

    model: str
    claim: Mapping[str, int]
    idle_for: float = 0.0
    keep_alive: float = 300.0
    reload_seconds: float | None = None
    priority: int = 0
    asleep: bool = False


@dataclass(frozen=True, slots=True)
class Eviction:
    """Unload these (cheapest first), and this claim fits."""

    victims: tuple[str, ...]
    claim: Claim
    cost: float


def cost(candidate: Candidate) -> float:
    """Seconds of loading that unloading it is expected to cost."""
    # Half as likely wanted for each quarter of its keep_alive it has been idle: at the end of it the chance is 1/16.
    half_life = max(min(candidate.keep_alive, 3600.0) / 4, 1.0)
    chance = max(0.5 ** (candidate.idle_for / half_life), LEAST_CHANCE)
    reload = UNKNOWN_RELOAD if candidate.reload_seconds is None else max(candidate.reload_seconds, 0.1)
    return float(reload * chance * 2.0 ** max(min(candidate.priority, 20), -20))


def choose(
    claims: Sequence[Claim], free: Mapping[str, int], candidates: Iterable[Candidate], forced: Iterable[str] = ()
) -> Eviction | None:
    """The cheapest unloading after which one of `claims` fits, or None when none is enough.

    `forced` go in any case (a group allows no more of them) and their cost is not counted.
    """
    known = tuple(candidates)
    costs = {candidate.model: cost(candidate) for candidate in known}
    leaving = frozenset(forced)
    everyone = sorted(known, key=lambda candidate: (costs[candidate.model], candidate.model))
    gone = [candidate for candidate in everyone if candidate.model in leaving]
    left = [candidate for candidate in everyone if candidate.model not in leaving]
    after = _with(free, gone)
    at_most = _with(after, left)
    found = []
    for claim in claims:
        if not fits(claim, at_most):
            continue  # the usual case in a full fleet: a search would be for nothing
        victims = _enough(claim, after, left, costs)
        names = tuple(candidate.model for candidate in (*gone, *victims))
        found.append(Eviction(names, claim, sum(costs[candidate.model] for candidate in victims)))
    return min(found, key=lambda eviction: (eviction.cost, len(eviction.victims), len(eviction.claim)), default=None)


def _enough(
    claim: Claim, free: Mapping[str, int], candidates: Sequence[Candidate], costs: Mapping[str, float]
) -> list[Candidate]:
    """Greedy by cost for each byte that helps, then without those that turn out not to be needed.  All of them together
    have to be enough."""
    taken: list[Candidate] = []
    now = dict(free)
    missing = _missing(claim, now)
    left = [candidate for candidate in candidates if not missing.keys().isdisjoint(candidate.claim)]
    while missing:
        # Names are unique, so candidates are never compared.
        pick = min(
            (costs[candidate.model] / bytes_, candidate.model, candidate)
            for candidate, bytes_ in _helpful(left, missing)
        )[2]
        taken.append(pick)
        left.remove(pick)
        for id, bytes_ in pick.claim.items():
            now[id] = now.get(id, 0) + bytes_
        missing = _missing(claim, now)
    if len(taken) > 1:
        for candidate in sorted(taken, key=lambda candidate: costs[candidate.model], reverse=True):
            others = [other for other in taken if other is not candidate]
            if fits(claim, _with(free, others)):
                taken = others
    return taken


def _missing(claim: Claim, free: Mapping[str, int]) -> dict[str, int]:
    return {id: bytes_ - free.get(id, 0) for id, bytes_ in claim.items() if bytes_ > max(free.get(id, 0), 0)}


def _helpful(candidates: Iterable[Candidate], missing: Mapping[str, int]) -> list[tuple[Candidate, int]]:
    """Who gives back some of what is missing, and how many bytes of it.  A decision spends its time here, and nearly
    always one room is short."""
    if len(missing) == 1:
        ((id, most),) = missing.items()
        return [(candidate, min(has, most)) for candidate in candidates if (has := candidate.claim.get(id, 0))]
    found = []
    for candidate in candidates:
        total = sum([min(has, most) for id, most in missing.items() if (has := candidate.claim.get(id, 0))])
        if total:
            found.append((candidate, total))
    return found


def _with(free: Mapping[str, int], candidates: Iterable[Candidate]) -> dict[str, int]:
    after = dict(free)
    for candidate in candidates:
        for id, bytes_ in candidate.claim.items():
            after[id] = after.get(id, 0) + bytes_
    return after
