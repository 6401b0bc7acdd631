from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from glowplug.domain.oidc import OidcSettings
from glowplug.testing.fake_oidc import CLIENT, FakeOidc, serving
from tests.control.conftest import Control


@pytest.fixture
def provider(control: Control) -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        control.provider = OidcSettings(issuer=provider.issuer, client_id=CLIENT, auto_create=True)
        yield provider


async def test_out_and_back_and_in(control: Control, provider: FakeOidc) -> None:
    async with control.client() as browser, control.client() as thief:
        left = await browser.get("/auth/oidc/login")
        cookie = left.headers["set-cookie"]
        assert left.status_code == 303 and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A4000%2Fauth%2Foidc%2Fcallback" in left.headers["location"]
        back = provider.authorize(left.headers["location"])
        cross = {"sec-fetch-site": "cross-site"}
        done = await browser.get("/auth/oidc/callback", params=back, headers=cross)
        assert (done.status_code, done.headers["location"]) == (303, "/ui/#entered"), done.text
        assert (await browser.get("/auth/me")).json()["email"] == "ann@lab.example"
        assert (await browser.get("/auth/oidc/callback", params=back)).status_code == 403, "once"
        again = provider.authorize((await browser.get("/auth/oidc/login")).headers["location"])
        assert (await thief.get("/auth/oidc/callback", params=again)).status_code == 403, "another browser"
        assert (await thief.get("/auth/me")).status_code == 401


async def test_who_may_leave(control: Control, provider: FakeOidc) -> None:
    async with control.client() as browser:
        assert (await browser.get("/auth/oidc/tie")).status_code == 401
        evil = {"sec-fetch-site": "cross-site"}
        assert (await browser.get("/auth/oidc/login", headers=evil)).status_code == 403
        assert (await browser.get("/auth/oidc/login?x=1")).status_code == 400


async def test_a_refusal_of_the_provider(control: Control, provider: FakeOidc) -> None:
    async with control.client() as browser:
        state = provider.authorize((await browser.get("/auth/oidc/login")).headers["location"])["state"]
        back: dict[str, str] = {"state": state, "error": "access_denied"}
        refused: httpx.Response = await browser.get("/auth/oidc/callback", params=back)
        assert refused.status_code == 403
