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


async def test_those_whom_keys_of_somebody_named(admin: httpx.AsyncClient, database: Database) -> None:
    more = [msgspec.structs.replace(closed(name), user="ann", tags=("end:kim", "x")) for name in ("b", "c")]
    AttemptStore(database).absorb("w", "s", 2, [], more)
    (row,) = (await admin.get("/customer/list")).json()
    assert (row["user_id"], row["spend"]) == ("kim", 9.3e-08)
    assert {one["end_user"] for one in (await admin.get("/spend/logs")).json()} == {"kim"}


async def test_a_customer_is_limited_changed_and_let_go(control: Control, admin: httpx.AsyncClient) -> None:
    asked = {"user_id": "guest", "alias": "A guest", "max_budget": 2, "budget_duration": "30d", "rpm_limit": 5}
    made = (await admin.post("/customer/new", json=asked)).json()
    assert (made["user_id"], made["spend"], made["litellm_budget_table"]["max_budget"]) == ("guest", 0.0, 2.0)
    assert (made["litellm_budget_table"]["budget_duration"], made["litellm_budget_table"]["rpm_limit"]) == ("30d", 5)
    assert made["budget_id"] == made["litellm_budget_table"]["budget_id"] is not None
    assert [(one.scope, one.name) for one in control.budgets.every()] == [("user", "end:guest")]
    assert (await admin.post("/customer/new", json=asked)).status_code == 409
    changed = (await admin.post("/end_user/update", json={"user_id": "kim", "max_budget": 1})).json()
    assert (changed["spend"], changed["litellm_budget_table"]["max_budget"]) == (3.1e-08, 1.0)
    assert [row["user_id"] for row in (await admin.get("/customer/list")).json()] == ["guest", "kim"]
    assert "end:guest" not in (await admin.get("/user/list")).text
    gone = await admin.post("/customer/delete", json={"user_ids": ["guest", "kim"]})
    assert gone.json()["deleted_customers"] == 2
    assert control.budgets.every() == () and control.services.limits is not None
    assert control.services.limits.every() == ()
    assert [row["user_id"] for row in (await admin.get("/customer/list")).json()] == ["kim"], "who was asked for stays"
    assert (await admin.post("/customer/delete", json={"user_ids": ["guest"]})).status_code == 404


async def test_a_budget_of_a_user_is_not_a_customers(admin: httpx.AsyncClient) -> None:
    made = {"user_id": "kim", "max_budget": 5, "budget_duration": "30d", "auto_create_key": False}
    assert (await admin.post("/user/new", json=made)).status_code == 200
    (kim,) = (await admin.get("/customer/list")).json()
    assert (kim["user_id"], kim["litellm_budget_table"], kim["spend"]) == ("kim", None, 3.1e-08)


@pytest.mark.parametrize(
    "sent",
    [{}, {"user_id": " "}, {"user_id": "x", "budget_id": "b"}, {"user_id": "x", "default_model": "cloud"},
     {"user_id": "x", "budget_duration": "30d", "allowed_model_region": "eu"}, {"user_id": "x", "max_budget": "much"},
     {"user_id": "x", "rpm_limit": 0}],
)  # fmt: skip
async def test_what_cannot_be_had(control: Control, admin: httpx.AsyncClient, sent: dict[str, object]) -> None:
    assert (await admin.post("/customer/new", json=sent)).status_code == 400
    assert control.budgets.every() == ()


async def test_block_and_let_in_again(control: Control, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/customer/new", json={"user_id": "kim", "rpm_limit": 5})).status_code == 200
    blocked = (await admin.post("/customer/block", json={"user_ids": ["kim", "spammer"]})).json()["blocked_users"]
    assert [(row["user_id"], row["blocked"]) for row in blocked] == [("kim", True), ("spammer", True)]
    assert control.services.limits is not None
    assert [(one.name, one.rpm, one.concurrency) for one in control.services.limits.every()] == [
        ("end:kim", 5, 0), ("end:spammer", None, 0),
    ]  # fmt: skip
    left = await admin.post("/end_user/unblock", json={"user_ids": ["spammer", "nobody"]})
    assert (left.status_code, left.json()["blocked_users"]) == (200, [])
    assert (await admin.post("/customer/update", json={"user_id": "kim", "blocked": False})).json()["blocked"] is False
    assert [(one.name, one.rpm, one.concurrency) for one in control.services.limits.every()] == [("end:kim", 5, None)]
    assert (await admin.post("/customer/update", json={"user_id": "kim", "blocked": True})).json()["blocked"] is True
