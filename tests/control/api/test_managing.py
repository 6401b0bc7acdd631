from __future__ import annotations

import httpx

from tests.control.conftest import Control

TEAM = "/admin/me/teams/web"


async def test_a_manager_looks_after_a_team(control: Control, admin: httpx.AsyncClient) -> None:
    for user in ("mia", "bob"):
        await admin.post("/admin/users", json={"id": user})
    await admin.post("/admin/teams", json={"id": "web", "models": ["cloud"]})
    await admin.put("/admin/teams/web/members", json={"user": "mia", "manager": True})
    own = (await admin.post("/admin/keys", json={"user": "mia"})).json()
    async with control.client(own["key"]) as mia:
        added = await mia.put(f"{TEAM}/members", json={"user": "bob"})
        assert (added.status_code, added.json()["user"]) == (200, "bob")
        tried = await mia.post(f"{TEAM}/keys?dry_run=1", json={"name": "ci"})
        assert (tried.status_code, tried.json()["key"]) == (200, None)
        made = await mia.post(f"{TEAM}/keys", json={"name": "ci", "models": ["cloud"]})
        assert (made.status_code, made.json()["team"]) == (201, "web")
        assert (await mia.post(f"{TEAM}/keys", json={"models": ["local"]})).status_code == 403
        assert (await mia.post(f"{TEAM}/keys", json={"role": "admin"})).status_code == 400
        key = f"{TEAM}/keys/{made.json()['id']}"
        assert (await mia.patch(key, json={"blocked": True})).json()["blocked_at"] is not None
        assert (await mia.patch(key, json={"blocked": False})).json()["blocked_at"] is None
        new = await mia.post(f"{key}/rotate", json={"overlap": 60})
        assert (new.status_code, bool(new.json()["key"])) == (201, True)
        assert (await mia.post(f"{key}/revoke")).json()["revoked_at"] is not None
        bobs = (await mia.post(f"{TEAM}/keys", json={"user": "bob"})).json()
        async with control.client(bobs["key"]) as bob:
            for path in ("/admin/me", "/admin/me/keys", "/key/info", "/user/info", "/user/daily/activity"):
                assert (await bob.get(path)).status_code == 403, path
            assert (await bob.get("/v1/model/info")).status_code == 200
        assert (await mia.post(f"{TEAM}/keys/{bobs['id']}/revoke")).json()["user"] == "bob"
        shown = (await mia.get(TEAM)).json()
        assert [one["user"] for one in shown["members"]] == ["mia", "bob"]
        assert [one["id"] for one in shown["keys"]] == [new.json()["id"]]
        assert (await mia.get(f"{TEAM}/usage?by=model")).json()["data"] == []
        assert (await mia.delete(f"{TEAM}/members?user=bob")).status_code == 200
        refused = await mia.get("/admin/me/teams/other")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_manager")
        assert (await mia.get("/admin/teams/web")).status_code == 403
    line = (await admin.get("/admin/changes")).json()["data"][0]
    assert (line["by"], line["through"], line["action"], line["noun"]) == ("mia", own["id"], "delete", "member")
