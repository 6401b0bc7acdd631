from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from glowplug.store.database import Database
from tests.control.api.test_logins import PASSWORD, actions, join
from tests.control.conftest import Control
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
    assert (answer.status_code, answer.json()) == (200, {"redirect_url": "http://127.0.0.1:4000/ui/"})
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
    assert answer.json() == {"redirect_url": "https://127.0.0.1:4000/ui/"}
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
