"""Fault F16 (docs/design/faults.md): a thousand clients before a cold model.

That the control process starts one engine for them is tests/e2e/test_cold.py; here is what one worker does.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from time import monotonic

import pytest

from glowplug.domain.snapshot import Limits
from glowplug.testing.fault_dialects import TEXT
from glowplug.testing.fault_upstream import FaultUpstream
from glowplug.wire import link
from tests.gateway.live import Live, Run
from tests.gateway.rig import chat, local, request, responses
from tests.gateway.wires import NATIVE, Road, Seen

CROWD = 1000
ROOM = 600
CHAT: Road = NATIVE[0]


async def _ask(live: Live, body: object) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(request(body, headers=["Connection: close"]))
    try:
        return await asyncio.wait_for(reader.read(-1), 25)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_f16_the_bounded_crowd_waits_and_is_served_the_rest_is_told_at_once(live: Run, stream: bool) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(CHAT.good(stream=stream)) as engine:
            live.serve(local("local"), aliases=(), limits=Limits(waiting=ROOM, connections=2 * CROWD))
            target = live.plane.tables.targets["local"]
            began = monotonic()
            asked = [asyncio.ensure_future(_ask(live, chat("local", stream=stream))) for _ in range(CROWD)]
            while sum(task.done() for task in asked) < CROWD - ROOM:
                await asyncio.sleep(0.01)
                assert monotonic() - began < 15, "the rest was kept waiting"
            early = [responses(task.result())[0] for task in asked if task.done()]
            assert len(early) == CROWD - ROOM
            assert {(answer.status, answer.code) for answer in early} == {(503, "model_loading")}
            assert all(float(answer.headers["retry-after"]) >= 1 for answer in early)
            assert len(target.waiters) == ROOM
            assert engine.connections == 0
            wanted = [message for message in live.uplink.sent if isinstance(message, link.Ensure)]
            assert {message.model for message in wanted} == {"local"}
            assert len(wanted) <= ROOM and max(message.waiting for message in wanted) == ROOM

            live.grant(engine.port)
            late = [Seen("chat", answer, stream) for data in await asyncio.gather(*asked)
                    if (answer := responses(data)[0]).status == 200]  # fmt: skip
            assert len(late) == ROOM
            assert {(seen.text, seen.cut) for seen in late} == {(TEXT, False)}
            assert Counter(str(end.outcome) for end in live.journal.ends) == {"ok": ROOM}
            assert len(engine.requests) == ROOM, "somebody was served twice"
            assert engine.connections <= ROOM
            assert not target.waiters

    live(test)


def test_f16_a_crowd_that_gives_up_leaves_nothing_behind(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(local("local"), aliases=(), limits=Limits(waiting=ROOM, connections=2 * CROWD))
        target = live.plane.tables.targets["local"]
        writers = []
        for _ in range(200):
            _, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(chat("local", stream=True)))
            writers.append(writer)
        while len(target.waiters) < 200:
            await asyncio.sleep(0.005)
        for writer in writers:
            writer.transport.abort()
        while target.waiters or live.plane.connections:
            await asyncio.sleep(0.005)
        assert live.journal.records == []
        last = live.uplink.sent[-1]
        assert last == link.Waiting("local", 0), json.dumps(str(last))

    live(test)
