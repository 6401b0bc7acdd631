"""Why a request is not served: class, code, hint and Retry-After of each reason."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Capability, Loading
from glowplug.domain.snapshot import AliasRoute
from glowplug.errors import (
    EngineFailed,
    GlowplugError,
    LimitReached,
    NotFound,
    RequestError,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from glowplug.errors import Loading as LoadingError
from glowplug.gateway import refusals
from glowplug.gateway.tables import Route, Tables
from glowplug.gateway.targets import Target
from glowplug.routing.breaker import Breaker
from glowplug.routing.plan import Standing
from tests.gateway.rig import cloud, local, snapshot

NOW = 1000.0


def _target(is_local: bool = True, **more: Any) -> Target:
    return Target(local("m", **more) if is_local else cloud("m", **more))


def _over_its_rate() -> Target:
    target = _target(rpm=2)
    assert target.limiter is not None
    target.limiter.take(NOW)
    target.limiter.take(NOW)
    return target


def _failed(hint: str = "") -> Target:
    target = _target()
    target.failure = Failure(kind=FailureKind.CRASH, message="it crashed", hint=hint, log_tail=("a", "b"), until=4e9)
    return target


def _loading(eta: float | None) -> Target:
    target = _target()
    target.loading = Loading(model="m", state="loading", stage="weights", eta_s=eta, progress=0.5)
    return target


@pytest.mark.parametrize(("target", "standing", "kind", "code", "retry_after", "message", "hint"), [
    (_target(), Standing.COLD, LoadingError, "model_loading", 5.0, "is queued", "ask for a stream"),
    (_loading(7.5), Standing.COLD, LoadingError, "model_loading", 7.5, "is loading", "Retry-After"),
    (_loading(0.1), Standing.COLD, LoadingError, "model_loading", 1.0, "is loading", "Retry-After"),
    (_loading(None), Standing.COLD, LoadingError, "model_loading", 5.0, "is loading", "Retry-After"),
    (_failed(), Standing.FAILED, EngineFailed, "engine_failed", 10.0, "it crashed", "glowplug logs m"),
    (_failed("free memory"), Standing.FAILED, EngineFailed, "engine_failed", 10.0, "it crashed", "free memory"),
    (_over_its_rate(), Standing.LIMITED, LimitReached, "rate_limit_exceeded", 30.0, "at its limit", "again"),
    (_target(max_concurrency=0), Standing.LIMITED, LimitReached, "rate_limit_exceeded", 1.0, "at its limit", "again"),
    (_target(False, unavailable="KEY is not set"), Standing.UNAVAILABLE, Unavailable, "model_unavailable", None,
     "KEY is not set", "config check"),
    (_target(), Standing.FAILED, Unavailable, "model_unavailable", None, "not configured", "config check"),
])  # fmt: skip
def test_standings(
    target: Target,
    standing: Standing,
    kind: type[GlowplugError],
    code: str,
    retry_after: float | None,
    message: str,
    hint: str,
) -> None:
    error = refusals.standing_error(target, standing, NOW)
    assert type(error) is kind
    assert (error.code, error.retry_after) == (code, retry_after)
    assert "'m'" in error.message
    assert message in error.message
    assert hint in error.hint


def test_every_standing_but_ready_has_its_error() -> None:
    target = _failed()
    kinds = {s: type(refusals.standing_error(target, s, NOW)) for s in Standing if s is not Standing.READY}
    assert len(set(kinds.values())) == 4


def test_loading_says_how_far_it_is() -> None:
    assert refusals.loading_error(_loading(7.5)).loading == {
        "model": "m", "state": "loading", "stage": "weights", "eta_s": 7.5, "progress": 0.5, "queue_position": None,
    }  # fmt: skip


def test_a_failed_engine_takes_its_reason_and_log_along() -> None:
    error = refusals.engine_error(_failed())
    assert (error.reason, error.log_tail) == ("crash", ("a", "b"))


@pytest.mark.parametrize(("name", "hint"), [("gpt-4", "did you mean 'gpt-4o'?"), ("zzzzzzzz", "GET /v1/models")])
def test_unknown_models(name: str, hint: str) -> None:
    error = refusals.unknown_model(name, ["gpt-4o", "llama"])
    assert (type(error), error.code) == (NotFound, "model_not_found")
    assert hint in error.hint


@pytest.mark.parametrize(("names", "hint"), [(("m",), "it serves chat, embeddings"), ((), "it serves nothing")])
def test_the_wrong_kind(names: tuple[str, ...], hint: str) -> None:
    tables = Tables()
    tables.apply(snapshot(models=(local("m", capabilities=(Capability.EMBEDDINGS, Capability.CHAT)),), aliases=()))
    route = Route(AliasRoute(name="a", targets=names), tuple(tables.targets[n] for n in names))
    error = refusals.wrong_kind(route, "completions")
    assert (type(error), error.code, error.hint) == (RequestError, "wrong_endpoint", hint)
    assert "completions" in error.message


@pytest.mark.parametrize(("is_local", "timed_out", "kind", "where"), [
    (True, False, UpstreamError, "engine"), (False, False, UpstreamError, "provider"),
    (True, True, UpstreamTimeout, "engine"), (False, True, UpstreamTimeout, "provider"),
])  # fmt: skip
def test_attempts_that_broke(is_local: bool, timed_out: bool, kind: type[UpstreamError], where: str) -> None:
    error = refusals.attempt_error(_target(is_local), "why", timed_out)
    assert (type(error), error.retry_after) == (kind, 1.0)
    assert error.message == f"The {where} of 'm' did not answer: why"


@pytest.mark.parametrize("status", [401, 403])
def test_our_key_being_refused_is_not_the_clients_fault(status: int) -> None:
    error = refusals.rejected_credentials(_target(False), status)
    assert (error.status, error.code) == (502, "upstream_credentials")
    assert str(status) in error.message


def test_rates_and_connections() -> None:
    error = refusals.over_rate("This API key", 5, 3.2)
    assert (error.status, error.retry_after) == (429, 3.2)
    assert "5 requests a minute" in error.message
    assert (refusals.too_many_connections().status, refusals.too_many_connections().retry_after) == (503, 1.0)


def test_where_routes_are_explained() -> None:
    assert "`glowplug route explain al`" in refusals.no_tag("al", ["eu"]).hint
    target = Target(cloud("m"))
    target.breaker = Breaker()
    target.breaker.trip(NOW, 0.0, 5.0, probe=False, limited=False)
    assert "`glowplug route explain al`" in refusals.resting_error("al", [(target, Standing.COOLING)], NOW).hint
