"""Why a request is not served, in the client's words: from standings and upstream answers to errors.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Final, Literal

from glowplug.config.nearest import nearest
from glowplug.domain.budget import Window
from glowplug.domain.model import Loading as LoadingState
from glowplug.errors import (
    EngineFailed,
    Forbidden,
    GlowplugError,
    LimitReached,
    Loading,
    NotFound,
    NoUpgrade,
    RequestError,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from glowplug.money import format_usd
from glowplug.routing.budgets import UNKNOWN, Meter
from glowplug.routing.plan import Standing
from glowplug.units import format_duration

if TYPE_CHECKING:
    from glowplug.gateway.kinds import Kind
    from glowplug.gateway.tables import Route
    from glowplug.gateway.targets import Target

SPANS: Final = {
    Window.HOUR: "an hour",
    Window.DAY: "a day",
    Window.WEEK: "a week",
    Window.MONTH: "a month",
    Window.TOTAL: "in all",
}
_DEFAULT_ETA = 5.0
"""Seconds named in Retry-After when no earlier load tells how long one takes."""


def too_many_connections() -> Unavailable:
    return Unavailable("Too many connections from this client", code="too_many_connections", retry_after=1.0)


def unknown_model(name: str, names: list[str]) -> NotFound:
    near = nearest(name, names)
    hint = f"did you mean {near!r}?" if near else "GET /v1/models lists what this key may use"
    return NotFound(f"The model {name!r} does not exist", hint=hint, code="model_not_found")


def not_found(name: str) -> NotFound:
    """As Ollama says it; its clients look for these words."""
    return NotFound(f"model '{name}' not found", code="model_not_found")


def not_allowed(name: str) -> Forbidden:
    return Forbidden(
        f"This API key may not use {name!r}", hint="GET /v1/models lists what it may use", code="model_not_allowed"
    )


def no_tag(name: str, tags: Sequence[str]) -> RequestError:
    return RequestError(
        f"No target of {name!r} is for any of the tags {', '.join(tags)}",
        hint=f"`glowplug route explain {name}` says what each target is for",
        code="no_target_for_tags",
    )


def wrong_kind(route: Route, kind: str) -> RequestError:
    able = sorted({str(c) for target in route.targets for c in target.route.capabilities})
    return RequestError(
        f"The model {route.name!r} does not serve {kind}",
        hint=f"it serves {', '.join(able) or 'nothing'}",
        code="wrong_endpoint",
    )


def nobody_serves(kind: Kind) -> RequestError:
    """The request names no model, and none would do."""
    return RequestError(
        f"No model that this API key may use serves {kind.name}",
        hint=f"give a model the capability `{kind.capability}`, or name one that has it",
        code="wrong_endpoint",
    )


def over_rate(what: str, rpm: int, wait: float) -> LimitReached:
    return _over(what, "requests", rpm, wait)


def resting_error(asked: str, targets: Sequence[tuple[Target, Standing]], now: float) -> GlowplugError:
    """Every target that is left rests, for its rate or after failures: what the one that is back soonest says."""
    waits = []
    for target, standing in targets:
        if standing is Standing.LIMITED:
            waits.append((target.limiter.wait(now) if target.limiter is not None else 60.0, True, target))
        else:
            waits.append((*target.cooled_in(now), target))
    wait, limited, target = min(waits, key=lambda found: found[0])
    names = ", ".join(repr(found[2].name) for found in waits)
    if limited and target.limiter is not None and target.limiter.wait(now) > 0:
        error: GlowplugError = over_rate(f"The model {target.name!r}", target.limiter.rpm, wait)
    elif limited:
        error = LimitReached(
            f"The provider of {target.name!r} asks for fewer requests", hint="try again after Retry-After"
        )
    else:
        hint = f"try again after Retry-After; `glowplug route explain {asked}` says when who is back"
        error = Unavailable(f"{names} failed lately and cannot be asked for {asked!r} now", hint=hint, code="cooling")
    error.retry_after = max(wait, 1.0)
    return error


def over_tokens(what: str, tpm: int, wait: float) -> LimitReached:
    return _over(what, "tokens", tpm, wait)


def _over(what: str, unit: Literal["requests", "tokens"], most: int, wait: float) -> LimitReached:
    hint = "try again after Retry-After"
    error = LimitReached(f"{what} is over {most} {unit} a minute", hint=hint, retry_after=wait)
    error.rate, error.unit = (most, 0, wait + 60.0 - 60.0 / max(most, 1)), unit
    return error


def over_concurrency(what: str, most: int) -> LimitReached:
    return LimitReached(
        f"{what} already has {most} requests at the same time",
        hint="wait for one of them to end",
        code="too_many_requests_at_once",
        retry_after=1.0,
    )


def budget_exceeded(meter: Meter, now: float) -> GlowplugError:
    """A budget is used up (`now` in Unix seconds): whose, how much, until when."""
    budget = meter.budget
    period, account = meter.at(now)
    whose = f"{budget.scope} {budget.name!r}" if budget.name else "everybody together"
    rolling = budget.window is Window.ROLLING
    span = f"in {format_duration(budget.seconds)}" if rolling else SPANS[budget.window]
    text = f"The budget of {whose}, {format_usd(budget.amount)} {span},"
    if account.spent() >= UNKNOWN:
        return Unavailable(
            f"{text} cannot be checked", hint="the log of the worker says why", code="budget_unknown", retry_after=10.0
        )
    if period.end == inf:
        return LimitReached(f"{text} is used up", hint="`glowplug budgets list` shows it", code="budget_exceeded")
    ends = datetime.fromtimestamp(period.end, UTC).strftime("%Y-%m-%d %H:%M UTC")
    wait = max(1.0, period.end - now)
    return LimitReached(
        f"{text} is used up until {ends}", hint="models that cost nothing still answer", code="budget_exceeded",
        retry_after=wait,
    )  # fmt: skip


def standing_error(target: Target, standing: Standing, now: float) -> GlowplugError:
    """The error of a target that was never tried because of how it stands (`now` in monotonic seconds)."""
    if standing is Standing.COLD:
        return loading_error(target)
    if standing is Standing.FAILED and target.failure is not None:
        return engine_error(target)
    if standing is Standing.LIMITED:
        wait = target.limiter.wait(now) if target.limiter is not None else 0.0
        return LimitReached(
            f"The model {target.name!r} is at its limit", hint="try again shortly", retry_after=max(wait, 1.0)
        )
    if standing is Standing.COOLING:
        return resting_error(target.name, [(target, standing)], now)
    if standing is Standing.FULL:
        return full_error(target)
    return Unavailable(
        f"The model {target.name!r} cannot be used: {target.route.unavailable or 'it is not configured'}",
        hint="`glowplug config check` shows what to change",
        code="model_unavailable",
    )


def full_error(target: Target) -> LimitReached:
    """The target is at its concurrency and this request does not get a slot in time."""
    most = target.route.max_concurrency
    return LimitReached(
        f"The model {target.name!r} already serves {most} requests at once, and {len(target.queue)} more wait",
        hint="try again after Retry-After",
        code="model_full",
        retry_after=1.0,
    )


def not_warm(target: Target) -> Forbidden:
    """The key may use what is loaded, and this model is not."""
    return Forbidden(
        f"The model {target.name!r} is not loaded, and this API key may only use what is",
        hint=f"`glowplug start {target.name}` loads it, or use a key that may start models",
        code="model_not_warm",
    )


def loading_error(target: Target) -> Loading:
    """The engine is on its way (or wanted) and this request does not wait for it."""
    state = target.loading or LoadingState(model=target.name, state="queued")
    eta = state.eta_s if state.eta_s is not None else _DEFAULT_ETA
    return Loading(
        f"The model {target.name!r} is {state.state}",
        hint="ask again after Retry-After, or ask for a stream, which waits",
        loading={
            "model": state.model,
            "state": state.state,
            "stage": state.stage,
            "progress": state.progress,
            "eta_s": state.eta_s,
            "queue_position": state.queue_position,
        },
        retry_after=max(eta, 1.0),
    )


def engine_error(target: Target) -> EngineFailed:
    """The engine of this target failed; reason and log tail go along."""
    failure = target.failure
    assert failure is not None
    return EngineFailed(
        f"The engine of {target.name!r} failed: {failure.message}",
        reason=str(failure.kind),
        log_tail=failure.log_tail,
        hint=failure.hint or f"`glowplug logs {target.name}` shows the whole log",
        retry_after=10.0,
    )


def attempt_error(target: Target, why: str, timed_out: bool) -> UpstreamError:
    """An attempt broke before anything was sent to the client."""
    kind = UpstreamTimeout if timed_out else UpstreamError
    where = "engine" if target.route.local else "provider"
    return kind(f"The {where} of {target.name!r} did not answer: {why}", retry_after=1.0)


def rejected_credentials(target: Target, status: int) -> UpstreamError:
    """The provider does not accept our key; the client's own key is fine, so it must not see 401."""
    return UpstreamError(
        f"The provider of {target.name!r} refused the configured API key (status {status})",
        hint="check api_key of this provider in the configuration",
        code="upstream_credentials",
    )


def no_websocket() -> NoUpgrade:
    """For clients that try a websocket first: at this status they go over to HTTP at once."""
    return NoUpgrade("Models are not asked over websockets here", hint="send the request with POST")


def encoded(coding: bytes) -> RequestError:
    """A body that was compressed on the way, and so is none that can be looked into."""
    return RequestError(
        f"The request body is encoded as {coding.decode('latin-1')!r}, which is not read here",
        hint="send it without Content-Encoding",
        code="content_encoding",
    )
