from __future__ import annotations

import pytest

from glowplug.control.api.events import stream
from glowplug.control.events import Broadcaster, Event


def event(n: int) -> Event:
    return Event(kind="instance", at=float(n), data={"n": n})


async def test_everybody_hears_everything_in_order() -> None:
    broadcaster = Broadcaster()
    listeners = [broadcaster.subscribe() for _ in range(3)]
    for n in range(5):
        broadcaster.publish(event(n))
    broadcaster.close()
    for listener in listeners:
        assert [e.at async for e in listener] == [0, 1, 2, 3, 4]
        assert not listener.dropped
    assert len(broadcaster) == 0


async def test_a_slow_listener_is_dropped_and_the_others_are_not() -> None:
    broadcaster = Broadcaster(queue=2)
    slow, quick = broadcaster.subscribe(), broadcaster.subscribe()
    for n in range(4):
        broadcaster.publish(event(n))
        assert (await quick.next()) == event(n)
    assert slow.dropped
    assert [e.at async for e in slow] == [0, 1]
    assert len(broadcaster) == 1


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
