"""Which programs came: once each, the first time counts, and whoever listens hears of it."""

from __future__ import annotations

from glowplug.control.events import Broadcaster
from glowplug.control.sightings import Sightings
from glowplug.usecases.clients import sighting
from tests.still_clock import StillClock


async def test_a_program_is_new_once_and_the_earliest_worker_is_right() -> None:
    events = Broadcaster()
    listener = events.subscribe()
    sightings = Sightings(events, StillClock())
    sightings.note("key_1", "codex_exec/0.171.0 (Debian)", 20.0)
    sightings.note("key_1", "codex_exec/0.171.0 (Debian)", 10.0)
    sightings.note("key_1", "codex_exec/0.171.0 (Debian)", 30.0)
    sightings.note("key_2", "curl/8.14", 40.0)
    events.close()
    first, second = [event async for event in listener]
    assert first.kind == second.kind == "client"
    assert first.data == sighting("key_1", "codex_exec/0.171.0 (Debian)", 20.0)
    assert [(one.key, one.client, one.first, one.last) for one in sightings.every()] == [
        ("key_2", "curl", 40.0, 40.0),
        ("key_1", "codex", 10.0, 30.0),
    ]


async def test_who_is_refused_again_is_news_again() -> None:
    events = Broadcaster()
    listener = events.subscribe()
    sightings = Sightings(events, StillClock())
    for at in (10.0, 20.0, 15.0):
        sightings.note("", "Zed/1.2", at)
    events.close()
    assert [event.data async for event in listener] == [
        sighting("", "Zed/1.2", 10.0), sighting("", "Zed/1.2", 10.0, 20.0),
    ]  # fmt: skip


def test_what_is_remembered_has_a_bound() -> None:
    sightings = Sightings(Broadcaster(), StillClock())
    for number in range(5000):
        sightings.note("key", f"{number}", float(number))
    assert len(sightings.every()) == 4096
    assert sightings.every()[-1].agent == "904"
