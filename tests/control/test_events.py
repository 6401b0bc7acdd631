from __future__ import annotations

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
