"""Why a request goes where it goes, in sentences: pure.

Nothing is decided here.  The order is that of `routing.select`, the turns are `routing.plan.decide` asked again as a
request asks it, and the words are about what these two were told.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from math import ceil
from typing import NamedTuple

from glowplug.domain.instance import Failure
from glowplug.domain.model import Cold, Loading, Policy
from glowplug.domain.route_plan import TargetState
from glowplug.money import format_usd
from glowplug.routing.plan import Decision, Standing, Step, decide
from glowplug.routing.policy import Facts, Size, price_of
from glowplug.units import format_duration

DOES = {Step.USE: "ask", Step.WAIT: "load", Step.QUEUE: "queue"}
"""What a request does with a target whose turn it is."""


class Turns(NamedTuple):
    """Whom a request turns to."""

    steps: tuple[Decision, ...]
    given_up: tuple[int, ...]
    """Those that were given up when their turn came."""
    refusing: int
    """The target that names the refusal when nobody is left, or -1."""


def turns(standings: Sequence[Standing], cold: Cold, barred: Container[int] = (), most: int = 0) -> Turns:
    """Whom a request turns to, one after the other, if each in turn fails it.

    The `barred` are given up at once when their turn comes; after `most` targets (0: any number) the request has had
    its attempts.
    """
    tried = 0
    found: list[Decision] = []
    given_up: list[int] = []
    while True:
        decision = decide(standings, tried, cold)
        if decision.step is Step.REFUSE or (most and len(found) >= most):
            return Turns(tuple(found), tuple(given_up), decision.target)
        tried |= 1 << decision.target
        if decision.target in barred:
            given_up.append(decision.target)
        else:
            found.append(decision)


class Stand(NamedTuple):
    """How a target stands, with the figures."""

    standing: Standing
    name: str = ""
    local: bool = False
    unavailable: str = ""
    loading: Loading | None = None
    failure: Failure | None = None
    failed_for: float = 0.0
    """Seconds until its engine may be started again."""
    rpm: int = 0
    rate_wait: float = 0.0
    """Seconds until its rate lets one more through; 0.0: it does now."""
    blocked: str = ""
    """Why its other limits or its budgets let nothing through."""
    blocked_for: float | None = None
    rest: float = 0.0
    """Seconds until its breaker, or that of its credential, lets one try."""
    throttled: bool = False
    """It rests because it asked for fewer requests."""
    account: bool = False
    """It is its credential that rests."""
    probing: bool = False
    """A request tries it at this moment."""
    half_open: bool = False
    """The next request is the one that tries."""
    active: int = 0
    most: int = 0
    """Its concurrency."""
    line: int = 0
    """Requests that stand in line for it, or wait for its engine."""


class Told(NamedTuple):
    """A target in words."""

    state: TargetState
    why: str
    change: str = ""
    wait: float | None = None
    """Seconds until time alone changes it."""


def tell(stand: Stand) -> Told:
    """How it stands."""
    standing = stand.standing
    if standing is Standing.READY:
        return _ready(stand)
    if standing is Standing.COLD:
        return _cold(stand)
    if standing is Standing.FAILED:
        message = stand.failure.message if stand.failure is not None else "it did not start"
        wait = stand.failed_for
        hint = (stand.failure.hint if stand.failure is not None else "") or f"glowplug logs {stand.name} shows why"
        return Told(
            TargetState.FAILED, f"its engine failed: {message}", f"it may be started {after(wait)}; {hint}", wait
        )
    if standing is Standing.LIMITED:
        return _limited(stand)
    if standing is Standing.FULL:
        line = f", and {stand.line} wait in line" if stand.line else ""
        why = f"it serves {stand.active} of at most {stand.most} requests at once{line}"
        return Told(TargetState.FULL, why, "a request that ends makes room, or a higher max_concurrency")
    if standing is Standing.COOLING:
        return _cooling(stand)
    why = stand.unavailable or "it is not configured"
    return Told(TargetState.UNAVAILABLE, why, "glowplug config check shows what to change")


def _ready(stand: Stand) -> Told:
    if stand.half_open:
        return Told(TargetState.TRYING, "its rest after failures is over: this request would be the one that tries")
    busy = f"; it serves {stand.active} now" if stand.active else ""
    return Told(TargetState.READY, ("its engine is loaded" if stand.local else "it can be asked") + busy)


def _cold(stand: Stand) -> Told:
    loading = stand.loading
    change = f"glowplug start {stand.name} loads it"
    if loading is None or loading.state in ("stopped", "failed"):
        return Told(TargetState.COLD, "its engine is not loaded", change)
    ready = "" if loading.eta_s is None else f"it is ready {after(loading.eta_s)}"
    parts = [f"its engine is {loading.state}"]
    if loading.progress is not None:
        parts.append(f"{loading.progress:.0%}")
    if loading.queue_position is not None:
        parts.append(f"place {loading.queue_position} in the queue for memory")
    return Told(TargetState.LOADING, ", ".join(parts), ready, loading.eta_s)


def _limited(stand: Stand) -> Told:
    if stand.rate_wait > 0:
        why = f"it is over its {stand.rpm} requests a minute"
        return Told(TargetState.LIMITED, why, f"one passes {after(stand.rate_wait)}", stand.rate_wait)
    change = "" if stand.blocked_for is None else f"{after(stand.blocked_for)} it is over"
    return Told(TargetState.LIMITED, _lower(stand.blocked) or "it is at its limit", change, stand.blocked_for)


def _cooling(stand: Stand) -> Told:
    who = "its credential" if stand.account else "it"
    if stand.probing and stand.rest <= 0:
        return Told(
            TargetState.COOLING,
            f"{who} rests after failures, and another request is trying now",
            "its success ends that",
        )
    if stand.throttled:
        why = f"{who} asked for a pause (Retry-After, or its quota)"
        return Told(TargetState.PAUSED, why, f"it may be asked {after(stand.rest)}", stand.rest)
    what = "the credential was refused, or" if stand.account else "it"
    why = f"its breaker is open: {what} failed lately"
    return Told(TargetState.COOLING, why, f"one request tries {after(stand.rest)}", stand.rest)


def dropped(why: str) -> Told:
    """A target that `routing.select` leaves out, for the reason it gave."""
    what, _, text = why.partition(": ")
    if what == "tags":
        return Told(TargetState.TAGS, text, "the request has none of its tags")
    return Told(
        TargetState.CONTEXT, f"the prompt is too long: {text}", "a shorter prompt or a lower max_tokens would fit"
    )


def passed_over(told: Told, cold: Cold, *, warm_only: bool) -> Told:
    """A target that is considered and never asked."""
    if told.state in (TargetState.READY, TargetState.TRYING):
        return told._replace(
            why="the request has had its attempts by then", change="x-glowplug-attempts says how many it may have"
        )
    if told.state not in (TargetState.COLD, TargetState.LOADING):
        return told
    if warm_only:
        return told._replace(why=f"{told.why}, and this key uses only what is loaded")
    return told._replace(why=f"{told.why}, and the cold policy `{cold}` starts nothing")


def after(seconds: float) -> str:
    """`in 12s`, or `now`."""
    return f"in {format_duration(ceil(seconds))}" if seconds > 0 else "now"


# ---- why this one


def arranged(policy: Policy, own: Sequence[tuple[str, Facts]], size: Size) -> str:
    """What the policy does with the targets of the route, and the figures it goes by."""
    if len(own) < 2 or policy is Policy.ORDER:
        return "the order of the list" if len(own) != 1 else "there is one target"
    texts = ", ".join(f"{name} {measured(policy, facts, size)}" for name, facts in own)
    words = {
        Policy.WEIGHT: "drawn by weight for every request, so this is the likeliest order",
        Policy.LEAST_BUSY: "the least busy first",
        Policy.LATENCY: "the quickest to its first content first, as this worker measured",
        Policy.PRICE: "the cheapest first",
    }
    return f"{words[policy]}: {texts}"


def measured(policy: Policy, facts: Facts, size: Size) -> str:
    """The figure that a policy goes by."""
    if policy is Policy.WEIGHT:
        return str(facts.weight)
    if policy is Policy.LEAST_BUSY:
        return f"{facts.busy} busy" + (f" at weight {facts.weight}" if facts.weight != 1 else "")
    if policy is Policy.LATENCY:
        return "never measured" if facts.first_byte is None else f"{facts.first_byte:.2f} s"
    price = price_of(facts, size)
    return "unknown" if price == float("inf") else format_usd(int(price))


_FIRST = {
    Policy.ORDER: "it is the first in the list",
    Policy.WEIGHT: "it has the highest weight (another may be drawn)",
    Policy.LEAST_BUSY: "it is the least busy",
    Policy.LATENCY: "it is the quickest to its first content, or was never measured",
    Policy.PRICE: "it is the cheapest for this request",
}


def because(
    policy: Policy, step: Step, ahead: Sequence[tuple[str, str]], own: int, *, remembered: bool, warms: str = ""
) -> str:
    """Why a target is asked first.  `ahead`: names and reasons of those in front of it that are not asked; `own`: how
    many targets the route has itself; `warms`: the one whose engine is started meanwhile."""
    left = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in ahead)
    if remembered:
        why = "its conversation is used to it" + (f" ({left})" if left else "")
    elif left:
        why = f"it is the first that can answer ({left})"
    else:
        why = "it is the only target" if own == 1 else _FIRST[policy]
    if step is Step.WAIT:
        why += "; its engine is loaded first, and the request waits for it"
    elif step is Step.QUEUE:
        why += "; the request waits in line for a slot, because nobody is ready"
    return why + (f"; {warms} is loaded meanwhile" if warms else "")


def _lower(text: str) -> str:
    """A sentence as part of another one."""
    return text[:1].lower() + text[1:]
