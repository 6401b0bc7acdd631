"""The misbehaving upstream does exactly what its script says, and tells when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from glowplug.testing.fault_scripts import (
    JSON,
    LAST_CHUNK,
    Close,
    HalfClose,
    Mark,
    Reset,
    ResumeReading,
    Script,
    Send,
    Silence,
    Slices,
    Steps,
    StopReading,
    Wait,
    both_framings,
    chunk,
    cut_chunks,
    cut_short,
    event,
    garbage,
    head,
    huge_header,
    informed,
    plain,
    sliced_chunks,
    stream,
    two_lengths,
    until_close,
)
from glowplug.testing.fault_upstream import Ended, FaultUpstream
from glowplug.testing.received import Received

GET = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"


def post(body: bytes) -> bytes:
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


@asynccontextmanager
async def connected(upstream: FaultUpstream) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", upstream.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def everything(steps: Steps, request: bytes = GET) -> bytes:
    """All bytes until the upstream closes; steps that keep the connection get a Close."""
    closing = steps if isinstance(steps[-1], Close) else (*steps, Close())
    async with FaultUpstream(closing) as upstream, connected(upstream) as (reader, writer):
        writer.write(request)
        return await reader.read()


@pytest.mark.parametrize(
    ("steps", "raw"),
    [
        (
            plain(b"{}", 503),
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        ),
        (
            stream("a", "[DONE]"),
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            b"9\r\ndata: a\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
        ),
        (cut_chunks("a"), stream("a")[0].data + chunk(event("a"))),
        (until_close(b"{}"), head(200, JSON) + b"{}"),
        (
            both_framings(b"{}"),
            head(200, {**JSON, "content-length": "2", "transfer-encoding": "chunked"}) + chunk(b"{}") + LAST_CHUNK,
        ),
        (two_lengths(b"{}"), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        (cut_short(b"{}", 5), head(200, {**JSON, "content-length": "7"}) + b"{}"),
        (huge_header(3), b"HTTP/1.1 200 OK\r\nx-huge: aaa\r\ncontent-length: 2\r\n\r\n{}"),
        (garbage(b"\x00"), b"\x00"),
        (
            informed(b"{}", 100, 103),
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + plain(b"{}")[0].data,
        ),
        (
            sliced_chunks(b"abc", 2),
            head(200, {**JSON, "transfer-encoding": "chunked"}) + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        ),
        ((Send(b"a"), Slices(b"bcd", 2), HalfClose(), Close()), b"abcd"),
    ],
)  # fmt: skip
async def test_the_bytes_are_the_ones_written(steps: Steps, raw: bytes) -> None:
    assert await everything(steps) == raw


async def test_slices_are_seen_one_by_one() -> None:
    async with FaultUpstream((Slices(b"abcdef", 2), Close())) as upstream, connected(upstream) as (reader, writer):
        writer.write(GET)
        seen = []
        while data := await reader.read(100):
            seen.append(data)
    assert seen == [b"ab", b"cd", b"ef"]


async def test_marks_and_gates_need_no_sleep() -> None:
    steps = (Send(b"one"), Mark("one"), Wait("go"), Send(b"two"), Close())
    async with FaultUpstream(steps) as upstream, connected(upstream) as (reader, writer):
        writer.write(GET)
        await upstream.reached("one")
        assert await reader.readexactly(3) == b"one"
        assert upstream.endings == []
        upstream.let("go")
        assert await reader.read() == b"two"
        ending = await upstream.ended(1)
    assert (ending.how, ending.midway) == (Ended.CLOSED_BY_US, False)


async def test_reset_is_a_reset() -> None:
    async with FaultUpstream((Send(b"x"), Mark("sent"), Reset())) as upstream, connected(upstream) as (reader, writer):
        writer.write(GET)
        with pytest.raises(ConnectionResetError):
            await reader.read()
            await reader.read()
        assert (await upstream.ended(1)).how is Ended.RESET_BY_US


async def test_reset_on_accept_and_refused_connections() -> None:
    async with FaultUpstream((), on_connect=(Reset(),)) as upstream:
        async with connected(upstream) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        await upstream.ended(1)
        assert upstream.requests == []
        await upstream.stop_listening()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", upstream.port)


async def test_a_silent_upstream_sees_the_client_leave() -> None:
    async with FaultUpstream((Silence(),)) as upstream:
        async with connected(upstream) as (_, writer):
            writer.write(GET)
            await upstream.arrived(1)
            assert upstream.endings == []
        ending = await upstream.ended(1)
    assert (ending.how, ending.midway, ending.connection) == (Ended.CLOSED_BY_CLIENT, True, 0)


async def test_half_close_still_reads() -> None:
    async with FaultUpstream((Send(b"x"), HalfClose(), Wait("never"))) as upstream, connected(upstream) as (r, w):
        w.write(GET)
        assert await r.read() == b"x"
        before = upstream.received_bytes
        w.write(b"more")
        await upstream.until(lambda: upstream.received_bytes == before + 4)
        assert upstream.endings == []


async def test_a_client_that_is_not_read_stalls_until_reading_goes_on() -> None:
    size = 8 << 20
    steps = Script((StopReading(), Mark("deaf"), Wait("listen"), ResumeReading(), *plain(b"{}")), start="head")
    async with FaultUpstream({0: steps}, receive_buffer=4096) as upstream, connected(upstream) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
        await upstream.reached("deaf")
        writer.write(b"x" * size)
        drained = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0)
        assert not drained.done()
        assert upstream.requests == []
        upstream.let("listen")
        await drained
        assert len((await upstream.arrived(1)).body) == size
        assert await reader.readuntil(b"{}") == plain(b"{}")[0].data


async def test_an_answer_before_the_body() -> None:
    early = Script((*plain(b"no", 413), Close()), start="head")
    async with FaultUpstream(early) as upstream, connected(upstream) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
        assert upstream.requests == []
        assert (await upstream.ended(1)).midway


async def test_number_then_model_then_star_choose_the_answer() -> None:
    book = {0: plain(b"first"), "slow": plain(b"slow"), "*": plain(b"other")}
    bodies = [b'{"model":"slow"}', b'{"model":"slow"}', b'{"model":"fast"}', b"no json"]
    async with FaultUpstream(book) as upstream, connected(upstream) as (reader, writer):
        answers = []
        for body in bodies:
            writer.write(post(body))
            await reader.readuntil(b"\r\n\r\n")
            answers.append(await reader.readexactly(5 if len(answers) in (0, 2, 3) else 4))
    assert answers == [b"first", b"slow", b"other", b"other"]
    assert [(r.number, r.connection, r.model) for r in upstream.requests] == [
        (0, 0, "slow"), (1, 0, "slow"), (2, 0, "fast"), (3, 0, ""),
    ]  # fmt: skip
    assert upstream.connections == 1


async def test_a_function_may_choose() -> None:
    def choose(request: Received) -> Steps:
        return plain(request.path.encode())

    async with FaultUpstream(choose) as upstream, connected(upstream) as (reader, writer):
        writer.write(GET + GET)
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(10) == b"/v1/models"


def test_a_missing_page_names_the_request() -> None:
    upstream = FaultUpstream({1: plain(b"")})
    request = Received(0, 0, "POST", "/", (), b'{"model":"m"}', True)
    with pytest.raises(LookupError, match=r"no script for request 0 \(model 'm'\)"):
        upstream.answer_to(request)
