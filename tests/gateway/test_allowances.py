"""What is left of limits and budgets, without taking any of it."""

from __future__ import annotations

import asyncio
from math import inf
from pathlib import Path
from time import time

import pytest

from glowplug.domain.budget import Scope, UseLimit, Window
from glowplug.domain.route_plan import LimitPlan, RouteQuestion
from glowplug.gateway.allowances import allowances
from glowplug.gateway.imagined import imagine
from glowplug.gateway.plane import Plane
from tests.gateway.metered import USER, Metered, budget, priced
from tests.gateway.rig import Rig, chat, whole


def look(rig: Rig, model: str = "cloud") -> tuple[LimitPlan, ...]:
    call = imagine(rig.plane, RouteQuestion(model=model, key="user"))
    return allowances(call, call.t0)


@pytest.fixture
def metered(tmp_path: Path) -> Metered:
    return Metered(tmp_path)


@pytest.fixture
def rig(turned_loop: asyncio.AbstractEventLoop, metered: Metered) -> Rig:
    rig = Rig(turned_loop)
    rig.plane = Plane(turned_loop, rig.uplink, rig.journal, "/nowhere", guards=metered.guards())
    return rig


def test_what_is_used_is_missing(rig: Rig, metered: Metered) -> None:
    budgets = (budget(1000), budget(500, Scope.TEAM, "web", window=Window.DAY), budget(90, Scope.MODEL, "cloud"))
    limits = (UseLimit(scope=Scope.TAG, name="x", rpm=5, concurrency=2),)
    rig.apply(metered.snapshot(budgets, limits, time() + 50, keys=(USER,), models=(priced("cloud"),), aliases=()))
    client = rig.ask(chat("cloud", max_tokens=5))
    found = look(rig)
    reserved = 1000 - metered.left(rig)[0]
    assert reserved > 10
    assert [(one.whose, one.unit, one.limit, one.left) for one in found] == [
        ("the tag 'x'", "requests a minute", 5, 4),
        ("the tag 'x'", "requests at once", 2, 1),
        ("this API key", "nano-dollars", 1000, 1000 - reserved),
        ("the team 'web'", "nano-dollars", 500, 500 - reserved),
        ("the model 'cloud'", "nano-dollars", 90, 90 - reserved),
    ]
    assert 0 < (found[3].resets or inf) <= 50
    assert [one.left for one in look(rig)] == [one.left for one in found], "to look takes nothing"
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200


def test_budgets_do_not_matter_where_nothing_costs(rig: Rig, metered: Metered) -> None:
    rig.apply(metered.snapshot((budget(1000),), keys=(USER,)))
    assert look(rig) == ()


def test_a_budget_that_cannot_be_read(rig: Rig, metered: Metered) -> None:
    snapshot = metered.snapshot((budget(1000),), keys=(USER,), models=(priced("cloud"),), aliases=())
    rig.plane = Plane(rig.loop, rig.uplink, rig.journal, "/nowhere")
    rig.apply(snapshot)
    assert [one.left for one in look(rig)] == [None]
