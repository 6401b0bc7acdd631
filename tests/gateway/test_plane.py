"""What connections share: accounting, limits, the sweep, the end of a worker."""

from __future__ import annotations

import asyncio
import json

import pytest

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
    chat,
    cloud,
    delta,
    payloads,
    request,
    responses,
)


def test_what_cannot_be_recorded_is_not_sent(rig: Rig) -> None:
    rig.journal.full = True
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.code == "journal_unavailable"
    assert rig.ups == []


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
    assert rig.plane.gauges()["glowplug_leases"] == {"local": 2.0}


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
