from __future__ import annotations

import httpx

from glowplug.usecases.budgets import State
from tests.control.conftest import Control


async def test_create_list_delete(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    made = await admin.post("/admin/budgets", json={"budget": "20/month", "scope": "team", "name": "web"})
    assert made.status_code == 201
    one = made.json()
    assert (one["amount"], one["window"], one["spent"], one["remaining"]) == (20_000_000_000, "month", None, None)
    assert control.published == before + 1
    control.states[one["id"]] = State(spent=5, reserved=7, starts=10.0, ends=float("inf"))
    (row,) = (await admin.get("/admin/budgets")).json()["data"]
    assert (row["spent"], row["reserved"], row["remaining"]) == (5, 7, 20_000_000_000 - 12)
    assert (row["starts_at"], row["ends_at"]) == (10.0, None)
    gone = await admin.delete(f"/admin/budgets/{one['id']}")
    assert gone.json()["id"] == one["id"]
    assert control.published == before + 2
    assert (await admin.get("/admin/budgets")).json()["data"] == []


async def test_dry_runs(control: Control, admin: httpx.AsyncClient) -> None:
    tried = await admin.post("/admin/budgets?dry_run=1", json={"budget": "1/5h"})
    assert (tried.status_code, tried.json()["dry_run"], tried.json()["seconds"]) == (200, True, 18_000.0)
    one = (await admin.post("/admin/budgets", json={"budget": "1/day"})).json()
    before = control.published
    assert (await admin.delete(f"/admin/budgets/{one['id']}?dry_run=1")).json()["dry_run"]
    assert [row["id"] for row in (await admin.get("/admin/budgets")).json()["data"]] == [one["id"]]
    assert control.published == before


async def test_a_budget_is_for_what_there_is(admin: httpx.AsyncClient) -> None:
    own = (await admin.get("/admin/keys")).json()["data"][0]["id"]
    for body, says in (
        ({"budget": "1/day", "scope": "key", "name": "key_0"}, "there is no key"),
        ({"budget": "1/day", "scope": "model", "name": "chat-default"}, "there is no model"),
        ({"budget": "1/day", "scope": "team"}, "which team?"),
        ({"budget": "1/day", "name": "x"}, "all has no name"),
        ({"budget": "20"}, "20/month"),
        ({}, "budget"),
    ):
        refused = await admin.post("/admin/budgets", json=body)
        assert refused.status_code == 400
        assert says in str(refused.json())
    for body in (
        {"budget": "1/day", "scope": "key", "name": own},
        {"budget": "1/day", "scope": "model", "name": "cloud"},
    ):
        assert (await admin.post("/admin/budgets", json=body)).status_code == 201
    assert (await admin.delete("/admin/budgets/budget_0")).status_code == 404


async def test_who_may_not(user: httpx.AsyncClient) -> None:
    assert (await user.get("/admin/budgets")).status_code == 403
    assert (await user.get("/admin/limits")).status_code == 403
