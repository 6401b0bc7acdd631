"""Which target a request tries next: pure.

The gateway asks again after everything that happened (an attempt failed, an engine became ready or failed), so nothing
is planned ahead of facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from glowplug.domain.model import Cold


class Standing(IntEnum):
    """How a target stands at this moment."""

    READY = 0
    """May be used: a provider, or a granted instance."""
    COLD = 1
    """A local model that is not loaded; it can be asked for."""
    FAILED = 2
    """A local model whose engine failed and may not be started yet."""
    LIMITED = 3
    """Over its rate."""
    UNAVAILABLE = 4
    """Cannot be used as configured."""
    FULL = 5
    """At its concurrency: who waits in line gets a slot."""
    COOLING = 6
    """Left alone for a while after it failed or asked for a pause."""


class Step(IntEnum):
    USE = 0
    WAIT = 1
    REFUSE = 2
    QUEUE = 3


class Decision(NamedTuple):
    """What to do next.  `target` is the one to use, to wait for or to stand in line for, or the one that names the
    refusal; `warm` is a cold target to start in the background, or -1."""

    step: Step
    target: int
    warm: int = -1


def decide(standings: Sequence[Standing], tried: int, cold: Cold) -> Decision:
    """The next step for targets in order; bit *i* of `tried` says that target *i* has had its chance.

    `wait` waits for the first cold target; `cloud-while-cold` warms it and goes on, and waits for it only when nobody
    else can answer; `reject` starts nothing.  A full target is passed over as long as another is ready, and stood in
    line for when none is: a slot comes sooner than a load, so only a cold target in front of it goes first, and only
    under `wait`.  No step ever sleeps before a different target.
    """
    first_cold = first_full = refusal = -1
    for index, standing in enumerate(standings):
        if tried >> index & 1:
            continue
        if standing is Standing.READY:
            warm = first_cold if cold is Cold.CLOUD_WHILE_COLD else -1
            return Decision(Step.USE, index, warm)
        if standing is Standing.COLD:
            if cold is Cold.WAIT and first_full < 0:
                return Decision(Step.WAIT, index)
            if first_cold < 0:
                first_cold = index
        elif standing is Standing.FULL:
            if first_full < 0:
                first_full = index
        elif refusal < 0:
            refusal = index
    if first_full >= 0:
        return Decision(Step.QUEUE, first_full, first_cold if cold is Cold.CLOUD_WHILE_COLD else -1)
    if first_cold >= 0:
        if cold is Cold.CLOUD_WHILE_COLD:
            return Decision(Step.WAIT, first_cold)
        return Decision(Step.REFUSE, first_cold)
    return Decision(Step.REFUSE, refusal)
