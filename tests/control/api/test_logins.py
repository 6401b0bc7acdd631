from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.store.tables import changes
from tests.control.conftest import Control

PASSWORD = "a few good words"


@pytest.fixture
async def browser(control: Control) -> AsyncIterator[httpx.AsyncClient]:
    async with control.client() as client:
        yield client


async def invite(admin: httpx.AsyncClient, **what: Any) -> str:
    made = await admin.post("/admin/invitations", json=what)
    assert made.status_code == 201, made.text
    link: str = made.json()["link"]
    assert link.startswith("/ui/welcome#")
    return link.partition("#")[2]


async def join(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, email: str = "ann@x.example", role: str = "admin"
) -> dict[str, Any]:
    token = await invite(admin, name="Ann", role=role)
    claimed = await browser.post("/auth/claim", json={"token": token, "email": email, "password": PASSWORD})
    assert claimed.status_code == 200, claimed.text
    me: dict[str, Any] = claimed.json()
    return me


async def actions(database: Database) -> list[str]:
    return [row.action for row in await database.run(lambda c: c.execute(changes.select()).all())]


async def test_invited_in_out_and_in_again(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    me = await join(admin, browser)
    assert (me["name"], me["email"], me["role"]) == ("Ann", "ann@x.example", "admin")
    assert (await browser.get("/auth/me")).json()["csrf"] == me["csrf"]
    assert (await browser.get("/admin/keys")).status_code == 200
    assert (await browser.post("/auth/logout")).status_code == 403
    assert (await browser.get("/auth/me")).status_code == 200, "nothing was ended without the token"
    out = await browser.post("/auth/logout", headers={"x-glowplug-csrf": me["csrf"]})
    assert out.status_code == 200
    assert (await browser.get("/auth/me")).status_code == 401
    again = await browser.post("/auth/login", json={"user": "ANN@x.example", "password": PASSWORD})
    assert again.status_code == 200 and again.json()["csrf"] != me["csrf"]
    assert (await browser.get("/auth/me")).status_code == 200
    keys_of_the_rig = ["create", "create"]
    assert await actions(database) == [*keys_of_the_rig, "create", "claim", "logout", "login"]


async def test_no_answer_and_no_table_has_a_secret(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    token = await invite(admin, role="member")
    claimed = await browser.post("/auth/claim", json={"token": token, "email": "b@x", "password": PASSWORD})
    session = browser.cookies["glowplug_session"]
    shown = claimed.text + (await admin.get("/admin/invitations")).text + (await admin.get("/admin/sessions")).text
    for name in ("users", "passwords", "sessions", "invitations", "changes"):
        shown += await database.run(lambda c, n=name: repr(c.exec_driver_sql(f"select * from {n}").all()))
    for secret in (token, session, PASSWORD):
        assert secret not in shown
    line = claimed.headers["set-cookie"]
    assert "HttpOnly" in line and "SameSite=Strict" in line


async def test_an_invitation_is_good_once(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    token = await invite(admin, role="viewer")
    short = await browser.post("/auth/claim", json={"token": token, "email": "a@x", "password": "short"})
    assert short.status_code == 400, "and is still good"
    body = {"token": token, "email": "a@x", "password": PASSWORD}
    assert (await browser.post("/auth/claim", json=body)).status_code == 200
    for bad in (token, "", "nonsense"):
        refused = await browser.post("/auth/claim", json=body | {"token": bad, "email": "c@x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "invalid_invitation")
    late = await invite(admin, role="admin", expires_in=60)
    control.clock.now += 61
    assert (await browser.post("/auth/claim", json=body | {"token": late})).status_code == 403
    gone = await invite(admin, role="admin")
    newest = (await admin.get("/admin/invitations")).json()["data"][0]["id"]
    assert (await admin.delete(f"/admin/invitations/{newest}")).status_code == 200
    assert (await admin.delete(f"/admin/invitations/{newest}")).status_code == 404
    assert (await browser.post("/auth/claim", json=body | {"token": gone})).status_code == 403


async def test_an_address_is_one_users(control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await join(admin, browser)
    token = await invite(admin, role="member")
    body = {"token": token, "email": "ANN@X.example", "password": PASSWORD}
    assert (await browser.post("/auth/claim", json=body)).status_code == 409
    assert (await browser.post("/auth/claim", json=body | {"email": "bob@x.example"})).status_code == 200, "not used up"


async def test_a_new_password_ends_the_old_sessions(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    me = await join(admin, browser)
    token = await invite(admin, user="ann@x.example")
    assert (await browser.get("/auth/me")).status_code == 200
    async with control.client() as other:
        new = await other.post("/auth/claim", json={"token": token, "password": "another good one"})
        assert (new.status_code, new.json()["id"]) == (200, me["id"])
    assert (await browser.get("/auth/me")).status_code == 401
    old = await browser.post("/auth/login", json={"user": "ann@x.example", "password": PASSWORD})
    assert old.status_code == 401
    assert (await admin.post("/admin/invitations", json={"user": "nobody"})).status_code == 404


async def test_wrong_in_the_same_words(
    admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    me = await join(admin, browser)
    said = set()
    for user, password in (("ann@x.example", "wrong"), ("nobody@x.example", PASSWORD), ("", "")):
        refused = await browser.post("/auth/login", json={"user": user, "password": password})
        error = refused.json()["error"]
        said.add((refused.status_code, error["message"], error["code"]))
    assert len(said) == 1
    failed = await database.run(lambda c: c.execute(changes.select().where(changes.c.action == "login_failed")).all())
    assert sorted(row.subject for row in failed) == ["", "", me["id"]]
    assert "nobody" not in repr(failed)


async def test_a_user_is_limited_from_everywhere_and_an_address_for_everybody(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await join(admin, browser)

    async def attempt(user: str, address: str, password: str = "wrong") -> httpx.Response:
        headers = {"x-glowplug-peer": address}
        return await browser.post("/auth/login", json={"user": user, "password": password}, headers=headers)

    for number in range(10):
        assert (await attempt("ann@x.example", f"10.0.0.{number}")).status_code == 401
    full = await attempt("ANN@x.example", "10.9.9.9", PASSWORD)
    assert full.status_code == 429 and 0 < int(full.headers["retry-after"]) <= 900
    for number in range(30):
        assert (await attempt(f"u{number}", f"2001:db8::{number:x}")).status_code == 401
    assert (await attempt("u99", "2001:db8::ffff")).status_code == 429
    assert (await attempt("u99", "2001:db8:0:1::1")).status_code == 401
    control.clock.now += 901
    assert (await attempt("ann@x.example", "10.9.9.9", PASSWORD)).status_code == 200


async def test_sessions_end_by_themselves(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await join(admin, browser)
    for _ in range(14):
        control.clock.now += 43_000
        if control.clock.now - 1_764_000_000 < 7 * 86_400:
            assert (await browser.get("/auth/me")).status_code == 200
    control.clock.now += 43_000
    assert (await browser.get("/auth/me")).status_code == 401, "seven days are over"
    assert (await browser.post("/auth/login", json={"user": "ann@x.example", "password": PASSWORD})).status_code == 200
    control.clock.now += 86_401
    assert (await browser.get("/auth/me")).status_code == 401, "a day of silence"


async def test_list_and_end(control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    me = await join(admin, browser)
    csrf = {"x-glowplug-csrf": me["csrf"]}
    async with control.client() as other, control.client() as third:
        await other.post("/auth/login", json={"user": me["id"], "password": PASSWORD}, headers={"user-agent": "Fox"})
        rows = (await browser.get("/auth/sessions")).json()["data"]
        assert [row["current"] for row in rows].count(True) == 1 and len(rows) == 2
        (fox,) = [row["id"] for row in rows if row["agent"] == "Fox"]
        bob = await join(admin, third, "bob@x.example", "member")
        not_mine = await browser.delete(f"/auth/sessions/{bob['session']}", headers=csrf)
        assert not_mine.status_code == 404
        assert (await browser.delete(f"/auth/sessions/{fox}")).status_code == 403
        assert (await browser.delete(f"/auth/sessions/{fox}", headers=csrf)).status_code == 200
        assert (await other.get("/auth/me")).status_code == 401
        assert (await third.get("/admin/keys")).status_code == 403, "a member is no admin"
        assert (await admin.delete(f"/admin/sessions/{bob['session']}")).status_code == 200
        assert (await third.get("/auth/me")).status_code == 401


async def test_a_blocked_or_deleted_user_is_out(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    me = await join(admin, browser)
    await database.run(lambda c: c.exec_driver_sql("update users set blocked_at = 1.0"))
    assert (await browser.get("/auth/me")).status_code == 401
    refused = await browser.post("/auth/login", json={"user": "ann@x.example", "password": PASSWORD})
    assert refused.status_code == 401
    await database.run(lambda c: c.exec_driver_sql("update users set blocked_at = null"))
    assert (await browser.get("/auth/me")).status_code == 200
    await database.run(lambda c: logins.forget(c, me["id"]))
    assert (await browser.get("/auth/me")).status_code == 401


async def test_a_session_is_no_key(admin: httpx.AsyncClient, browser: httpx.AsyncClient) -> None:
    await join(admin, browser)
    assert (await browser.get("/v1/responses/resp_1")).status_code == 401
    csrf = {"x-glowplug-csrf": (await browser.get("/auth/me")).json()["csrf"]}
    plan = await browser.post("/admin/route", json={"model": "x"}, headers=csrf)
    assert plan.status_code == 400 and "say which API key" in plan.text


async def test_plain_http_is_for_loopback(control: Control, browser: httpx.AsyncClient) -> None:
    body = {"user": "ann", "password": PASSWORD}
    refused = await browser.post(
        "/auth/login", json=body, headers={"host": "localhost", "origin": "http://localhost:1"}
    )
    assert refused.status_code == 403


async def test_a_hash_of_other_costs_is_made_anew(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    from glowplug.secret import Secret
    from glowplug.usecases.passwords import Cost, Passwords

    me = await join(admin, browser)
    old = await Passwords(Cost(memory=128, passes=1, lanes=1)).hash(Secret(PASSWORD))
    await database.run(lambda c: logins.set_password(c, me["id"], old, 1.0))
    for _ in range(2):
        body = {"user": me["id"], "password": PASSWORD}
        assert (await browser.post("/auth/login", json=body)).status_code == 200
        stored = await database.run(lambda c: logins.password(c, me["id"]))
        assert stored is not None and stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
