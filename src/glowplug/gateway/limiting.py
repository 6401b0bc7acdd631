"""Limits and budgets as a worker keeps them: which a request is under, what it takes and what it gives back.

A request takes from its key's guard when it is admitted and gives back when it is over; an attempt takes from its
target's guard and reserves against budgets before it is sent, and settles with its record.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.domain.price import Tokens, dearest
from glowplug.domain.usage import AttemptClosed
from glowplug.errors import Forbidden, GlowplugError
from glowplug.gateway import refusals
from glowplug.routing.budgets import Meter, Reservation
from glowplug.routing.limits import RateLimit, Slots
from glowplug.routing.plan import Standing
from glowplug.wire.openai import Body
from glowplug.wire.output_cap import Cap, output_cap

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target

LIMITED: Final = Standing.LIMITED
READY: Final = Standing.READY
DEFAULT_OUTPUT: Final = 4096
"""Tokens that an answer is reserved with when neither the request nor the model says how long it may be."""


class Guard:
    """The limits somebody is under, several at once: all of them let a request through, or none counts it.

    Each has the words for who is limited.
    """

    __slots__ = ("meters", "rates", "slots", "tokens")

    def __init__(
        self,
        rates: tuple[tuple[str, RateLimit], ...] = (),
        tokens: tuple[tuple[str, RateLimit], ...] = (),
        slots: tuple[tuple[str, Slots], ...] = (),
        meters: tuple[Meter, ...] = (),
    ) -> None:
        self.rates = rates
        self.tokens = tokens
        self.slots = slots
        self.meters = meters
        """Budgets of a model; those of a key stand beside its guard."""

    def refusal(self, now: float) -> GlowplugError | None:
        """Why nothing passes now (monotonic seconds), or None.  Counts nothing."""
        for what, rate in self.rates:
            if wait := rate.wait(now):
                return refusals.over_rate(what, rate.rpm, wait)
        for what, rate in self.tokens:
            if wait := rate.wait(now):
                return refusals.over_tokens(what, rate.rpm, wait)
        for what, slots in self.slots:
            if slots.full:
                return refusals.over_concurrency(what, slots.most)
        return None

    def take(self, call: Call, now: float) -> Pass:
        """Count a request that passes."""
        for _, rate in self.rates:
            rate.take(now)
        for _, slots in self.slots:
            slots.take()
        expected = 0
        if tokens := self.tokens:
            expected = expected_tokens(call)
            for _, rate in tokens:
                rate.take(now, expected)
        return Pass(self, expected)


class Closed(Guard):
    """Lets nobody through."""

    __slots__ = ("_who",)

    def __init__(self, who: str) -> None:
        super().__init__()
        self._who = who

    def refusal(self, _now: float) -> GlowplugError:
        return Forbidden(f"{self._who} is blocked", hint="an admin can let them in again", code="blocked")


class Pass:
    """What one request, or one attempt, has taken from a guard."""

    __slots__ = ("_expected", "_guard", "_open")

    def __init__(self, guard: Guard, expected: int) -> None:
        self._guard = guard
        self._expected = expected
        self._open = True

    def used(self, tokens: int) -> None:
        """An attempt has used so many tokens: that stands in place of what was expected."""
        off, self._expected = tokens - self._expected, 0
        if off and (limits := self._guard.tokens):
            now = monotonic()
            for _, rate in limits:
                rate.correct(off, now)

    def end(self) -> None:
        """It is over, once: the places are free, and what was expected and never used comes back."""
        if self._open:
            self._open = False
            if self._expected:
                self.used(0)
            for _, slots in self._guard.slots:
                slots.give()


class Lease:
    """What one attempt holds: a pass of its target's guard, and money against budgets."""

    __slots__ = ("_pass", "_reservation", "reserved")

    def __init__(self, taken: Pass | None, reservation: Reservation | None) -> None:
        self._pass = taken
        self._reservation = reservation
        self.reserved = 0 if reservation is None else reservation.amount
        """Nano-dollars."""

    def settle(self, record: AttemptClosed) -> None:
        """The attempt has ended with this record."""
        if self._reservation is not None:
            self._reservation.settle(record.cost)
        if self._pass is not None:
            self._pass.used(record.prompt_tokens + record.completion_tokens)
            self._pass.end()

    def release(self) -> None:
        """Nothing was sent."""
        if self._reservation is not None:
            self._reservation.release()
        if self._pass is not None:
            self._pass.end()


def lease(call: Call, target: Target, now: float) -> Lease | None:
    """Reserve what an attempt may cost; None when it is under nothing.

    Raises LimitReached when a budget is used up, Unavailable when it cannot be read.
    """
    guard = target.guard
    meters = meters_of(call, target)
    reservation = None
    if meters:
        unix = now + call.plane.unix_offset
        accounts = []
        for meter in meters:
            account = meter.account(unix)
            if account.taken() >= meter.amount:
                raise refusals.budget_exceeded(meter, unix)
            accounts.append(account)
        reservation = Reservation(accounts, expected_cost(call, target))
    taken = None if guard is None else guard.take(call, now)
    return None if reservation is None and taken is None else Lease(taken, reservation)


def meters_of(call: Call, target: Target) -> tuple[Meter, ...]:
    """The budgets that an attempt is under: none when its target costs nothing."""
    if not target.metered:
        return ()
    guard, meters = target.guard, call.key.meters
    return meters + guard.meters if guard is not None and guard.meters else meters


def _exhausted(meters: tuple[Meter, ...], unix: float) -> Meter | None:
    for meter in meters:
        if meter.left(unix) <= 0:
            return meter
    return None


def affordable(call: Call, target: Target, now: float) -> bool:
    """Whether the budgets of an attempt there have something left."""
    meters = meters_of(call, target)
    return not meters or _exhausted(meters, now + call.plane.unix_offset) is None


def standings_for(call: Call, now: float, tried: int) -> list[Standing]:
    """How the targets stand for this request: one whose budget is used up is as limited as one over its rate.

    Up to the first that is ready and, by the bits of `tried`, has not had its chance: nobody asks for those behind it.
    """
    found: list[Standing] = []
    for index, target in enumerate(call.targets):
        standing = target.standing(now)
        if standing is not Standing.UNAVAILABLE and not affordable(call, target, now):
            standing = LIMITED
        found.append(standing)
        if standing is READY and not tried >> index & 1:
            break
    return found


def refusal(call: Call, target: Target, standing: Standing, now: float) -> GlowplugError:
    """Why this target, which stands so, does not answer."""
    if standing is LIMITED:
        unix = now + call.plane.unix_offset
        over = _exhausted(meters_of(call, target), unix)
        if over is not None:
            return refusals.budget_exceeded(over, unix)
        blocked = None if target.guard is None else target.guard.refusal(now)
        if blocked is not None:
            return blocked
    return refusals.standing_error(target, standing, now)


def expected_tokens(call: Call) -> int:
    """What a request is taken for until its usage is known: its prompt, and the answer if it says how long."""
    kind = call.kind
    return call.prompt + (_cap(call).total(0) if kind.completion and not kind.form else 0)


def _cap(call: Call) -> Cap:
    """What the request says of the length of its answers; looked up once."""
    body = call.body
    if isinstance(body, Body):
        return body.cap
    if call.cap is None:
        call.cap = output_cap(call.body.data)
    return call.cap


def expected_cost(call: Call, target: Target) -> int:
    """The most an attempt is likely to cost: its prompt, and the longest answer that request or model allow."""
    route, kind = target.route, call.kind
    if route.price is None:
        return 0  # its provider says what it costs, and nobody knows before
    default = route.max_output or DEFAULT_OUTPUT
    completion = (default if kind.form else _cap(call).total(default)) if kind.completion else 0
    if target.tariff is not None:
        return target.tariff.text(call.prompt, completion)
    return dearest(route.price, Tokens(prompt=call.prompt, completion=completion))


def tightest(call: Call, now: float) -> tuple[RateLimit | None, RateLimit | None]:
    """The limits of requests and of tokens that a request has the smallest part left of, or None where there is none:
    of its key, of the alias, of the model that answers.  For header lines of its answer; `now` in monotonic seconds."""
    key, attempt = call.key, call.attempt
    requests, tokens = key.limiter, None
    owed = -1.0 if requests is None else requests.owed(now)
    limiter = call.route.limiter
    if limiter is not None and (owes := limiter.owed(now)) > owed:
        requests, owed = limiter, owes
    if attempt is None:
        guards: tuple[Guard | None, ...] = (key.guard,)
    else:
        limiter = attempt.target.limiter
        if limiter is not None and (owes := limiter.owed(now)) > owed:
            requests, owed = limiter, owes
        guards = (key.guard, attempt.target.guard)
    owed_tokens = -1.0
    for guard in guards:
        if guard is not None:
            for _, rate in guard.rates:
                if (owes := rate.owed(now)) > owed:
                    requests, owed = rate, owes
            for _, rate in guard.tokens:
                if (owes := rate.owed(now)) > owed_tokens:
                    tokens, owed_tokens = rate, owes
    return requests, tokens
