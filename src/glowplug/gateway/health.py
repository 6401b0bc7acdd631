"""What the ends of attempts say of targets and credentials: breakers, and the average of first bytes.

A target nobody has anything to say of is not `watched`, and costs its requests nothing here.  How engines of this
machine stand is control's to say: a connection they refuse makes them suspect, not cooling.
"""

from __future__ import annotations

from random import random
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import Outcome
from glowplug.routing.breaker import Breaker
from glowplug.routing.policy import smoothed
from glowplug.wire.refused import Refusal
from glowplug.wire.retry_after import of_head

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt
    from glowplug.gateway.targets import Target

_ACCOUNT: Final = (Refusal.CREDENTIALS, Refusal.QUOTA)
_EARLY: Final = 0.5
"""Seconds before its own limit at which a silent target is taken for one that had no chance."""


def chance() -> float:
    """A number of 0..1 that need not be secret."""
    return random()  # noqa: S311


def begin(target: Target, now: float) -> tuple[Breaker, ...]:
    """An attempt is made: the breakers that it tries."""
    both = (target.breaker, target.shared)
    return tuple(breaker for breaker in both if breaker is not None and breaker.begin(now))


def note(attempt: Attempt, outcome: Outcome) -> None:
    """An attempt has ended."""
    target, now = attempt.target, monotonic()
    asked, there = attempt.route, target.route
    if (asked.credential, asked.base_url) != (there.credential, there.base_url):
        pass  # it went to another place, or with another key
    elif outcome is Outcome.OK:
        _good(attempt, now)
    elif outcome is Outcome.UPSTREAM_ERROR or outcome is Outcome.TIMEOUT:
        before = _until(target)
        _bad(attempt, outcome, now)
        if before <= now < _until(target):
            attempt.call.plane.metrics.rests[target.name] += 1
    for breaker in attempt.probes:
        breaker.leave()
    _rest(target, now)


def _good(attempt: Attempt, now: float) -> None:
    target = attempt.target
    for breaker in (target.breaker, target.shared):
        if breaker is not None:
            breaker.succeeded(now, probe=breaker in attempt.probes)
    if target.timed:
        target.first_byte = smoothed(target.first_byte, attempt.first_byte or now - attempt.started)


def _bad(attempt: Attempt, outcome: Outcome, now: float) -> None:
    target, status, refusal = attempt.target, attempt.status, attempt.refusal
    local = target.route.local
    if refusal is None or status < 400:  # it broke, or said nothing
        early = outcome is Outcome.TIMEOUT and now - attempt.started < target.route.first_byte_timeout - _EARLY
        if not local and not early:
            _own(target).failed(now, chance(), probe=target.breaker in attempt.probes)
        return
    if refusal in _ACCOUNT and not local:
        shared = target.shared or _own(target)
        limited = refusal is Refusal.QUOTA
        shared.trip(now, chance(), of_head(attempt.head, time()), probe=shared in attempt.probes, limited=limited)
        return
    wait = None if local else of_head(attempt.head, time())
    if refusal is Refusal.RATE and not local:
        own = _own(target)
        own.trip(now, chance(), wait, probe=own in attempt.probes, limited=True)
    elif status >= 500 and refusal is Refusal.OTHER and not (local and status == 503):
        own = _own(target)
        if wait is not None:
            own.trip(now, chance(), wait, probe=own in attempt.probes, limited=False)
        else:
            own.failed(now, chance(), probe=own in attempt.probes)
    elif not local:
        _good(attempt, now)  # it answers; that it refuses this request says nothing of it


def _until(target: Target) -> float:
    """When something may be sent again, as far as is known; 0.0 where nothing is in the way."""
    return max(breaker.until if breaker is not None else 0.0 for breaker in (target.breaker, target.shared))


def _own(target: Target) -> Breaker:
    if target.breaker is None:
        target.breaker = Breaker()
    target.watched = True
    return target.breaker


def _rest(target: Target, now: float) -> None:
    """Watch who shares a credential that is in trouble; stop watching where nothing is left to be remembered."""
    shared = target.shared
    if shared is not None and shared.until:
        for other in shared.targets:
            other.watched = True
    if shared is not None:
        shared.forget(now)
    own = target.breaker
    if own is not None:
        own.forget(now)
        if own.clean:
            target.breaker = None
    target.watched = target.timed or target.breaker is not None or (shared is not None and not shared.clean)
