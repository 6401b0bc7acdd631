from __future__ import annotations

import httpx
import pytest


async def test_make_list_and_take_back(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/admin/invitations", json={"name": "Ann", "role": "viewer"})
    assert made.status_code == 201 and made.json()["link"].startswith("/ui/welcome#")
    (row,) = (await admin.get("/admin/invitations")).json()["data"]
    assert (row["name"], row["role"], row["link"]) == ("Ann", "viewer", None)
    dry = await admin.post("/admin/invitations?dry_run=1", json={"role": "admin"})
    assert (dry.status_code, dry.json()["link"]) == (200, None)
    assert (await admin.delete(f"/admin/invitations/{row['id']}?dry_run=1")).status_code == 200
    assert (await admin.get("/admin/invitations")).json()["data"] == [row]
    assert (await admin.delete(f"/admin/invitations/{row['id']}")).status_code == 200
    assert (await admin.get("/admin/invitations")).json() == {"data": []}


@pytest.mark.parametrize("body", [{"role": "root"}, {"nme": "x"}, {"expires_in": -1}])
async def test_mistakes(admin: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert (await admin.post("/admin/invitations", json=body)).status_code == 400


async def test_users_may_not(user: httpx.AsyncClient) -> None:
    assert (await user.get("/admin/invitations")).status_code == 403
    assert (await user.post("/admin/invitations", json={"role": "admin"})).status_code == 403
