"""Requests that wait for a model which has another name now: they wait for that one, and no client hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target


def follow(call: Call, gone: Target) -> bool:
    """Put what the old name of a target stands for in the target's place.  False: it was not renamed.

    A name in force is a model's or an alias's: when that of a target is a deprecated alias, the model has another.
    Whoever may use the one may use the other, so nothing is asked again.
    """
    route = call.plane.tables.route_named(gone.name)
    if route is None or not route.alias.deprecated or gone not in call.targets:
        return False
    heirs = tuple(t for t in route.own if t.roads[call.kind.index] is not None and t not in call.targets)
    if not heirs:
        return False
    before, place = call.targets, call.targets.index(gone)
    tried = {target for number, target in enumerate(before) if call.tried >> number & 1}
    retried = {target for number, target in enumerate(before) if call.retried >> number & 1}
    call.targets = after = (*before[:place], *heirs, *before[place + 1 :])
    call.tried = sum(1 << number for number, target in enumerate(after) if target in tried)
    call.retried = sum(1 << number for number, target in enumerate(after) if target in retried)
    return True
