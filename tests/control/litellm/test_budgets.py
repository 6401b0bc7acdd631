from __future__ import annotations

import httpx

from glowplug.domain.budget import Scope
from tests.control.conftest import Control


async def test_a_budget_is_one_purse_of_the_keys_that_have_it(control: Control, admin: httpx.AsyncClient) -> None:
    wanted = {"budget_id": "b1", "max_budget": 0.3, "budget_duration": "1d", "rpm_limit": 4}
    made = (await admin.post("/budget/new", json=wanted)).json()
    assert (made["budget_id"], made["max_budget"], made["budget_duration"], made["rpm_limit"]) == ("b1", 0.3, "1d", 4)
    (budget,) = control.budgets.every()
    assert (budget.scope, budget.name, budget.amount) == (Scope.TAG, "budget:b1", 300_000_000)
    key = (await admin.post("/key/generate", json={"budget_id": "b1"})).json()
    assert key["budget_id"] == "b1"
    assert control.keys._keys[key["token"]].tags == ("budget:b1",)
    changed = (await admin.post("/budget/update", json={"budget_id": "b1", "max_budget": 2})).json()
    assert (changed["max_budget"], changed["budget_duration"], changed["rpm_limit"]) == (2.0, "1d", 4)
    assert len(control.budgets.every()) == 1
    assert (await admin.post("/budget/info", json={"budgets": ["b1"]})).json() == [changed]
    assert (await admin.get("/budget/list")).json() == [changed]
    assert (await admin.post("/budget/delete", json={"id": "b1"})).json()["budget_id"] == "b1"
    assert (control.budgets.every(), control.limits.every()) == ((), ())


async def test_ours_are_there_by_their_ids(control: Control, admin: httpx.AsyncClient) -> None:
    ours = (await admin.post("/admin/budgets", json={"budget": "5/total", "scope": "team", "name": "web"})).json()
    (row,) = (await admin.get("/budget/list")).json()
    assert (row["budget_id"], row["scope"], row["name"], row["budget_duration"]) == (ours["id"], "team", "web", None)
    assert (await admin.post("/budget/update", json={"budget_id": ours["id"], "max_budget": 6})).json()[
        "max_budget"
    ] == 6
    (budget,) = control.budgets.every()
    assert (budget.scope, budget.name, budget.amount) == (Scope.TEAM, "web", 6_000_000_000)


async def test_mistakes(admin: httpx.AsyncClient) -> None:
    await admin.post("/budget/new", json={"budget_id": "b1", "max_budget": 1})
    for path, body, status in (
        ("/budget/new", {"budget_id": "b1", "max_budget": 1}, 409),
        ("/budget/new", {"budget_id": "b2"}, 400),
        ("/budget/new", {"max_budget": 1, "budget_duration": "x"}, 400),
        ("/budget/update", {"budget_id": "b1", "max_budget": None}, 400),
        ("/budget/update", {"budget_id": "b1", "rpm_limit": "x"}, 400),
    ):
        assert (await admin.post(path, json=body)).status_code == status, body
