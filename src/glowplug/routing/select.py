"""Which targets a request may go to, and in which order, before anybody looks how they stand: pure.

Requests and `glowplug route explain` ask the same function, so that what is explained is what happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from glowplug.domain.model import Cold, Policy
from glowplug.routing.policy import Facts, Size, arrange

DOUBT: Final = 1.3
"""By how much the guess of a prompt's tokens may be too high; only what is clearly too long is kept away."""


class Trait(NamedTuple):
    """What of a target matters here."""

    tags: tuple[str, ...] = ()
    window: int | None = None
    """Tokens; None when it is not known."""
    facts: Facts = Facts()


class Ask(NamedTuple):
    """What of a request matters here."""

    size: Size = Size(1)
    limit: int = 0
    """Tokens it lets an answer have; 0 when it does not say."""
    tags: tuple[str, ...] = ()
    remembered: int = -1
    """The target that its conversation is used to."""
    draw: float = 0.0


class Selection(NamedTuple):
    order: tuple[int, ...]
    """Numbers of the targets, those asked first in front."""
    dropped: dict[int, str]
    """Why the others are not asked."""
    too_long: bool = False
    """The prompt is clearly too long for all that could be asked."""


def select(policy: Policy, cold: Cold, own: int, traits: Sequence[Trait], ask: Ask) -> Selection:
    """The first `own` targets are arranged by the policy; the rest are fallbacks and stay behind them, in order."""
    numbers = (*arrange(policy, [trait.facts for trait in traits[:own]], ask.size, ask.draw), *range(own, len(traits)))
    dropped: dict[int, str] = {}
    for number in numbers:
        if why := _unfit(traits[number], ask):
            dropped[number] = why
    order = _remembering([number for number in numbers if number not in dropped], cold, traits, ask.remembered)
    return Selection(order, dropped, not order and any(why.startswith("context") for why in dropped.values()))


def _unfit(trait: Trait, ask: Ask) -> str:
    if ask.tags and trait.tags and not set(ask.tags) & set(trait.tags):
        return f"tags: it is for {', '.join(trait.tags)}"
    if trait.window is not None and ask.size.prompt / DOUBT + ask.limit > trait.window:
        return f"context: about {ask.size.prompt + ask.limit} tokens do not fit into {trait.window}"
    return ""


def _remembering(order: list[int], cold: Cold, traits: Sequence[Trait], remembered: int) -> tuple[int, ...]:
    """The remembered target first.  While a local one is only being warmed, the conversation is to move over to it once
    it is ready: then whom it is used to goes in front of the other remote ones only."""
    if remembered not in order:
        return tuple(order)
    moves = cold is Cold.CLOUD_WHILE_COLD and not traits[remembered].facts.local
    ahead = [n for n in order[: order.index(remembered)] if moves and traits[n].facts.local]
    return (*ahead, remembered, *(n for n in order if n != remembered and n not in ahead))
