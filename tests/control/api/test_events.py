from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from glowplug.control.api.events import stream
from glowplug.control.events import Broadcaster, Event
from tests.control.conftest import Control
from tests.control.serving import served
from tests.waiting import until


def event(n: int) -> Event:
    return Event(kind="instance", at=float(n), data={"n": n})


async def test_the_stream_has_frames_heartbeats_and_an_end() -> None:
    broadcaster = Broadcaster(queue=1)
    frames = stream(broadcaster, heartbeat=0.001)
    assert await anext(frames) == b": listening\n\n"
    assert await anext(frames) == b": alive\n\n"
    broadcaster.publish(event(1))
    assert await anext(frames) == b'event: instance\ndata: {"kind":"instance","at":1.0,"data":{"n":1}}\n\n'
    broadcaster.publish(event(2))
    broadcaster.publish(event(3))
    assert (await anext(frames)).startswith(b"event: instance")
    assert (await anext(frames)).startswith(b"event: dropped")
    with pytest.raises(StopAsyncIteration):
        await anext(frames)


async def test_leaving_unsubscribes() -> None:
    broadcaster = Broadcaster()
    frames = stream(broadcaster)
    await anext(frames)
    assert len(broadcaster) == 1
    await frames.aclose()  # type: ignore[attr-defined]
    assert len(broadcaster) == 0


async def test_events_arrive_one_by_one_and_leaving_leaves_nothing_behind(control: Control, tmp_path: Path) -> None:
    async with served(control, tmp_path / "c.sock") as client:
        async with client.stream("GET", "/admin/events") as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            lines = response.aiter_lines()
            assert await asyncio.wait_for(anext(lines), 5) == ": listening"
            control.events.publish(Event(kind="config", at=1.0, data={"changed": ["x"]}))
            assert await asyncio.wait_for(anext(lines), 5) == ""
            assert await asyncio.wait_for(anext(lines), 5) == "event: config"
            assert (
                await asyncio.wait_for(anext(lines), 5) == 'data: {"kind":"config","at":1.0,"data":{"changed":["x"]}}'
            )
        await until(lambda: len(control.events) == 0)
        assert (await client.get("/admin/status")).status_code == 200


async def test_unknown_parameters_are_refused_before_anything_streams(
    control: Control, admin: httpx.AsyncClient
) -> None:
    assert (await admin.get("/admin/events?since=1")).status_code == 400
    assert len(control.events) == 0
