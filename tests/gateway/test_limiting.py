"""Limits and budgets as requests meet them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic, time
from typing import Any

import msgspec
import pytest

from glowplug.domain.budget import Scope, UseLimit, Window
from glowplug.domain.snapshot import AliasRoute
from glowplug.domain.usage import AttemptOpened, Outcome
from glowplug.gateway.limiting import expected_cost, expected_tokens, standings_for, tightest
from glowplug.gateway.plane import Plane
from glowplug.routing.plan import Standing
from glowplug.wire.openai import estimate_tokens
from tests.gateway.metered import USER, Metered, budget, priced
from tests.gateway.rig import ANSWER, STREAM, Rig, chat, local, whole
from tests.support.compiled import interpreted


@pytest.fixture
def metered(tmp_path: Path) -> Metered:
    return Metered(tmp_path)


@pytest.fixture
def rig(turned_loop: asyncio.AbstractEventLoop, metered: Metered) -> Rig:
    rig = Rig(turned_loop)
    rig.plane = Plane(turned_loop, rig.uplink, rig.journal, "/nowhere", guards=metered.guards())
    return rig


def apply(rig: Rig, metered: Metered, amount: int = 1000, **more: Any) -> None:
    """One budget of the key, and a cloud model that costs something."""
    values: dict[str, Any] = {"budgets": (budget(amount),), "models": (priced("cloud"), priced("cloud2"))}
    rig.apply(metered.snapshot(**{"keys": (USER,), "aliases": (), **values, **more}))


def usage(prompt: int, completion: int) -> bytes:
    return whole({**ANSWER, "usage": {"prompt_tokens": prompt, "completion_tokens": completion}})


def test_reserved_before_it_is_sent_and_settled_to_what_it_cost(rig: Rig, metered: Metered) -> None:
    apply(rig, metered)
    rig.ask(chat("cloud", max_tokens=50))
    (opened,) = rig.journal.records
    assert isinstance(opened, AttemptOpened)
    assert opened.reserved == opened.prompt_estimate + 2 * 50
    assert metered.left(rig) == [1000 - opened.reserved]
    rig.reply(usage(3, 4), "cloud")
    assert metered.left(rig) == [1000 - 3 - 2 * 4]
    rig.journal.check()


def test_what_failed_is_released_and_the_next_target_reserves_its_own(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.snapshot import AliasRoute

    apply(rig, metered, aliases=(AliasRoute(name="both", targets=("cloud", "cloud2")),))
    client = rig.ask(chat("both", max_tokens=50))
    rig.reply(whole({}, 500), "cloud")
    assert len(rig.journal.ends) == 1
    rig.reply(usage(3, 4), "cloud2")
    assert client.answer.status == 200
    assert metered.left(rig) == [1000 - 11]


def test_what_cannot_be_recorded_holds_nothing(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, limits=(UseLimit(scope=Scope.MODEL, name="cloud", concurrency=1),))
    rig.journal.full = True
    for _ in range(2):
        assert rig.ask(chat("cloud")).answer.status == 503
    rig.journal.full = False
    assert metered.left(rig) == [1000]
    client = rig.ask(chat("cloud"))
    rig.reply(usage(3, 4), "cloud")
    assert client.answer.status == 200


def test_a_client_that_leaves_is_settled_too(rig: Rig, metered: Metered) -> None:
    apply(rig, metered)
    client = rig.ask(chat("cloud", stream=True))
    client.wire.lose()
    rig.spin()
    (end,) = rig.journal.ends
    assert end.outcome is Outcome.CLIENT_GONE
    (row,) = {metered.rows[name] for name in metered.rows if name.endswith(" 0.0")}
    assert metered.control.reserved(row) == 0


def test_a_budget_that_is_used_up_refuses_and_says_whose_and_until_when(rig: Rig, metered: Metered) -> None:
    ends = time() + 3600.0
    rows = (budget(10, window=Window.MONTH),)
    apply(rig, metered, budgets=rows, ends=ends)
    rig.ask(chat("cloud", max_tokens=1))
    rig.reply(usage(3, 4), "cloud")
    refused = rig.ask(chat("cloud"))
    assert (refused.answer.status, refused.answer.code) == (429, "budget_exceeded")
    message = refused.answer.json["error"]["message"]
    assert "key 'user'" in message
    assert "$0.00000001 a month" in message
    assert "UTC" in message
    assert 3500 <= int(refused.answer.headers["retry-after"]) <= 3601
    assert len(rig.journal.ends) == 1, "nothing was sent"


def test_the_last_request_may_pass_the_amount_and_no_other_follows(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, 60)
    first = rig.ask(chat("cloud", max_tokens=100))
    second = rig.ask(chat("cloud"))
    assert second.answer.code == "budget_exceeded", "what is reserved is not left"
    rig.reply(usage(1, 1), "cloud")
    assert first.answer.status == 200
    third = rig.ask(chat("cloud"))
    rig.reply(usage(3, 4), "cloud")
    assert third.answer.status == 200


@pytest.mark.parametrize(("scope", "name"), [
    (Scope.ALL, ""), (Scope.USER, "ann"), (Scope.TEAM, "web"), (Scope.TAG, "y"), (Scope.MODEL, "cloud"),
])  # fmt: skip
def test_every_scope_of_a_request_counts(rig: Rig, metered: Metered, scope: Scope, name: str) -> None:
    apply(rig, metered, budgets=(budget(5, scope, name), budget(1000, Scope.TEAM, "other")))
    rig.ask(chat("cloud", max_tokens=1))
    rig.reply(usage(3, 4), "cloud")
    refused = rig.ask(chat("cloud"))
    assert (refused.answer.status, refused.answer.code) == (429, "budget_exceeded")
    assert (name or "everybody") in refused.answer.json["error"]["message"]
    other = rig.ask(chat("cloud2"))
    if scope is Scope.MODEL:
        rig.reply(usage(1, 1), "cloud2")
        assert other.answer.status == 200
    else:
        assert other.answer.code == "budget_exceeded"


def test_models_that_cost_nothing_answer_when_the_budget_is_used_up(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.snapshot import AliasRoute

    models = (priced("cloud"), local("local"))
    alias = AliasRoute(name="a", targets=("cloud", "local"))
    apply(rig, metered, 0, models=models, aliases=(alias,))
    rig.grant()
    client = rig.ask(chat("a"))
    rig.reply(whole(), "i1")
    assert client.answer.status == 200
    assert client.answer.headers["x-glowplug-model"] == "local"


def test_a_request_in_line_keeps_its_place_while_a_budget_is_used_up(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.snapshot import AliasRoute

    models = (local("local", max_concurrency=1), priced("cloud"))
    apply(rig, metered, 0, models=models, aliases=(AliasRoute(name="a", targets=("local", "cloud")),))
    rig.grant()
    first, second = rig.ask(chat("a")), rig.ask(chat("a"))
    target = rig.plane.tables.targets["local"]
    (entry,) = target.queue
    rig.later(1.5)
    assert list(target.queue) == [entry]
    rig.reply(whole(), "i1")
    assert first.answer.status == 200
    rig.reply(whole(), "i1")
    assert second.answer.status == 200


def test_counters_that_cannot_be_read_let_nothing_paid_through(turned_loop: asyncio.AbstractEventLoop) -> None:
    rig = Rig(turned_loop)
    from glowplug.domain.snapshot import BudgetPeriod, BudgetRoute
    from tests.gateway.rig import snapshot

    route = BudgetRoute(budget=budget(10), periods=(BudgetPeriod(0.0, 1e12, 3),))
    rig.apply(snapshot(budgets=(route,), counters=7, keys=(USER,), models=(priced("cloud"),), aliases=()))
    refused = rig.ask(chat("cloud"))
    assert (refused.answer.status, refused.answer.code) == (503, "budget_unknown")


def test_an_attempt_belongs_to_the_window_in_which_it_started(rig: Rig, metered: Metered) -> None:
    ends = rig.plane.unix_offset + monotonic() + 50.0
    apply(rig, metered, ends=ends)
    rig.ask(chat("cloud", max_tokens=50))
    rig.plane.unix_offset += 100.0
    (meter,) = next(iter(rig.plane.tables.keys.values())).meters
    assert meter.left(ends + 1.0) == 1000
    rig.reply(usage(3, 4), "cloud")
    assert (meter.left(ends + 1.0), meter.left(ends - 1.0)) == (1000, 989)
    assert rig.journal.ends[0].started < ends


def test_a_new_amount_counts_at_once_and_what_was_spent_stays(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, 1000)
    rig.ask(chat("cloud", max_tokens=5))
    apply(rig, metered, 500)
    rig.reply(usage(3, 4), "cloud")
    assert metered.left(rig) == [489]
    apply(rig, metered, budgets=())
    assert metered.left(rig) == []


LIMITS = [
    (UseLimit(scope=Scope.TEAM, name="web", rpm=1), "team 'web' is over 1 requests a minute"),
    (UseLimit(scope=Scope.ALL, tpm=10), "Everybody together is over 10 tokens a minute"),
    (UseLimit(scope=Scope.USER, name="ann", rpm=1), "user 'ann'"),
    (UseLimit(scope=Scope.TAG, name="x", rpm=1), "tag 'x'"),
    (UseLimit(scope=Scope.MODEL, name="cloud", rpm=1), "model 'cloud'"),
]


@pytest.mark.parametrize(("limit", "says"), LIMITS)
def test_limits_of_every_scope(rig: Rig, metered: Metered, limit: UseLimit, says: str) -> None:
    apply(rig, metered, budgets=(), limits=(limit,))
    rig.ask(chat("cloud"))
    rig.reply(usage(30, 4), "cloud")
    refused = rig.ask(chat("cloud"))
    assert (refused.answer.status, refused.answer.code) == (429, "rate_limit_exceeded")
    assert says in refused.answer.json["error"]["message"]
    assert int(refused.answer.headers["retry-after"]) >= 1


def test_tokens_are_taken_before_and_corrected_after(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.access import Role
    from glowplug.domain.snapshot import KeyRoute

    user = KeyRoute(id="user", digest=USER.digest, role=Role.USER, tpm=100)
    apply(rig, metered, budgets=(), keys=(user,))
    (one,) = rig.plane.tables.keys.values()
    assert one.guard is not None
    ((_, rate),) = one.guard.tokens
    rig.ask(chat("cloud", max_tokens=60))
    taken = 100 - rate.left(monotonic()).remaining
    assert 60 < taken < 100
    rig.reply(usage(3, 4), "cloud")
    assert rate.left(monotonic()).remaining in (92, 93)
    refused = rig.ask(chat("nobody"))
    assert refused.answer.status == 404
    assert rate.left(monotonic()).remaining in (92, 93)


def test_places_are_given_back_however_a_request_ends(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.access import Role
    from glowplug.domain.snapshot import KeyRoute

    user = KeyRoute(id="user", digest=USER.digest, role=Role.USER, concurrency=1)
    apply(rig, metered, budgets=(), keys=(user,))
    for end in ("answer", "error", "leave", "stream"):
        client = rig.ask(chat("cloud", stream=end == "stream"))
        refused = rig.ask(chat("cloud"))
        assert (refused.answer.status, refused.answer.code) == (429, "too_many_requests_at_once")
        if end == "leave":
            client.wire.lose()
            rig.spin()
        else:
            rig.reply({"answer": whole(), "error": whole({}, 500), "stream": STREAM}[end], "cloud")
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200


def test_a_model_over_its_tokens_is_passed_over_for_the_next(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.snapshot import AliasRoute

    models = (priced("cloud", tpm=5), priced("cloud2"))
    apply(rig, metered, budgets=(), models=models, aliases=(AliasRoute(name="both", targets=("cloud", "cloud2")),))
    rig.ask(chat("both"))
    rig.reply(usage(30, 4), "cloud")
    second = rig.ask(chat("both"))
    rig.reply(usage(3, 4), "cloud2")
    assert second.answer.status == 200
    alone = rig.ask(chat("cloud"))
    assert (alone.answer.status, alone.answer.code) == (429, "rate_limit_exceeded")


def test_two_workers_keep_one_limit(turned_loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    metered = Metered(tmp_path, workers=2)
    rigs = []
    snap = metered.snapshot(
        (budget(40),), (UseLimit(scope=Scope.TEAM, name="web", rpm=3),),
        keys=(USER,), models=(priced("cloud"),), aliases=(),
    )  # fmt: skip
    for index in range(2):
        one = Rig(turned_loop)
        one.plane = Plane(turned_loop, one.uplink, one.journal, "/nowhere", guards=metered.guards(index))
        one.apply(snap)
        rigs.append(one)
    for index in (0, 1, 0):
        client = rigs[index].ask(chat("cloud", max_tokens=1))
        rigs[index].reply(usage(1, 1), "cloud")
        assert client.answer.status == 200
    assert rigs[1].ask(chat("cloud")).answer.code == "rate_limit_exceeded"
    assert metered.left(rigs[0]) == metered.left(rigs[1]) == [40 - 9]


class _Kind:
    form = False
    prompt = completion = True


def _call(data: bytes, **kind: bool) -> Any:
    body = type("Body", (), {"data": data})
    whose = type("Kind", (_Kind,), kind)
    prompt = estimate_tokens(len(data)) if whose.prompt else 0
    return type("Call", (), {"kind": whose, "body": body, "cap": None, "prompt": prompt})


def _target(**route: Any) -> Any:
    said = priced("cloud", **route)
    assert said.price is not None
    return type("Target", (), {"route": said, "tariff": said.price.tariff})


def test_targets_behind_the_first_that_is_ready_are_not_looked_at(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, aliases=(AliasRoute(name="both", targets=("cloud", "cloud2")),))
    call = rig.ask(chat("both", max_tokens=1)).conn.call
    assert call is not None
    assert standings_for(call, monotonic(), 0) == [Standing.READY]
    assert standings_for(call, monotonic(), 0b01) == [Standing.READY, Standing.READY]
    assert standings_for(call, monotonic(), 0b11) == [Standing.READY, Standing.READY]
    call.key.meters[0].periods[0][1].add(1000)
    assert standings_for(call, monotonic(), 0) == [Standing.LIMITED, Standing.LIMITED], "both cost something"


@interpreted
@pytest.mark.parametrize(("data", "kind", "route", "cost"), [
    (b"{}      ", {}, {}, 2 + 2 * 4096),
    (b"{}      ", {}, {"max_output": 10}, 2 + 2 * 10),
    (b'{"max_tokens":3}', {}, {"max_output": 10}, 4 + 2 * 3),
    (b"{}      ", {"completion": False}, {}, 2),
    (b"{}      ", {"prompt": False, "completion": False}, {}, 0),
    (b"--form--", {"form": True}, {"max_output": 10}, 2 + 2 * 10),
])  # fmt: skip
def test_what_is_reserved(data: bytes, kind: dict[str, bool], route: dict[str, Any], cost: int) -> None:
    assert expected_cost(_call(data, **kind), _target(**route)) == cost


@interpreted
def test_what_is_expected_without_a_word_about_the_answer_is_the_prompt() -> None:
    assert expected_tokens(_call(b"{}      ")) == 2
    assert expected_tokens(_call(b'{"max_tokens":3}')) == 4 + 3
    assert expected_tokens(_call(b"--form--", form=True)) == 2


def test_the_tightest_limits_are_told(rig: Rig, metered: Metered) -> None:
    from glowplug.domain.access import Role
    from glowplug.domain.snapshot import KeyRoute

    user = KeyRoute(id="user", digest=USER.digest, role=Role.USER, rpm=100, tpm=1000)
    apply(rig, metered, budgets=(), keys=(user,), models=(priced("cloud", rpm=5),))
    client = rig.ask(chat("cloud"))
    call = client.conn.call
    limits = tightest(call, monotonic())  # type: ignore[arg-type]
    assert limits[0] is not None
    assert limits[1] is not None
    requests, tokens = limits[0].left(monotonic()), limits[1].left(monotonic())
    assert requests[:2] == (5, 4)
    assert 11.0 < requests.reset <= 12.0
    assert tokens.limit == 1000
    assert 900 < tokens.remaining < 1000
    rig.reply(whole(), "cloud")


def test_budgets_hear_what_the_provider_says_also_of_models_whose_price_nobody_knows(
    rig: Rig, metered: Metered
) -> None:
    route = msgspec.structs.replace(priced("cloud"), price=None, quirks=("xai-cost",))
    apply(rig, metered, models=(route,))
    rig.ask(chat("cloud", max_tokens=50))
    assert metered.left(rig) == [1000], "what it will cost is not known before"
    used = {"prompt_tokens": 3, "completion_tokens": 4, "cost_in_usd_ticks": 6000}
    rig.reply(whole({**ANSWER, "usage": used}), "cloud")
    assert metered.left(rig) == [400]
    rig.journal.check()
