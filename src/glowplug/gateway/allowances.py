"""The limits and budgets that a request is under, and how much of each is left: looked at, not taken."""

from __future__ import annotations

from math import inf

from glowplug.domain.budget import Scope
from glowplug.domain.route_plan import LimitPlan
from glowplug.gateway.imagined import Imagined
from glowplug.gateway.limiting import Guard
from glowplug.routing.budgets import UNKNOWN, Meter
from glowplug.routing.limits import RateLimit


def allowances(call: Imagined, now: float) -> tuple[LimitPlan, ...]:
    """Those of the key and the name, then those of the targets."""
    key, unix = call.key, now + call.plane.unix_offset
    found: list[LimitPlan] = []
    if call.route.limiter is not None:
        found.append(_rate(f"the alias {call.route.name!r}", "requests a minute", call.route.limiter, now))
    if key.limiter is not None:
        found.append(_rate("this API key", "requests a minute", key.limiter, now))
    found += _guarded(key.guard, now)
    metered = any(target.metered for target in call.targets)
    found += [_budget(meter, unix) for meter in key.meters if metered]
    for target in call.targets:
        if target.limiter is not None:
            found.append(_rate(f"the model {target.name!r}", "requests a minute", target.limiter, now))
        found += _guarded(target.guard, now)
        if target.guard is not None:
            found += [_budget(meter, unix) for meter in target.guard.meters if target.metered]
    return tuple(found)


def _guarded(guard: Guard | None, now: float) -> list[LimitPlan]:
    if guard is None:
        return []
    found = [_rate(what, "requests a minute", rate, now) for what, rate in guard.rates]
    found += [_rate(what, "tokens a minute", rate, now) for what, rate in guard.tokens]
    slots = [
        LimitPlan(whose=_inside(what), unit="requests at once", limit=s.most, left=s.free) for what, s in guard.slots
    ]
    return [*found, *slots]


def _inside(what: str) -> str:
    """The words that begin a sentence, inside of one."""
    return what[:1].lower() + what[1:]


def _rate(whose: str, unit: str, rate: RateLimit, now: float) -> LimitPlan:
    left = rate.left(now)
    return LimitPlan(whose=_inside(whose), unit=unit, limit=left.limit, left=left.remaining, resets=left.reset)


def _budget(meter: Meter, unix: float) -> LimitPlan:
    budget = meter.budget
    period, account = meter.at(unix)
    whose = {Scope.ALL: "everybody together", Scope.KEY: "this API key"}.get(
        budget.scope, f"the {budget.scope} {budget.name!r}"
    )
    return LimitPlan(
        whose=whose,
        unit="nano-dollars",
        limit=budget.amount,
        left=None if account.spent() >= UNKNOWN else meter.left(unix),
        resets=None if period.end == inf else max(0.0, period.end - unix),
    )
