from __future__ import annotations

import httpx
import pytest

from tests.control.conftest import Control

CHANGES = [
    ("POST", "/admin/keys", {"name": "x"}, "create key"),
    ("POST", "/admin/users", {"id": "ann"}, "create user"),
    ("PATCH", "/admin/users/root", {"blocked": True}, "block user"),
    ("POST", "/admin/teams", {"id": "web"}, "create team"),
    ("PUT", "/admin/teams/ops/members", {"user": "root"}, "create member"),
    ("POST", "/admin/budgets", {"budget": "1/day"}, "create budget"),
    ("POST", "/admin/limits", {"scope": "team", "name": "web", "rpm": 5}, "create limit"),
    ("PUT", "/admin/credentials", {"name": "x", "value": "very-secret"}, "create credential"),
    ("POST", "/admin/config/reload", {}, "reload config"),
]


@pytest.mark.parametrize(("method", "path", "body", "says"), CHANGES)
async def test_who_changed_what(
    control: Control, admin: httpx.AsyncClient, method: str, path: str, body: dict[str, object], says: str
) -> None:
    await admin.post("/admin/users", json={"id": "root"})
    await admin.post("/admin/teams", json={"id": "ops"})
    before = len((await admin.get("/admin/changes")).json()["data"])
    assert (await admin.request(method, f"{path}?dry_run=1", json=body)).status_code == 200
    made = await admin.request(method, path, json=body, headers={"x-request-id": "req_7"})
    assert made.status_code in (200, 201)
    lines = (await admin.get("/admin/changes")).json()["data"]
    assert len(lines) == before + 1
    line = lines[0]
    assert f"{line['action']} {line['noun']}" == says
    own = control.keys.find(control.admin_key)
    assert own is not None
    assert (line["by"], line["through"], line["request"]) == (own.id, own.id, "req_7")
    assert "very-secret" not in str(lines)
    assert (made.json().get("key") or "very-secret") not in str(lines)


async def test_filters_and_pages(admin: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await admin.post("/admin/users", json={"id": name})
    page = (await admin.get("/admin/changes", params={"noun": "user", "limit": 2})).json()
    assert ([line["subject"] for line in page["data"]], page["has_more"]) == (["c", "b"], True)
    rest = (await admin.get("/admin/changes", params={"noun": "user", "after": page["next"]})).json()
    assert [line["subject"] for line in rest["data"]] == ["a"]
    assert (await admin.get("/admin/changes", params={"who": "x"})).status_code == 400
