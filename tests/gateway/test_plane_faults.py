"""Fault F13 (docs/design/faults.md): the wall clock jumps by hours while requests run."""

from __future__ import annotations

import time

import pytest

from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway import plane
from glowplug.testing.fault_scripts import Mark, Wait, pieces_of, stalled
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import KEY, Rig, chat, cloud, key, snapshot, whole
from tests.gateway.wires import NATIVE, Road, by_road, check_counted, two

HOURS = (-30.0, 5.0)
real_time = time.time


def jump(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """From now on the wall clock is this far off, wherever the gateway reads it."""
    for place in ("glowplug.gateway.plane.time", "glowplug.gateway.kinds.time", "glowplug.gateway.roads.time"):
        monkeypatch.setattr(place, lambda: real_time() + hours * 3600.0)


@pytest.mark.parametrize("hours", HOURS)
@by_road(NATIVE)
def test_f13_a_stream_goes_on_and_is_recorded_at_its_true_time(
    live: Run, road: Road, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(live: Live) -> None:
        said = road.said
        begin, *rest = pieces_of(*said.frames, media=said.media)
        count = len(said.begun)
        async with FaultUpstream((begin, *rest[:count], Mark("half"), Wait("go"), *rest[count:])) as upstream:
            two(live, road, upstream, upstream)
            talk = await road.talk(live, "a")
            await talk.until("Gr")
            jump(monkeypatch, hours)
            live.plane._look_at_the_clock()
            live.plane.sweep(time.monotonic())
            upstream.let("go")
            seen = await talk.rest()
            seen.check_whole()
            (await road.ask(live, "a")).check_whole()
            check_counted(live, "ok", "ok")
            for end in live.journal.ends:
                assert abs(end.started - real_time()) < 60.0
                assert 0.0 <= end.duration < 60.0

    live(test)


@pytest.mark.parametrize("hours", HOURS)
@by_road(NATIVE[:1])
def test_f13_timeouts_come_when_they_are_due(
    live: Run, road: Road, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(stalled()) as bad, FaultUpstream(road.good()) as good:
            live.serve(
                road.route("a", bad.port, first_byte_timeout=0.3), road.route("b", good.port),
                aliases=(AliasRoute(name="ab", targets=("a", "b")),),
            )  # fmt: skip
            jump(monkeypatch, hours)
            began = time.monotonic()
            (await road.ask(live, "ab")).check_whole()
            assert 0.3 <= time.monotonic() - began < 5.0
            check_counted(live, "timeout", "ok")

    live(test)


@pytest.mark.parametrize("hours", HOURS)
def test_f13_limits_neither_open_nor_close(rig: Rig, hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.apply(snapshot(models=(cloud("cloud"),), aliases=(), keys=(key(KEY, "user", rpm=2),)))
    for _ in range(2):
        client = rig.ask(chat("cloud"))
        rig.reply(whole(), "cloud")
        assert client.answer.status == 200
    jump(monkeypatch, hours)
    rig.plane._look_at_the_clock()
    refused = rig.ask(chat("cloud"))
    assert refused.answer.status == 429, "a clock that goes on opens no limit"
    assert 0 < float(refused.answer.headers["retry-after"]) <= 60


def test_f13_a_key_expires_by_the_time_that_was_believed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.apply(snapshot(models=(cloud("cloud"),), aliases=(), keys=(key(KEY, "user", expires_at=real_time() + 3600.0),)))
    jump(monkeypatch, 5.0)
    rig.plane._look_at_the_clock()
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200


def test_the_clock_that_is_turned_is_the_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nothing above would prove anything."""
    jump(monkeypatch, 5.0)
    assert plane.time() - real_time() == pytest.approx(5 * 3600.0, abs=5.0)
