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


async def test_a_session_sees_its_user_and_makes_no_key(control: Control, admin: httpx.AsyncClient) -> None:
    link: str = (await admin.post("/admin/invitations", json={"name": "Ann", "role": "member"})).json()["link"]
    claim = {"token": link.partition("#")[2], "email": "ann@x.example", "password": "a few good words"}
    async with control.client() as browser:
        assert (await browser.get("/admin/me")).status_code == 401
        me = (await browser.post("/auth/claim", json=claim)).json()
        await admin.post("/admin/keys", json={"user": me["id"], "name": "laptop"})
        shown = (await browser.get("/admin/me")).json()
        assert (shown["user"]["id"], shown["role"], shown["key"]) == (me["id"], "user", None)
        assert [key["name"] for key in shown["keys"]] == ["laptop"]
        headers = {"x-glowplug-csrf": me["csrf"]}
        assert (await browser.post("/admin/me/keys", json={}, headers=headers)).status_code == 401
        foreign = {"origin": "https://evil.example"}
        assert (await browser.get("/admin/me", headers=foreign)).status_code == 403
        await admin.patch(f"/admin/users/{me['id']}", json={"blocked": True})
        await admin.patch(f"/admin/users/{me['id']}", json={"blocked": False})
        assert (await browser.get("/admin/me")).status_code == 401


async def test_a_password_of_ones_own_ends_the_other_sessions(control: Control, admin: httpx.AsyncClient) -> None:
    link: str = (await admin.post("/admin/invitations", json={"name": "Ann", "role": "member"})).json()["link"]
    old, new = "a few good words", "some other good words"
    claim = {"token": link.partition("#")[2], "email": "ann@x.example", "password": old}
    async with control.client() as browser, control.client() as other:
        me = (await browser.post("/auth/claim", json=claim)).json()
        assert (await other.post("/auth/login", json={"user": "ann@x.example", "password": old})).status_code == 200
        url, headers = "/admin/me/password", {"x-glowplug-csrf": me["csrf"]}
        both = {"current": old, "password": new}
        assert (await browser.post(url, json=both)).status_code == 403, "without the session's token"
        wrong = await browser.post(url, json={**both, "current": "wrong"}, headers=headers)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "wrong_password")
        assert (await browser.post(url, json={**both, "password": "short"}, headers=headers)).status_code == 400
        assert (await other.get("/admin/me")).status_code == 200
        assert (await browser.post(url, json=both, headers=headers)).status_code == 200
        assert (await browser.get("/admin/me")).status_code == 200
        assert (await other.get("/admin/me")).status_code == 401
        assert (await other.post("/auth/login", json={"user": me["id"], "password": old})).status_code == 401
        assert (await other.post("/auth/login", json={"user": me["id"], "password": new})).status_code == 200
        log = await admin.get("/admin/changes")
        lines = [line for line in log.json()["data"] if line["action"] == "password"]
        assert [(line["by"], line["subject"], line["after"]) for line in lines] == [(me["id"], me["id"], None)]
        assert old not in log.text and new not in log.text
        answers = [await browser.post(url, json={**both, "current": "no"}, headers=headers) for _ in range(11)]
        assert {one.status_code for one in answers[:8]} == {401} and answers[-1].status_code == 429
    nobodys = await admin.post(url, json=both)
    assert nobodys.status_code == 401, "a key that belongs to nobody has no password"
