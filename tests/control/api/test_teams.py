from __future__ import annotations

import httpx


async def test_teams_and_members(admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/admin/teams", json={"id": "web"})).status_code == 201
    assert (await admin.patch("/admin/teams/web", json={"models": ["cloud"]})).json()["models"] == ["cloud"]
    await admin.post("/admin/users", json={"id": "ann", "name": "Ann"})
    members = "/admin/teams/web/members"
    assert (await admin.put(members, json={"user": "bob"})).status_code == 404
    assert (await admin.put(f"{members}?dry_run=1", json={"user": "ann"})).json()["dry_run"]
    assert (await admin.get(members)).json()["data"] == []
    joined = (await admin.put(members, json={"user": "ann", "manager": True})).json()
    assert (joined["name"], joined["manager"]) == ("Ann", True)
    assert (await admin.get("/admin/teams/web")).json()["members"] == 1
    assert (await admin.delete(members, params={"user": "ann"})).json()["user"] == "ann"
    assert (await admin.delete(members, params={"user": "ann"})).status_code == 404
    assert [row["id"] for row in (await admin.get("/admin/teams")).json()["data"]] == ["web"]
    assert (await admin.delete("/admin/teams/web")).json()["id"] == "web"
    assert (await admin.get("/admin/teams/web")).status_code == 404
