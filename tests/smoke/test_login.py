"""Somebody logs in to the real control process's app, without a port between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from glowplug.smoke.login import NotAsked, NotLetIn, log_in
from glowplug.smoke.probes import Answer, Asked
from glowplug.store import logins
from glowplug.store.tables import sessions
from tests.control.conftest import Control
from tests.smoke.test_run import said
from tests.support.sqlite import opened

Odd = Callable[[Asked], Answer | None]


class Real:
    """The app, asked from another thread as over a port."""

    name = "http://127.0.0.1:4000"

    def __init__(self, control: Control, key: str) -> None:
        self.control = control
        self.key = key
        self.loop = asyncio.get_running_loop()
        self.odd: Odd = lambda asked: None
        self.asked: list[str] = []

    def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
        self.asked.append(f"{asked.method} {asked.path}")
        return self.odd(asked) or asyncio.run_coroutine_threadsafe(self._ask(asked, key), self.loop).result(30)

    async def _ask(self, asked: Asked, key: str | None) -> Answer:
        async with self.control.client((self.key if key is None else key) or None) as client:
            got = await client.request(asked.method, asked.path, content=asked.body, headers=dict(asked.headers))
        return Answer(status=got.status_code, headers={**got.headers}, body=got.content)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    database = opened(tmp_path / "glowplug.db")
    control = Control(database, tmp_path)
    await control.make_keys()
    yield control
    database.close()


async def left(control: Control) -> list[Any]:
    """Of whoever was made for it."""
    every: Any = lambda c: [*logins.invitations_there(c), *c.execute(sessions.select()).all()]  # noqa: E731
    return [*control.users.list(100, "").data, *await control.logins._database.run(every)]


async def test_somebody_logs_in_and_leaves_nothing_behind(control: Control) -> None:
    server = Real(control, control.admin_key)
    assert "out again" in await asyncio.to_thread(log_in, server)
    assert await left(control) == []
    assert "POST /auth/login" in server.asked and "POST /auth/logout" in server.asked


def on(line: str, answer: Answer | type[BaseException]) -> Odd:
    """One request is answered so; the others as they are."""

    def play(asked: Asked) -> Answer | None:
        if f"{asked.method} {asked.path}" != line:
            return None
        if isinstance(answer, type):
            raise answer
        return answer

    return play


@pytest.mark.parametrize(("odd", "why"), [
    (on("POST /auth/login", said({"error": {"message": "no"}}, 401)), "the login: status 401 instead of 200: no"),
    (on("POST /auth/login", said(b"in")), "the login: the answer has another shape"),
    (on("POST /auth/login", said({"csrf": "x"}, **{"set-cookie": "a=b; HttpOnly"})), "no cookie that is safe"),
    (on("GET /admin/me", said({}, 500)), "/admin/me: status 500 instead of 200"),
    (on("POST /auth/logout", said({})), "instead of 403 for a change without the session's token"),
])  # fmt: skip
async def test_what_lets_nobody_in_is_said_and_nobody_is_left(control: Control, odd: Odd, why: str) -> None:
    server = Real(control, control.admin_key)
    server.odd = odd
    with pytest.raises(NotLetIn, match=why):
        await asyncio.to_thread(log_in, server)
    assert await left(control) == []


async def test_a_session_that_outlives_its_logout_is_seen(control: Control) -> None:
    server = Real(control, control.admin_key)

    def deaf(asked: Asked) -> Answer | None:
        return said({}) if asked.path == "/auth/logout" and "x-glowplug-csrf" in asked.headers else None

    server.odd = deaf
    with pytest.raises(NotLetIn, match="status 200 instead of 401 after the logout"):
        await asyncio.to_thread(log_in, server)
    assert await left(control) == []


async def test_whoever_interrupts_it_leaves_nobody(control: Control) -> None:
    server = Real(control, control.admin_key)
    server.odd = on("GET /auth/me", ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(log_in, server)
    assert await left(control) == []


async def test_who_could_not_be_taken_away_is_named(control: Control) -> None:
    server = Real(control, control.admin_key)
    server.odd = lambda asked: said({"error": "busy"}, 503) if asked.method == "DELETE" else None
    with pytest.raises(
        NotLetIn, match=r"the user user_\w+ is left over \(status 503: busy\); the invitation .* is left"
    ):
        await asyncio.to_thread(log_in, server)


@pytest.mark.parametrize(("odd", "why"), [
    (on("POST /admin/invitations", said({}, 404)), "nobody logs in here"),
    (on("POST /auth/claim", said({"error": {"message": "tls", "code": "https_needed"}}, 403)), "it wants https: tls"),
    (on("POST /auth/login", said({"error": {"message": "wait"}}, 429)), "too many have tried of late: wait"),
])  # fmt: skip
async def test_where_nobody_can_log_in_nothing_is_wrong(control: Control, odd: Odd, why: str) -> None:
    server = Real(control, control.admin_key)
    server.odd = odd
    with pytest.raises(NotAsked, match=why):
        await asyncio.to_thread(log_in, server)
    assert await left(control) == []


async def test_it_takes_an_admin_key(control: Control) -> None:
    with pytest.raises(NotAsked, match="it takes an admin key"):
        await asyncio.to_thread(log_in, Real(control, control.user_key))
