from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from glowplug.control import cookies
from glowplug.errors import Forbidden


@pytest.mark.parametrize(
    ("host", "sent", "token"),
    [
        ("localhost", "glowplug_session=a", "a"),
        ("[::1]:4000", " x=y;glowplug_session=a ", "a"),
        ("box.lan", "glowplug_session=a", None),
        ("localhost.evil.example", "glowplug_session=a", None),
        ("box.lan", "__Host-glowplug=a", "a"),
        ("localhost", "glowplug_session=b; __Host-glowplug=a", "a"),
        ("localhost", "glowplug_session=b; __Host-glowplug=", None),
        ("localhost", "glowplug_session=b; glowplug_session=a", None),
        ("localhost", "xglowplug_session=a; glowplug_session", None),
        ("localhost", "", None),
    ],
)
def test_which_token_is_taken(host: str, sent: str, token: str | None) -> None:
    assert cookies.token_in(Headers({"host": host, "cookie": sent})) == token


@pytest.mark.parametrize(
    ("headers", "begins", "secure"),
    [
        ({"host": "localhost:4000"}, "glowplug_session=t; ", False),
        ({"host": "box.lan", "origin": "https://box.lan"}, "__Host-glowplug=t; ", True),
        ({"host": "box.lan", "x-forwarded-proto": "https"}, "__Host-glowplug=t; ", True),
    ],
)
def test_the_cookie_that_is_set(headers: dict[str, str], begins: str, secure: bool) -> None:
    cookie = cookies.set_cookie(Headers(headers), "t", 60.0)
    assert cookie.startswith(begins) and ("; Secure" in cookie) is secure
    assert "; HttpOnly" in cookie and "; SameSite=Strict" in cookie and "; Path=/" in cookie and "Domain" not in cookie


@pytest.mark.parametrize("headers", [{"host": "box.lan"}, {"host": "box.lan", "origin": "http://box.lan"}, {}])
def test_no_password_over_plain_http(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="need https"):
        cookies.set_cookie(Headers(headers), "t", 60.0)


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"host": "a:1"}, True),
        ({"host": "a:1", "origin": "http://A:1"}, True),
        ({"host": "a:1", "origin": "http://a:2"}, False),
        ({"host": "a:1", "origin": "null"}, False),
        ({"host": "a:1", "sec-fetch-site": "none"}, True),
        ({"host": "a:1", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_whose_page_it_is(headers: dict[str, str], good: bool) -> None:
    if good:
        cookies.own_page(Headers(headers))
    else:
        with pytest.raises(Forbidden):
            cookies.own_page(Headers(headers))


def test_a_logout_clears_both() -> None:
    assert [c.partition("=")[0] for c in cookies.clear_cookies()] == [cookies.SECURE, cookies.LOOPBACK]
    assert all("Max-Age=0" in c for c in cookies.clear_cookies())
