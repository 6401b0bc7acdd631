from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_people(control: Control, admin: httpx.AsyncClient) -> None:
    tried = await admin.post("/admin/users?dry_run=1", json={"id": "ann"})
    assert (tried.status_code, tried.json()["dry_run"]) == (200, True)
    made = await admin.post("/admin/users", json={"id": "ann", "email": "ann@example.org", "models": ["cloud"]})
    assert (made.status_code, made.json()["role"]) == (201, "member")
    changed = await admin.patch("/admin/users/ann", json={"name": "Ann", "role": "viewer"})
    assert (changed.json()["name"], changed.json()["models"]) == ("Ann", ["cloud"])
    assert (await admin.get("/admin/users/ann")).json() == changed.json()
    assert [row["id"] for row in (await admin.get("/admin/users")).json()["data"]] == ["ann"]
    assert (await admin.patch("/admin/users/ann", json={"id": "bob"})).status_code == 400
    assert (await admin.get("/admin/users/bob")).status_code == 404
    await admin.post("/admin/keys", json={"name": "laptop", "user": "ann"})
    refused = await admin.delete("/admin/users/ann")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "has_keys")
    assert (await admin.delete("/admin/users/ann?with_keys=1")).json()["id"] == "ann"
    assert control.users.every() == ()


async def test_a_blocked_user_is_refused_here_at_once(admin: httpx.AsyncClient, control: Control) -> None:
    await admin.post("/admin/users", json={"id": "ann"})
    key = (await admin.post("/admin/keys", json={"user": "ann", "role": "admin"})).json()["key"]
    async with control.client(key) as ann:
        assert (await ann.get("/admin/users")).status_code == 200
        await admin.patch("/admin/users/ann", json={"blocked": True})
        refused = await ann.get("/admin/users")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "blocked")
        assert "the user 'ann', whose API key this is, is blocked" in refused.json()["error"]["message"]
        await admin.patch("/admin/users/ann", json={"blocked": False})
        assert (await ann.get("/admin/users")).status_code == 200
