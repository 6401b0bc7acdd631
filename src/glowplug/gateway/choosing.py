"""Which target a request goes to next: `routing.plan` is asked again after everything that happened, and obeyed."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from glowplug.domain.access import Rights
from glowplug.domain.model import Cold
from glowplug.errors import LimitReached
from glowplug.gateway import refusals, renamed
from glowplug.gateway.limiting import refusal, standings_for
from glowplug.gateway.targets import READY, Target
from glowplug.gateway.waiting import EngineWait, SlotWait
from glowplug.routing.plan import Decision, Standing, Step, decide

if TYPE_CHECKING:
    from glowplug.errors import GlowplugError
    from glowplug.gateway.call import Call


def step(call: Call) -> None:
    """Go to the next target, wait for one, or refuse."""
    now = monotonic()
    targets = call.targets
    first = targets[0]
    if not call.tried and first.standing(now) is READY:
        try:
            call.attempt_at(first, unasked=first.metered)
        except LimitReached:
            pass  # one of its budgets is used up: nothing was taken and nothing sent
        else:
            return
    if call.wishes is not None and (spent := _out_of_retries(call)):
        call.tried |= spent
        call.retried |= spent
    standings = standings_for(call, now, call.tried)
    cold = cold_of(call)
    decision = decide(standings, call.tried, cold)
    if decision.step is Step.REFUSE and (again := _retry_local(call, standings)):
        call.tried &= ~again
        call.retried |= again
        warm_only = call.key.route.rights is Rights.WARM
        decision = decide(standings, call.tried, Cold.WAIT if cold is Cold.REJECT and not warm_only else cold)
    _take(call, decision, standings, now)


def _take(call: Call, decision: Decision, standings: list[Standing], now: float) -> None:
    """Take the step that was decided."""
    targets, key = call.targets, call.key.route
    if decision.step is not Step.REFUSE and _spent(call):
        assert call.last_error is not None, "who has had its attempts has failed"
        call.refuse(call.last_error)
        return
    if call.owes and decision.step is not Step.REFUSE:
        call.owes = False
        if not may_try_again(call, now, spend=True):
            assert call.last_error is not None, "who owes has failed"
            call.refuse(call.last_error)
            return
    if decision.warm >= 0:
        call.plane.grants.warm(targets[decision.warm], key.priority, key.rights is Rights.EVICT)
        call.reason = b"cold; warming %b" % targets[decision.warm].name_header
    index = decision.target
    if decision.step is Step.USE:
        call.attempt_at(targets[index])
    elif decision.step is not Step.REFUSE and renamed.follow(call, targets[index]):
        step(call)
    elif decision.step is Step.WAIT:
        call.wait(EngineWait(call, targets[index]), in_front(targets[index], decision.step), now)
    elif decision.step is Step.QUEUE:
        call.wait(SlotWait(call, targets[index]), in_front(targets[index], decision.step), now)
    else:
        call.refuse(refused(call, index, standings, now))


def in_front(target: Target, step: Step) -> int:
    """How many wait for it already: for its engine, or for a slot."""
    return len(target.waiters if step is Step.WAIT else target.queue)


def refused(call: Call, index: int, standings: list[Standing], now: float) -> GlowplugError:
    """The error when nobody is left to ask; the target `index` names it."""
    if call.last_error is not None:
        return call.last_error
    target, standing = call.targets[index], standings[index]
    if standing is Standing.COLD and call.key.route.rights is Rights.WARM:
        return refusals.not_warm(target)
    if standing is not Standing.COLD and (resting := _resting(call, standings, now)):
        return refusals.resting_error(call.asked, resting, now)
    return refusal(call, target, standing, now)


def _resting(call: Call, standings: list[Standing], now: float) -> list[tuple[Target, Standing]]:
    """The targets that only time keeps away."""
    return [
        (target, standings[number])
        for number, target in enumerate(call.targets)
        if not call.tried >> number & 1 and _rests(target, standings[number], now)
    ]


def _rests(target: Target, standing: Standing, now: float) -> bool:
    own = target.limiter
    return standing is Standing.COOLING or (standing is Standing.LIMITED and own is not None and own.wait(now) > 0)


def counts(call: Call) -> bool:
    """Whether one more attempt counts against the retry budget (`routing.retry_budget` says why)."""
    return call.attempts > 1


def _spent(call: Call) -> bool:
    """Whether the request has had as many attempts as it wants."""
    wishes = call.wishes
    return wishes is not None and 0 < wishes.attempts <= call.attempts


def _out_of_retries(call: Call) -> int:
    """The bits of the route's own targets, when they have had as many attempts as the request wants of them."""
    wishes = call.wishes
    if wishes is None or wishes.retries is None or call.attempts <= wishes.retries:
        return 0
    return sum(1 << number for number, target in enumerate(call.targets) if target in call.route.own)


def may_try_again(call: Call, now: float, *, spend: bool = False) -> bool:
    """Whether the budget leaves room for one more attempt."""
    total = call.plane.metrics.request_seconds.count
    retries = call.plane.retries
    return retries.spend(now, total) if spend else retries.left(now, total) > 0


def cold_of(call: Call) -> Cold:
    """What is done with a cold target: the alias says it, but a key for what is loaded starts nothing."""
    return Cold.REJECT if call.key.route.rights is Rights.WARM else call.route.cold


def _retry_local(call: Call, standings: list[Standing]) -> int:
    """The bit of a local target that broke under us and may be asked for once more, or 0."""
    able = {Standing.READY, Standing.FULL}
    if call.key.route.rights is not Rights.WARM:
        able.add(Standing.COLD)
    for index, target in enumerate(call.targets):
        bit = 1 << index
        if target.route.local and call.tried & bit and not call.retried & bit and standings[index] in able:
            return bit
    return 0


def mark_tried(call: Call, target: Target, why: str, *, final: bool) -> None:
    """This target has had its chance; `final`: also a local one is not asked for once more."""
    bit = 1 << call.targets.index(target)
    call.tried |= bit
    if final:
        call.retried |= bit
    call.reason = f"failover; {target.name} {why}".encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ")


def several_asked(call: Call) -> bool:
    """Whether more than one target has had its chance, the one at hand included."""
    tried, attempt = call.tried, call.attempt
    if attempt is not None and attempt.target in call.targets:  # it may have been renamed meanwhile
        tried |= 1 << call.targets.index(attempt.target)
    return tried & (tried - 1) != 0


def others_left(call: Call, target: Target) -> bool:
    """Whether somebody else can answer after this target."""
    tried = call.tried | 1 << call.targets.index(target) | _out_of_retries(call)
    now = monotonic()
    if _spent(call) or (counts(call) and not may_try_again(call, now)):
        return False
    return decide(standings_for(call, now, tried), tried, cold_of(call)).step is not Step.REFUSE


def somebody_ready(call: Call, now: float) -> bool:
    """Whether a target can be used at once."""
    return decide(standings_for(call, now, call.tried), call.tried, cold_of(call)).step is Step.USE
