from __future__ import annotations

import httpx
import msgspec
import pytest

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from tests.control.conftest import Control
from tests.ledger.builders import closed


@pytest.fixture(autouse=True)
def asked(database: Database) -> None:
    """31 nano-dollars of a request that named `kim`."""
    AttemptStore(database).absorb("w", "s", 1, [], [msgspec.structs.replace(closed("a"), user="end:kim")])


async def test_those_whom_requests_named(admin: httpx.AsyncClient) -> None:
    for noun in ("/customer", "/end_user"):
        (row,) = (await admin.get(f"{noun}/list")).json()
        assert row == (await admin.get(f"{noun}/info?end_user_id=kim")).json()
    assert row == {
        "user_id": "kim", "alias": None, "blocked": False, "spend": 3.1e-08, "allowed_model_region": None,
        "default_model": None, "budget_id": None, "litellm_budget_table": None,
    }  # fmt: skip


async def test_a_budget_of_nobody_is_a_customers_and_that_of_a_user_is_not(admin: httpx.AsyncClient) -> None:
    made = {"user_id": "kim", "max_budget": 5, "budget_duration": "30d", "auto_create_key": False}
    assert (await admin.post("/user/new", json=made)).status_code == 200
    budget = {"scope": "user", "name": "guest", "budget": "2/day"}
    kept = await admin.post("/admin/budgets", json=budget)
    assert kept.status_code in (200, 201), kept.text
    guest, kim = (await admin.get("/customer/list")).json()
    assert (guest["user_id"], guest["litellm_budget_table"]["max_budget"], guest["spend"]) == ("guest", 2.0, 0.0)
    assert guest["budget_id"] == guest["litellm_budget_table"]["budget_id"] is not None
    assert (kim["user_id"], kim["litellm_budget_table"], kim["spend"]) == ("kim", None, 3.1e-08)


async def test_what_would_limit_one_is_refused_and_says_what_does(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.budgets.every()
    for verb in ("new", "update", "delete", "block", "unblock"):
        answer = await admin.post(f"/customer/{verb}", json={"user_id": "kim", "max_budget": 1})
        assert answer.status_code == 501
        assert "/key/generate" in answer.json()["error"]["message"]
    assert control.budgets.every() == before
