"""What to unload so that something else fits: the cheapest set, explained.  Pure.

The cost of unloading an instance is what having it back would take, times how likely it is wanted back, times what it
is worth: reload seconds x chance of reuse x 2^priority.  Per byte that helps, because one large idle model is better
than three small busy ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    must = set(forced)
    everyone = sorted(_Priced(cost(candidate), candidate.model, candidate.claim) for candidate in candidates)
    gone = [candidate for candidate in everyone if candidate.model in must]
    left = [candidate for candidate in everyone if candidate.model not in must]
    after = _with(free, gone)
    most = _with(after, left)
    found: Eviction | None = None
    for claim in claims:
        if not fits(claim, most):
            continue
        victims = _enough(claim, after, left, math.inf if found is None else found.cost)
        if victims is not None:
            names = tuple(candidate.model for candidate in (*gone, *victims))
            other = Eviction(names, claim, sum(victim.cost for victim in victims))
            found = other if found is None else min(found, other, key=_rank)
    return found


def _rank(eviction: Eviction) -> tuple[float, int, int]:
    return eviction.cost, len(eviction.victims), len(eviction.claim)


class _Priced(NamedTuple):
    """A candidate with its cost: what `choose` sorts by, reckoned once."""

    cost: float
    model: str
    claim: Mapping[str, int]


def _enough(claim: Claim, free: Mapping[str, int], candidates: Sequence[_Priced], limit: float) -> list[_Priced] | None:
    """Greedy by cost for each byte that helps, then without those that turn out not to be needed; or the cheapest one
    that is enough alone, where that costs less.  None when it is not cheaper than `limit`, or nothing is enough."""
    missing = _missing(claim, free)
    left: list[_Priced] = []
    for candidate in candidates:  # the cheapest first
        if not missing.keys().isdisjoint(candidate.claim):
            if not left and candidate.cost > limit:
                return None
            left.append(candidate)
    alone = next((candidate for candidate in left if fits(missing, candidate.claim)), None)
    taken: list[_Priced] = []
    spent = 0.0
    while missing and spent <= limit:
        pick = _cheapest(left, missing)
        if pick is None:
            return None
        taken.append(pick)
        left.remove(pick)
        spent += pick.cost
        missing = _without(missing, pick.claim)
    if missing:
        return None if alone is None else [alone]
    for candidate in sorted(taken, reverse=True) if len(taken) > 1 else ():
        others = [other for other in taken if other is not candidate]
        if fits(claim, _with(free, others)):
            taken = others
    if taken and alone is not None and alone.cost < sum(victim.cost for victim in taken):
        return [alone]
    return taken


def _cheapest(candidates: Iterable[_Priced], missing: Claim) -> _Priced | None:
    best: tuple[float, str] | None = None
    pick = None
    for candidate in candidates:
        bytes_ = _helps(candidate, missing)
        if bytes_ and (best is None or (candidate.cost / bytes_, candidate.model) < best):
            best, pick = (candidate.cost / bytes_, candidate.model), candidate
    return pick


def _missing(claim: Claim, free: Mapping[str, int]) -> Claim:
    return {id: bytes_ - free.get(id, 0) for id, bytes_ in claim.items() if bytes_ > max(free.get(id, 0), 0)}


def _without(missing: Claim, freed: Mapping[str, int]) -> Claim:
    return {id: bytes_ - freed.get(id, 0) for id, bytes_ in missing.items() if bytes_ > freed.get(id, 0)}


def _helps(candidate: _Priced, missing: Claim) -> int:
    bytes_ = 0
    for id, lacking in missing.items():
        bytes_ += min(candidate.claim.get(id, 0), lacking)
    return bytes_


def _with(free: Mapping[str, int], candidates: Iterable[_Priced]) -> dict[str, int]:
    after = dict(free)
    for candidate in candidates:
        for id, bytes_ in candidate.claim.items():
            after[id] = after.get(id, 0) + bytes_
    return after
