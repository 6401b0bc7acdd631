from __future__ import annotations

import httpx

from tests.control.api.test_logins import PASSWORD, join
from tests.control.conftest import Control


async def test_everybodys_for_admins(control: Control, admin: httpx.AsyncClient) -> None:
    async with control.client() as ann, control.client() as bob:
        one, other = await join(admin, ann), await join(admin, bob, "bob@x.example", "member")
        rows = (await admin.get("/admin/sessions")).json()["data"]
        assert {row["user"] for row in rows} == {one["id"], other["id"]} and not any(row["current"] for row in rows)
        theirs = (await admin.get(f"/admin/sessions?user={other['id']}")).json()["data"]
        assert [row["id"] for row in theirs] == [other["session"]]
        assert (await admin.get("/admin/sessions?mine=1")).json() == {"data": []}, "the key belongs to nobody"
        tried = await admin.delete(f"/admin/sessions/{other['session']}?dry_run=1")
        assert (tried.json()["dry_run"], (await bob.get("/auth/me")).status_code) == (True, 200)
        assert (await admin.delete(f"/admin/sessions/{other['session']}")).json()["user"] == other["id"]
        assert (await bob.get("/auth/me")).status_code == 401
        assert (await admin.delete("/admin/sessions/none")).status_code == 404
        assert (await admin.delete("/admin/sessions")).status_code == 400
        assert (await admin.delete("/admin/sessions?mine=1")).status_code == 400
        tried = await admin.delete(f"/admin/sessions?user={one['id']}&dry_run=1")
        assert len(tried.json()["sessions"]) == 1 and (await ann.get("/auth/me")).status_code == 200
        assert len((await admin.delete(f"/admin/sessions?user={one['id']}")).json()["sessions"]) == 1
        assert (await ann.get("/auth/me")).status_code == 401
    lines = (await admin.get("/admin/changes?noun=session")).json()["data"]
    assert sorted(line["subject"] for line in lines) == sorted((one["session"], other["session"]))


async def test_ones_own_for_members(control: Control, admin: httpx.AsyncClient) -> None:
    async with control.client() as ann, control.client() as again, control.client() as bob:
        other, me = await join(admin, ann), await join(admin, bob, "bob@x.example", "member")
        await again.post("/auth/login", json={"user": me["id"], "password": PASSWORD})
        csrf = {"x-glowplug-csrf": me["csrf"]}
        rows = (await bob.get("/admin/sessions")).json()["data"]
        assert [row["user"] for row in rows] == [me["id"]] * 2 and sum(row["current"] for row in rows) == 1
        assert (await bob.get(f"/admin/sessions?user={other['id']}")).status_code == 403
        assert (await bob.delete(f"/admin/sessions/{other['session']}", headers=csrf)).status_code == 404
        assert (await bob.delete(f"/admin/sessions?user={other['id']}", headers=csrf)).status_code == 403
        assert (await bob.delete("/admin/sessions")).status_code == 403, "without the session's token"
        assert len((await bob.delete("/admin/sessions", headers=csrf)).json()["sessions"]) == 1
        assert ((await bob.get("/auth/me")).status_code, (await again.get("/auth/me")).status_code) == (200, 401)
        assert (await ann.get("/auth/me")).status_code == 200
        key = (await admin.post("/admin/keys", json={"user": me["id"]})).json()["key"]
        async with control.client(key) as script:
            (row,) = (await script.get("/admin/sessions")).json()["data"]
            assert (await script.delete(f"/admin/sessions/{row['id']}")).status_code == 200
        assert (await bob.get("/auth/me")).status_code == 401


async def test_a_key_of_nobody_and_a_viewer(
    control: Control, admin: httpx.AsyncClient, user: httpx.AsyncClient
) -> None:
    async with control.client() as ann:
        me = await join(admin, ann)
        assert (await user.get("/admin/sessions")).json() == {"data": []}
        assert (await user.delete(f"/admin/sessions/{me['session']}")).status_code == 404
        assert (await user.delete("/admin/sessions")).status_code == 400
        viewer = (await admin.post("/admin/keys", json={"role": "viewer", "user": me["id"]})).json()["key"]
        async with control.client(viewer) as looks:
            assert len((await looks.get("/admin/sessions")).json()["data"]) == 1
            assert (await looks.delete(f"/admin/sessions/{me['session']}")).status_code == 403
        assert (await ann.get("/auth/me")).status_code == 200
