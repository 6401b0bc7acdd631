from __future__ import annotations

import httpx

from glowplug.control.api.route import _MOST
from glowplug.domain.route_plan import RoutePlan, RouteQuestion
from glowplug.errors import Unavailable
from tests.control.conftest import Control
from tests.usecases.test_route import PLAN


async def test_the_plan_of_a_request(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/admin/route", json={"model": "m", "request": {"messages": "x" * 2_000_000}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["because"] == PLAN.because
    (asked,) = control.explained
    assert asked.key == control.keys.usable()[0].id, "whoever asks, asks for themselves"


async def test_mistakes(control: Control, admin: httpx.AsyncClient, user: httpx.AsyncClient) -> None:
    for body, status, says in (
        ({"modle": "m"}, 400, "did you mean model?"),
        ({}, 400, "no model is named"),
        ({"model": "m", "key": "nobody"}, 404, "nobody"),
        ({"model": "m", "tags": "a"}, 400, "does not fit"),
    ):
        answer = await admin.post("/admin/route", json=body)
        assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert (await user.post("/admin/route", json={"model": "m"})).status_code == 403
    assert (await admin.post("/admin/route", content=b"x" * (_MOST + 1))).status_code == 413
    assert control.explained == []


async def test_no_worker(control: Control, admin: httpx.AsyncClient) -> None:
    async def nobody(question: RouteQuestion) -> RoutePlan:
        raise Unavailable("no worker is there", code="no_worker", retry_after=1.0)

    control.ask_worker = nobody
    answer = await admin.post("/admin/route", json={"model": "m"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
