from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_a_member_sees_and_makes_what_is_theirs(control: Control, admin: httpx.AsyncClient) -> None:
    await admin.post("/admin/users", json={"id": "ann"})
    key = (await admin.post("/admin/keys", json={"user": "ann", "models": ["cloud"]})).json()
    async with control.client(key["key"]) as ann:
        assert (await ann.get("/admin/me")).json()["user"]["id"] == "ann"
        made = await ann.post("/admin/me/keys", json={"name": "second"})
        assert (made.status_code, made.json()["models"]) == (201, ["cloud"])
        assert (await ann.post("/admin/me/keys", json={"role": "admin"})).status_code == 400
        assert (await ann.post("/admin/me/keys", json={"models": ["local"]})).status_code == 403
        gone = await ann.post(f"/admin/me/keys/{made.json()['id']}/revoke")
        assert gone.json()["revoked_at"] is not None
        own = control.keys.find(control.admin_key)
        assert own is not None
        assert (await ann.post(f"/admin/me/keys/{own.id}/revoke")).status_code == 404
    line = (await admin.get("/admin/changes")).json()["data"][0]
    assert (line["by"], line["through"], line["action"]) == ("ann", key["id"], "revoke")
