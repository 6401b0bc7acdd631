"""Fault F17 (docs/design/faults.md): clients that leave early, close one half, or read slowly, on every wire."""

from __future__ import annotations

import asyncio

import pytest

from glowplug.domain.model import OnDisconnect
from glowplug.domain.snapshot import Limits
from glowplug.testing.fault_dialects import COMPLETION, PROMPT
from glowplug.testing.fault_scripts import Mark, Send, Silence, Wait, chunk, giant_line, pieces_of, stalled
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.rig import request
from tests.gateway.wires import NATIVE, ROADS, Road, by_road, two

CHAT: Road = NATIVE[0]
HIGH = 2_000_000
"""Bytes that may be held for a client that does not read: what the loop's transport takes before it says stop, and one
piece from upstream more."""


async def _until(true: object) -> None:
    assert callable(true)
    while not true():
        await asyncio.sleep(0.005)


@by_road()
def test_f17_a_client_that_leaves_in_a_stream_ends_the_upstream(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(stalled(*said.begun, media=said.media)) as upstream:
            two(live, road, upstream, upstream)
            talk = await road.talk(live, "ab")
            await talk.until("Gr")
            talk.writer.transport.abort()
            await upstream.ended(1)
            await _until(lambda: live.journal.ends)
            (end,) = live.journal.ends
            assert str(end.outcome) == "client_gone"
            assert end.completion_tokens > 0 and end.estimated
            assert len(upstream.requests) == 1, "nobody is left to answer"

    live(test)


@by_road()
def test_f17_a_client_that_leaves_before_the_first_word_ends_the_upstream(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream((Mark("asked"), Silence())) as upstream:
            two(live, road, upstream, upstream)
            talk = await road.talk(live, "ab")
            await upstream.reached("asked")
            talk.writer.transport.abort()
            await upstream.ended(1)
            await _until(lambda: live.journal.ends)
            assert [str(end.outcome) for end in live.journal.ends] == ["client_gone"]
            assert len(upstream.requests) == 1

    live(test)


@by_road()
def test_f17_a_paid_stream_is_read_on_to_its_count_when_that_is_the_policy(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        said = road.said
        begin, *rest = pieces_of(*said.frames, media=said.media)
        count = len(said.begun)
        async with FaultUpstream((begin, *rest[:count], Wait("go"), *rest[count:])) as upstream:
            live.serve(road.route("a", upstream.port, on_disconnect=OnDisconnect.DRAIN), aliases=())
            talk = await road.talk(live, "a")
            await talk.until("Gr")
            talk.writer.transport.abort()
            await _until(lambda: live.plane.detached)
            assert live.journal.ends == []
            upstream.let("go")
            await _until(lambda: not live.plane.detached)
            (end,) = live.journal.ends
            assert str(end.outcome) == "client_gone"
            assert (end.prompt_tokens, end.completion_tokens, end.estimated) == (PROMPT, COMPLETION, False)

    live(test)


@by_road(NATIVE)
def test_f17_a_client_that_closes_its_half_has_left(live: Run, road: Road) -> None:
    """A FIN cannot be told from a client that is gone, and a model is dear: so it is taken for one."""

    async def test(live: Live) -> None:
        said = road.said
        async with FaultUpstream(stalled(*said.begun, media=said.media)) as upstream:
            two(live, road, upstream, upstream)
            talk = await road.talk(live, "a")
            await talk.until("Gr")
            talk.writer.write_eof()
            await upstream.ended(1)
            await _until(lambda: live.journal.ends)
            assert [str(end.outcome) for end in live.journal.ends] == ["client_gone"]
            talk.writer.transport.abort()

    live(test)


@by_road(tuple(road for road in ROADS if road.target == "chat"))
def test_f17_what_is_held_for_a_slow_reader_is_bounded_and_comes_whole(live: Run, road: Road) -> None:
    pieces, size = 100, 200_000

    async def test(live: Live) -> None:
        said = road.said
        begun, last = said.frames[: len(said.begun)], said.frames[len(said.begun) :]
        body = [*begun, *[giant_line(size)] * pieces, *last]
        steps = [*pieces_of(*body)]
        steps.insert(len(steps) - 1, Mark("all sent"))
        async with FaultUpstream(steps) as upstream:
            two(live, road, upstream, upstream)
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=4096)
            writer.write(request(road.body("a"), path=road.path, headers=["Connection: close"]))
            await _until(lambda: any(c.call is not None and c.call.paused for c in live.plane.connections))
            (connection,) = live.plane.connections
            for _ in range(20):
                await asyncio.sleep(0.005)
                assert connection.tr.get_write_buffer_size() < HIGH
            assert connection.call is not None and connection.call.paused, "it was read on for nobody"
            total = 0
            while data := await reader.read(1 << 20):
                total += data.count(b"x")
            assert total >= pieces * size
            assert [str(end.outcome) for end in live.journal.ends] == ["ok"]
            writer.transport.abort()

    live(test)


def test_f17_a_reader_that_stopped_for_good_is_cut(live: Run) -> None:
    async def test(live: Live) -> None:
        steps = [Send(pieces_of()[0].data), *[Send(chunk(giant_line(200_000)))] * 60, Silence()]  # type: ignore[union-attr]
        async with FaultUpstream(steps) as upstream:
            live.serve(CHAT.route("a", upstream.port), aliases=(), limits=Limits(write_timeout=0.3))
            _, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=4096)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(request(CHAT.body("a"), path=CHAT.path))
            await upstream.ended(1)
            await _until(lambda: live.journal.ends)
            assert [str(end.outcome) for end in live.journal.ends] == ["client_gone"]
            assert not live.plane.connections
            writer.transport.abort()

    live(test)


@pytest.mark.parametrize("body", [b"", b'{"model":'], ids=["head only", "half a body"])
def test_f17_a_request_that_never_comes_whole_is_ended_without_asking_anybody(live: Run, body: bytes) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(CHAT.good()) as upstream:
            live.serve(CHAT.route("a", upstream.port), aliases=(), limits=Limits(body_timeout=0.3, head_timeout=0.3))
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(CHAT.body("a"), path=CHAT.path).partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
            told = await asyncio.wait_for(reader.read(-1), 10)
            assert told.startswith(b"HTTP/1.1 408 ")
            assert upstream.connections == 0 and live.journal.records == []
            writer.transport.abort()

    live(test)
