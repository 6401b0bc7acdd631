"""A login that succeeds, as a browser does it, without anybody's password.

An admin key can invite: a person is made for the test, with no right beyond their own things and a random password that
nobody ever sees, logs in with it, is known by their cookie, changes nothing without the session's token, leaves, and is
forgotten, however it ends.  The audit log has it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from glowplug.smoke.asking import Server
from glowplug.smoke.probes import Answer, Asked, error_text

_QUICK_S: Final = 15.0
_NAME: Final = "glowplug smoke"
_LASTS_S: Final = 120
"""Of the invitation, should its test be killed."""
_CSRF: Final = "x-glowplug-csrf"


class NotAsked(Exception):
    """This server, or this key, lets nobody find out; the message says why."""


class NotLetIn(Exception):
    """A step that did not go as it should; the message says which and how."""


def log_in(server: Server) -> str:
    """Log somebody in and out again: what was seen.  Raises NotAsked, NotLetIn, OSError."""
    return _Visit(server).whole()


class _Visit:
    """The way of one person who is there for this only."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._email = f"smoke-{secrets.token_hex(8)}@smoke.invalid"
        self._password = secrets.token_urlsafe(32)
        self._invitation = ""
        self._user = ""

    def whole(self) -> str:
        try:
            self._join()
            self._come_and_go()
        finally:
            # Also when somebody interrupts it.
            left = self._forget()
        if left:
            raise NotLetIn(left)
        return "in with a password, known by a cookie, nothing changed without its token, out again"

    def _join(self) -> None:
        wanted = {"name": _NAME, "role": "member", "expires_in": _LASTS_S}
        answer = self._as_admin("POST", "/admin/invitations", wanted)
        if answer.status == 403:
            raise NotAsked(f"it takes an admin key to invite somebody: {error_text(answer.body)}")
        if answer.status == 404:
            raise NotAsked("nobody logs in here")
        made = _body(answer, 201, "an invitation")
        self._invitation = str(made.get("id", ""))
        token = str(made.get("link", "")).partition("#")[2]
        members = {"token": token, "email": self._email, "password": self._password, "name": _NAME}
        answer = self._as_page("POST", "/auth/claim", body=members)
        if _code(answer) == "https_needed":
            raise NotAsked(f"it wants https: {error_text(answer.body)}")
        self._user = str(_body(answer, 200, "the invitation's use").get("id", ""))

    def _come_and_go(self) -> None:
        members = {"user": self._email, "password": self._password}
        answer = self._as_page("POST", "/auth/login", body=members)
        if answer.status == 429:
            raise NotAsked(f"too many have tried of late: {error_text(answer.body)}")
        csrf = str(_body(answer, 200, "the login").get("csrf", ""))
        cookie, _, how = answer.headers.get("set-cookie", "").partition(";")
        if "httponly" not in how.lower() or "samesite=strict" not in how.lower():
            raise NotLetIn("the login gives no cookie that is safe from other pages and from programs")
        known = {"Cookie": cookie}
        for path in ("/auth/me", "/admin/me"):
            _body(self._as_page("GET", path, known), 200, path)
        bare = self._as_page("POST", "/auth/logout", known)
        if bare.status != 403:
            raise NotLetIn(f"status {bare.status} instead of 403 for a change without the session's token")
        _body(self._as_page("POST", "/auth/logout", {**known, _CSRF: csrf}), 200, "the logout")
        after = self._as_page("GET", "/auth/me", known)
        if after.status != 401:
            raise NotLetIn(f"status {after.status} instead of 401 after the logout")

    def _forget(self) -> str:
        """Take away who was made for this: what could not be, or empty.  Raises OSError."""
        found = []
        if self._user:
            answer = self._as_admin("DELETE", f"/admin/users/{quote(self._user, safe='')}")
            if answer.status != 200:
                found.append(f"the user {self._user} is left over (status {answer.status}: {error_text(answer.body)})")
        if self._invitation:
            answer = self._as_admin("DELETE", f"/admin/invitations/{quote(self._invitation, safe='')}")
            if answer.status != 200:
                found.append(f"the invitation {self._invitation} is left over (status {answer.status})")
        return "; ".join(found)

    def _as_admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        return self._server.ask(_asked(method, path, {}, body), _QUICK_S)

    def _as_page(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """As a page of this server asks: no key, and where it is from."""
        parts = urlsplit(self._server.name)
        own = {"Origin": f"{parts.scheme}://{parts.netloc}", "Sec-Fetch-Site": "same-origin", **(headers or {})}
        return self._server.ask(_asked(method, path, own, body), _QUICK_S, key="")


def _asked(method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> Asked:
    return Asked(path=path, method=method, headers=headers, body=msgspec.json.encode(body) if body else b"")


def _body(answer: Answer, status: int, what: str) -> dict[str, Any]:
    """Raises NotLetIn."""
    if answer.status != status:
        raise NotLetIn(f"{what}: status {answer.status} instead of {status}: {error_text(answer.body)}")
    try:
        said = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        raise NotLetIn(f"{what}: the answer has another shape")
    return said


def _code(answer: Answer) -> str:
    try:
        return str(msgspec.json.decode(answer.body)["error"]["code"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
