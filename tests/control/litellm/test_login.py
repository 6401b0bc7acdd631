from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import httpx
import pytest

from glowplug.domain.access import ApiKey, Role
from glowplug.secret import key_digest, unused_digest
from glowplug.store import keys
from glowplug.store.database import Database
from tests.control.api.test_logins import PASSWORD, actions, join
from tests.control.conftest import PEPPER, Control
from tests.control.litellm.test_mounted import shaped

GOOD = {"username": "ann@x.example", "password": PASSWORD}


@pytest.fixture
async def browser(control: Control, admin: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody yet; there is an admin Ann."""
    async with control.client() as other:
        await join(admin, other)
    async with control.client() as client:
        yield client


async def test_a_cookie_and_where_to_go(browser: httpx.AsyncClient, database: Database) -> None:
    answer = await browser.post("/v2/login", json={**GOOD, "remember": True})
    assert (answer.status_code, answer.json()) == (200, {"redirect_url": "http://127.0.0.1:4000/ui/#entered"})
    line = answer.headers["set-cookie"]
    assert line.startswith("glowplug_session=") and "HttpOnly" in line and "SameSite=Strict" in line
    me = (await browser.get("/auth/me")).json()
    assert (me["email"], me["role"]) == ("ann@x.example", "admin")
    assert (await browser.get("/key/list")).status_code == 200, "a session of an admin reads LiteLLM's endpoints too"
    assert (await browser.post("/key/generate", json={})).status_code == 403, "and changes nothing without its token"
    made = await browser.post("/key/generate", json={}, headers={"x-glowplug-csrf": me["csrf"]})
    assert made.status_code == 200, made.text
    assert "login" in await actions(database)


async def test_over_https_the_cookie_is_the_hosts(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/v2/login", json=GOOD, headers={"x-forwarded-proto": "https"})
    assert answer.json() == {"redirect_url": "https://127.0.0.1:4000/ui/#entered"}
    assert answer.headers["set-cookie"].startswith("__Host-glowplug=") and "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({**GOOD, "password": "wrong"}, 401),
        ({**GOOD, "username": "nobody@x.example"}, 401),
        ({"username": "ann@x.example"}, 401),
        ({"password": PASSWORD}, 401),
        ({"username": None, "password": None}, 401),
        ({}, 401),
        ({**GOOD, "password": "x" * 5000}, 401),
        ({**GOOD, "password": "x" * 9000}, 413),
        ({**GOOD, "password": {"$ne": ""}}, 400),
        ({**GOOD, "username": ["ann@x.example"]}, 400),
    ],
)
async def test_what_lets_nobody_in(browser: httpx.AsyncClient, sent: dict[str, Any], status: int) -> None:
    answer = await browser.post("/v2/login", json=sent)
    assert answer.status_code == status, answer.text
    error = shaped(answer)
    if status == 401:
        assert error["type"] == "auth_error"
        assert error["message"] == "the user or the password is wrong (try again)", "the same for all"
    assert PASSWORD not in answer.text and "set-cookie" not in answer.headers
    assert (await browser.get("/auth/me")).status_code == 401


async def test_the_tries_are_those_of_our_own_login(control: Control, browser: httpx.AsyncClient) -> None:
    for number in range(10):
        path, name = ("/v2/login", "username") if number % 2 else ("/auth/login", "user")
        assert (await browser.post(path, json={name: GOOD["username"], "password": "wrong"})).status_code == 401
    full = await browser.post("/v2/login", json=GOOD)
    assert full.status_code == 429 and 0 < int(full.headers["retry-after"]) <= 900
    shaped(full)
    control.clock.now += 901
    assert (await browser.post("/v2/login", json=GOOD)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost", "origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"host": "evil.example"},
    ],
)
async def test_pages_of_others_log_nobody_in(browser: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await browser.post("/v2/login", json=GOOD, headers=headers)
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


MASTER = "sk-master-0123456789abcdef"


async def master(control: Control, **fields: Any) -> ApiKey:
    """A key as an import leaves it that was not used yet."""
    foreign = sha256(MASTER.encode()).digest()
    made = {
        "id": "key_litellm",
        "name": "LiteLLM's master key",
        "display": "sk-…",
        "role": Role.ADMIN,
        "created_at": 1.0,
    }
    key = ApiKey(**{**made, "digest": unused_digest(PEPPER, foreign), "imported": foreign, **fields})
    await control.keys._database.run(lambda c: keys.add(c, key))
    await control.keys.load()
    return key


async def test_admin_and_the_master_key_let_in_whose_key_it_is(
    control: Control, admin: httpx.AsyncClient, browser: httpx.AsyncClient, database: Database
) -> None:
    key = await master(control)
    refused = await browser.post("/v2/login", json={"username": "admin", "password": MASTER})
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    assert f"glowplug keys update {key.id} --user USER" in shaped(refused)["message"] and MASTER not in refused.text
    (ann,) = [row["id"] for row in (await admin.get("/admin/users")).json()["data"]]
    assert (await admin.patch(f"/admin/keys/{key.id}", json={"user": ann})).status_code == 200
    answer = await browser.post("/v2/login", json={"username": " Admin", "password": MASTER})
    assert answer.json() == {"redirect_url": "http://127.0.0.1:4000/ui/#entered"}
    me = (await browser.get("/auth/me")).json()
    assert (me["id"], me["role"]) == (ann, "admin")
    assert (await actions(database))[-1] == "login"
    await admin.patch(f"/admin/users/{ann}", json={"role": "member"})
    assert (await browser.post("/v2/login", json={"username": "admin", "password": MASTER})).status_code == 403


@pytest.mark.parametrize(
    "fields",
    [{"role": Role.USER}, {"role": Role.VIEWER}, {"routes": ("/v1/*",)}, {"revoked_at": 1.0}, {"expires_at": 1.0},
     {"blocked_at": 1.0}, {"imported": b"", "digest": key_digest(PEPPER, MASTER.encode())}],
)  # fmt: skip
async def test_other_keys_let_nobody_in(control: Control, browser: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    await master(control, user="ann", **fields)
    answer = await browser.post("/v2/login", json={"username": "admin", "password": MASTER})
    assert (answer.status_code, shaped(answer)["message"]) == (401, "the user or the password is wrong (try again)")


async def test_a_key_under_another_name_or_after_too_many_tries(control: Control, browser: httpx.AsyncClient) -> None:
    await master(control)
    for name in ("ann@x.example", "administrator", ""):
        assert (await browser.post("/v2/login", json={"username": name, "password": MASTER})).status_code == 401
    for _ in range(10):
        assert (await browser.post("/v2/login", json={"username": "admin", "password": "sk-1"})).status_code == 401
    assert (await browser.post("/v2/login", json={"username": "admin", "password": MASTER})).status_code == 429
