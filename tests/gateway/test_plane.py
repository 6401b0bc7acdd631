"""What connections share: accounting, limits, the sweep, the end of a worker."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

import pytest

from glowplug.domain.model import OnDisconnect
from glowplug.domain.snapshot import Limits
from glowplug.domain.usage import AttemptClosed
from glowplug.errors import StoreError
from glowplug.gateway.metrics import by_model
from glowplug.testing.fault_scripts import (
    EVENT_STREAM,
    Send,
    Wait,
    chunk,
    event,
    head,
    stream,
)
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import (
    Rig,
    Wire,
    chat,
    cloud,
    delta,
    local,
    payloads,
    request,
    responses,
    snapshot,
    whole,
)


def test_what_cannot_be_recorded_is_not_sent(rig: Rig) -> None:
    rig.journal.full = True
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.code == "journal_unavailable"
    assert rig.ups == []


def test_a_wall_clock_that_jumps_moves_neither_windows_nor_records(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rig.plane.unix_offset
    assert before == pytest.approx(time.time() - time.monotonic(), abs=1.0)
    for hours in (-30, 5):
        jumped = time.time() + hours * 3600.0
        monkeypatch.setattr("glowplug.gateway.plane.time", lambda jumped=jumped: jumped)
        rig.plane._look_at_the_clock()
        assert rig.plane.unix_offset == pytest.approx(before, abs=1.0)
    rig.ask(chat())
    rig.reply(whole(), "cloud")
    assert all(abs(record.started - time.time()) < 60.0 for record in rig.journal.records)


def test_connections_per_client(rig: Rig) -> None:
    rig.limits(connections=2)
    first, second, third = rig.client(), rig.client(), rig.client()
    assert third.answer.status == 503
    assert third.answer.code == "too_many_connections"
    assert third.wire.closing
    rig.spin()
    rig.peer = ("127.0.0.2", 5)
    assert rig.client().wire.data == b""
    rig.peer = ("127.0.0.1", 5)
    first.wire.lose()
    assert rig.client().wire.data == b""
    assert second.wire.data == b""


def test_leases_of_two_instances_of_a_model_are_added(rig: Rig) -> None:
    rig.grant("local", "i1")
    rig.ask(chat("local"))
    rig.plane.grants.revoke("i1")
    rig.grant("local", "i2")
    rig.ask(chat("local"))
    assert by_model({"local": 2.0}) == rig.plane.families()["glowplug_leases"]


@pytest.mark.parametrize("in_time", [True, False])
def test_draining(live: Run, in_time: bool) -> None:
    async def test(live: Live) -> None:
        first = head(200, EVENT_STREAM) + chunk(event(json.dumps(delta("a"))))
        rest = stream(json.dumps(delta("b")), "[DONE]")[1:]
        async with FaultUpstream((Send(first), Wait("go"), *rest)) as upstream:
            live.serve(cloud("a", upstream.port))
            idle_reader, idle = await asyncio.open_connection("127.0.0.1", live.port)
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(chat("a", stream=True)))
            data = await reader.readuntil(b'"a"}}]}\n\n')
            draining = live.loop.create_task(live.plane.drain(20.0 if in_time else 0.05))
            assert await idle_reader.read(-1) == b""
            if in_time:
                upstream.let("go")
            data += await reader.read(-1)
            await draining
            (answer,) = responses(data)
            assert answer.complete is in_time
            last = payloads(answer.body)[-1]
            assert last == "[DONE]" if in_time else last["error"]["code"] == "shutting_down"
            assert live.journal.ends[0].outcome == ("ok" if in_time else "interrupted")
            for each in (idle, writer):
                each.transport.abort()

    live(test)


def test_the_end_of_an_attempt_that_cannot_be_recorded_is_logged_and_served(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(record: AttemptClosed) -> None:
        rig.journal.records.append(record)
        raise StoreError("disk full")

    monkeypatch.setattr(rig.journal, "closed", full)
    client = rig.ask(chat())
    rig.reply(whole())
    assert client.answer.status == 200
    assert f"journal: the end of {client.answer.headers['x-request-id']} attempt 0 was not recorded" in caplog.text
    assert rig.plane.metrics.attempts["cloud", "ok"] == 1


def test_connections_of_a_client_are_counted_until_the_last_has_left(rig: Rig) -> None:
    first, second = rig.client(), rig.client()
    assert rig.plane.per_client == {"127.0.0.1": 2}
    first.wire.lose()
    assert rig.plane.per_client == {"127.0.0.1": 1}
    second.wire.lose()
    assert rig.plane.per_client == {}
    assert rig.plane.connections == set()


def test_who_was_turned_away_is_not_counted_when_it_leaves(rig: Rig) -> None:
    rig.limits(connections=1)
    first, second = rig.client(), rig.client()
    second.wire.lose()
    rig.spin()
    assert rig.plane.per_client == {"127.0.0.1": 1}
    assert rig.plane.connections == {first.conn}


def test_the_sweep_wakes_only_what_is_due(rig: Rig) -> None:
    idle, waiting, asking = rig.client(), rig.ask(chat("local", stream=True)), rig.ask(chat())
    rig.later(1.05)
    assert waiting.wire.data.startswith(b"HTTP/1.1 200")
    assert idle.wire.data == asking.wire.data == b""
    assert not idle.wire.closing
    rig.later(11)
    assert idle.wire.closing, "it never spoke"
    assert not asking.wire.closing
    rig.later(301)
    assert asking.answer.status == 504


def test_the_sweep_closes_upstream_connections_that_nobody_used_for_long(rig: Rig) -> None:
    rig.ask(chat())
    rig.reply(whole())
    up = rig.up()
    rig.later(54)
    assert not up.wire.closing
    rig.later(56)
    assert up.wire.aborted


def test_the_timer_runs_only_while_there_is_something_to_watch(turned_loop: asyncio.AbstractEventLoop) -> None:
    """An idle worker must not wake up four times a second."""
    due: list[Callable[[], None]] = []
    rig = Rig(cast(asyncio.AbstractEventLoop, HandTurned(turned_loop, due)))
    assert due == []
    client = rig.client()
    rig.client()
    assert len(due) == 1, "one timer for all"
    due.pop()()
    assert len(due) == 1
    client.wire.lose()
    due.pop()()
    assert len(due) == 1, "one is left"
    for connection in list(rig.plane.connections):
        cast(Wire, connection.tr).lose()
    due.pop()()
    assert due == []
    rig.client().wire.lose()
    assert len(due) == 1, "it begins again"


class HandTurned:
    """A loop whose timers the test fires."""

    def __init__(self, loop: asyncio.AbstractEventLoop, due: list[Callable[[], None]]) -> None:
        self._loop = loop
        self._due = due

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def call_later(self, _: float, call: Callable[[], None]) -> None:
        self._due.append(call)


def test_a_drain_ends_who_waits_and_who_is_read_on_for(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud", on_disconnect=OnDisconnect.DRAIN), local("local"))))
    waiting, plain = rig.ask(chat("local", stream=True)), rig.ask(chat("cloud"))
    gone = rig.ask(chat("cloud", stream=True))
    gone.wire.lose()
    assert len(rig.plane.detached) == 1
    rig.loop.run_until_complete(rig.plane.drain(0.0))
    for client in (waiting, plain):
        assert client.answer.code == "shutting_down"
        assert client.answer.headers["connection"] == "close"
        assert client.wire.lost
    assert sorted(end.outcome for end in rig.journal.ends) == ["client_gone", "interrupted"]
    assert rig.plane.detached == set()
    assert rig.plane.connections == set()


def test_a_drain_with_nothing_to_wait_for_is_quick(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glowplug.gateway.plane._LAST_BYTES", 1000.0)
    rig.client()
    started = time.monotonic()
    rig.loop.run_until_complete(rig.plane.drain(1000.0))
    assert time.monotonic() - started < 10
    assert rig.plane.connections == set()


def _flushed(rig: Rig, times: int) -> bool:
    """Whether the journal is written to the disk so often, no more; threads do it."""
    deadline = monotonic() + 5
    while rig.journal.flushes < times and monotonic() < deadline:
        rig.loop.run_until_complete(rig.loop.run_in_executor(None, int))
    return rig.journal.flushes == times


@pytest.mark.parametrize(("every", "flushes"), [(1.0, 1), (0.0, 0)])
def test_the_journal_is_written_to_the_disk_when_there_is_news(rig: Rig, every: float, flushes: int) -> None:
    rig.apply(snapshot(limits=Limits(journal_sync=every)))
    now = monotonic()
    rig.plane._sync(now)
    rig.ask(chat())
    rig.reply(whole(), "cloud")
    rig.plane._sync(now + 10.0)
    rig.plane._sync(now + 20.0)
    assert _flushed(rig, flushes)


def test_it_is_not_written_more_often_than_asked(rig: Rig) -> None:
    now = monotonic() + 10.0
    for later in (0.0, 0.2, 0.9, 1.1):
        rig.ask(chat())
        rig.reply(whole(), "cloud")
        rig.plane._sync(now + later)
    assert _flushed(rig, 2)


def test_a_disk_that_fails_is_counted_and_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.ask(chat())
    rig.reply(whole(), "cloud")
    rig.journal.full = True
    rig.plane._sync(monotonic() + 10.0)
    assert _flushed(rig, 1)
    while not rig.plane.metrics.journal_failures:
        rig.loop.run_until_complete(rig.loop.run_in_executor(None, int))
    assert "could not be written" in caplog.text
