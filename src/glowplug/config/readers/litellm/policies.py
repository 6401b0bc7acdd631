"""How LiteLLM picks a deployment of a group → the targets of an alias in order, with policy and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.notes import Notes

_MOST: Final = 1_000_000
"""The largest weight there is."""
_TOKENS: Final = "the nearest is least-busy: who has the fewest requests, not the fewest tokens"
POLICIES: Final = {
    "simple-shuffle": ("weight", ""),
    "least-busy": ("least-busy", ""),
    "latency-based-routing": ("latency", ""),
    "cost-based-routing": ("price", ""),
    "usage-based-routing": ("least-busy", _TOKENS),
    "usage-based-routing-v2": ("least-busy", _TOKENS),
    "lar1": ("latency", "the nearest is latency"),
}  # fmt: skip
"""`routing_strategy` → policy, and what is different about it."""


@dataclass(frozen=True)
class Member:
    """One deployment of a group."""

    model: str
    """Our name of it."""
    weight: float | None = None
    rpm: float | None = None
    tpm: float | None = None
    order: float | None = None


def arranged(group: str, members: Sequence[Member], policy: str, notes: Notes) -> dict[str, Value]:
    """`targets`, `policy` and `weights` of an alias.

    Deployments of the lowest `order` are asked, the others when those cannot answer; one that says none counts as the
    last.  simple-shuffle draws by `weight`, or else by `rpm`, or else by `tpm`, whichever the first deployment has.
    """
    ranked = sorted(members, key=lambda one: (one.order is None, one.order or 0.0))
    levels = {one.order for one in members}
    alias: dict[str, Value] = {"targets": [one.model for one in ranked]}
    if len(members) == 1:
        return alias
    first = [one for one in ranked if one.order == ranked[0].order]
    if len(levels) > 1 and len(first) == 1:
        return alias  # in the order they are listed, which is the policy when none is said
    weights = _weights(first if len(levels) > 1 else ranked)
    if len(levels) > 1:
        if policy != "weight":
            notes.changed(group, f"order beside the strategy {policy}", "the first are drawn by weight")
            policy = "weight"
        weights = {one.model: weights.get(one.model, 1) for one in first} | {
            one.model: 0 for one in ranked if one not in first
        }
    alias["policy"] = policy
    if policy == "weight" or len(levels) > 1:
        if weights:
            alias["weights"] = dict(weights)
    elif any(one.weight is not None for one in members):
        notes.left(group, "weights", f"the policy {policy} does not go by them")
    return alias


def _weights(members: Sequence[Member]) -> dict[str, int]:
    """By the first kind of share that the first deployment says; empty when all are equal."""
    for field in ("weight", "rpm", "tpm"):
        if getattr(members[0], field) is None:
            continue
        shares = {one.model: max(getattr(one, field) or 0.0, 0.0) for one in members}
        return _whole(shares) if any(shares.values()) else {}
    return {}


def _whole(shares: dict[str, float]) -> dict[str, int]:
    """Shares as whole numbers within bounds, as small as they can be written."""
    scale = 1.0
    while any(abs(share * scale - round(share * scale)) > 1e-6 for share in shares.values()) and scale < 1000:
        scale *= 10
    top = max(shares.values()) * scale
    if top > _MOST:
        scale *= _MOST / top
    found = {name: min(round(share * scale), _MOST) for name, share in shares.items()}
    divisor = gcd(*found.values()) or 1
    found = {name: share // divisor for name, share in found.items()}
    return {} if len(set(found.values())) == 1 or not any(found.values()) else found
