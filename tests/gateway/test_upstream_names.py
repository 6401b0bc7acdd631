"""Providers whose names do not resolve, resolve slowly, or stop to: on the loop whose resolver a test can replace."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from glowplug.domain.snapshot import AliasRoute
from glowplug.testing.fault_scripts import Close, plain
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import GOOD, Live, Run, Test
from tests.gateway.rig import chat, cloud

BOTH = (AliasRoute(name="both", targets=("named", "good")),)
Resolver = Callable[..., Any]


@pytest.fixture
def here(tmp_path: Path) -> Run:
    async def whole(test: Test) -> None:
        live = Live(tmp_path)
        await live.start()
        try:
            await asyncio.wait_for(test(live), 30)
        finally:
            await live.stop()

    def run(test: Test) -> None:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(whole(test))

    return run


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """Set when the test is over, so that a resolver that hangs lets its thread go."""
    event = threading.Event()
    yield event
    event.set()


def _named(port: int = 1, **more: Any) -> Any:
    return cloud("named", base_url=f"http://provider.test:{port}/v1", **more)


@pytest.mark.parametrize("error", [
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
])  # fmt: skip
def test_a_name_that_does_not_resolve(here: Run, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    asked: list[Any] = []

    def fail(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        raise error

    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as good:
            live.serve(_named(connect_timeout=20.0), cloud("good", good.port), aliases=BOTH)
            monkeypatch.setattr(socket, "getaddrinfo", fail)
            began = monotonic()
            answer = await live.ask(chat("both"))
            assert (answer.status, answer.headers["x-glowplug-model"]) == (200, "good")
            assert monotonic() - began < 5
            alone = await live.ask(chat("named"))
            assert alone.status == 502
            assert str(error.strerror) in alone.json["error"]["message"]
            assert asked == ["provider.test"] * 2

    here(test)


def test_a_resolver_that_hangs(here: Run, monkeypatch: pytest.MonkeyPatch, stuck: threading.Event) -> None:
    def hang(*_: Any, **__: Any) -> Any:
        assert stuck.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "too late")

    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as good:
            live.serve(_named(connect_timeout=0.2), cloud("good", good.port), aliases=BOTH)
            monkeypatch.setattr(socket, "getaddrinfo", hang)
            began = monotonic()
            answer = await live.ask(chat("both"))
            assert (answer.status, answer.headers["x-glowplug-model"]) == (200, "good")
            assert 0.2 <= monotonic() - began < 5
            alone = await live.ask(chat("named"))
            assert "connecting took too long" in alone.json["error"]["message"]
            stuck.set()

    here(test)


def test_a_name_that_stops_to_resolve_while_a_connection_is_kept(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    known = True

    def look(host: str, *rest: Any, **more: Any) -> Any:
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "gone")
        return real("127.0.0.1" if host == "provider.test" else host, *rest, **more)

    async def test(live: Live) -> None:
        nonlocal known
        async with FaultUpstream(plain(GOOD)) as upstream:
            live.serve(_named(upstream.port))
            monkeypatch.setattr(socket, "getaddrinfo", look)
            assert (await live.ask(chat("named"))).status == 200
            known = False
            assert (await live.ask(chat("named"))).status == 200
            pool = live.plane.tables.targets["named"].pool
            assert pool is not None
            assert len(pool.open) == 1

    here(test)


def test_a_name_that_moves_is_followed_by_the_next_connection(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    address = "127.0.0.1"

    def look(host: str, *rest: Any, **more: Any) -> Any:
        return real(address if host == "provider.test" else host, *rest, **more)

    async def test(live: Live) -> None:
        nonlocal address
        async with (
            FaultUpstream({0: plain(GOOD), "*": (*plain(GOOD), Close())}) as old,
            FaultUpstream(plain(GOOD), host="127.0.0.2", port=old.port) as new,
        ):
            live.serve(_named(old.port))
            monkeypatch.setattr(socket, "getaddrinfo", look)
            assert (await live.ask(chat("named"))).status == 200
            address = "127.0.0.2"
            assert (await live.ask(chat("named"))).status == 200
            await old.ended(1)
            assert (len(old.requests), len(new.requests)) == (2, 0), "what is connected stays"
            for _ in range(2):
                assert (await live.ask(chat("named"))).status == 200
            assert (len(old.requests), len(new.requests)) == (2, 2)

    here(test)


def test_a_resolver_that_hangs_holds_nobody_else_up(
    here: Run, monkeypatch: pytest.MonkeyPatch, stuck: threading.Event
) -> None:
    def hang(*_: Any, **__: Any) -> Any:
        assert stuck.wait(30)
        raise socket.gaierror(socket.EAI_NONAME, "too late")

    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as good:
            live.serve(_named(connect_timeout=3.0), cloud("good", good.port), aliases=BOTH)
            assert (await live.ask(chat("good"))).status == 200  # has its connection before the resolver hangs
            monkeypatch.setattr(socket, "getaddrinfo", hang)
            slow = [asyncio.ensure_future(live.ask(chat("named"))) for _ in range(3)]
            began = monotonic()
            for _ in range(20):
                assert (await live.ask(chat("good"))).status == 200
            assert monotonic() - began < 2.0
            assert [answer.status for answer in await asyncio.gather(*slow)] == [502] * 3
            stuck.set()

    here(test)


def test_a_name_that_is_none(live: Run) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as good:
            wrong = cloud("named", base_url=f"http://{'a' * 64}.test/v1")
            live.serve(wrong, cloud("good", good.port), aliases=BOTH)
            assert (await live.ask(chat("both"))).headers["x-glowplug-model"] == "good"

    live(test)
