from __future__ import annotations

import httpx
import pytest

from tests.control.conftest import Control


async def test_users_are_made_changed_and_deleted(control: Control, admin: httpx.AsyncClient) -> None:
    fields = {"user_id": "ann", "user_alias": "Ann", "user_email": "Ann@Example.org", "user_role": "proxy_admin_viewer",
              "models": ["chat-default"], "max_budget": 0.5, "budget_duration": "1d", "rpm_limit": 9}  # fmt: skip
    made = (await admin.post("/user/new", json=fields)).json()
    assert (made["user_id"], made["user_email"], made["user_role"]) == ("ann", "ann@example.org", "proxy_admin_viewer")
    assert (made["max_budget"], made["budget_duration"], made["rpm_limit"], made["models"]) == (
        0.5, "1d", 9, ["chat-default"],
    )  # fmt: skip
    async with control.client(made["key"]) as own:
        told = (await own.get("/user/info")).json()
        assert (told["user_id"], [key["token"] for key in told["keys"]]) == ("ann", [made["token"]])
        assert (await own.get("/user/info?user_id=bob")).status_code == 403
        changed = await admin.post(
            "/user/update", json={"user_email": "ann@example.org", "user_alias": "A", "rpm_limit": None}
        )
        assert (changed.json()["data"]["user_alias"], changed.json()["data"]["rpm_limit"]) == ("A", None)
        await admin.post("/user/update", json={"user_id": "ann", "max_budget": None})
        assert control.budgets.every() == ()
        assert (await admin.post("/user/delete", json={"user_ids": ["ann"]})).json() == 1
        assert (await own.get("/user/info")).status_code == 401
    assert control.users.find("ann") is None
    lines = [(one.action, one.noun) for one in (await control.changes.newest()).data]
    assert ("delete", "user") in lines and ("create", "user") in lines


async def test_users_that_only_keys_name_are_listed_too(admin: httpx.AsyncClient) -> None:
    await admin.post("/key/generate", json={"user_id": "bob", "team_id": "web"})
    await admin.post("/user/new", json={"user_id": "ann", "auto_create_key": False})
    listed = (await admin.get("/user/list?page_size=1&page=2")).json()
    assert (listed["total"], [one["user_id"] for one in listed["users"]]) == (2, ["bob"])
    assert (await admin.get("/user/info?user_id=bob")).json()["teams"] == ["web"]
    assert [one["user_id"] for one in (await admin.get("/user/list?user_ids=ann,x")).json()["users"]] == ["ann"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"user_id": "ann"}, 409), ({"user_role": "king"}, 400), ({"user_email": "x"}, 400), ({"duration": "x"}, 400),
        ({"models": ["nothing"]}, 400), ({"model_max_budget": {"m": 1}}, 400), ({"user_id": "a/b"}, 400),
    ],
)  # fmt: skip
async def test_mistakes(control: Control, admin: httpx.AsyncClient, fields: object, status: int) -> None:
    await admin.post("/user/new", json={"user_id": "ann", "auto_create_key": False})
    before = (control.users.every(), control.keys.every())
    answer = await admin.post("/user/new", json=fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, str(status))
    assert (control.users.every(), control.keys.every()) == before
