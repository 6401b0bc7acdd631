"""What is not model traffic goes to the control process and comes back as it was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import unix_serve

from tests.gateway.live import Live, Run
from tests.gateway.rig import (
    END,
    STREAM_HEAD,
    Rig,
    chat,
    cloud,
    events,
    request,
    responses,
    whole,
)
from tests.waiting import until


def test_a_request_passes_and_says_who_asks(rig: Rig) -> None:
    more = [
        "X-Glowplug-Peer: 6.6.6.6",
        "X-Request-Id: mine",
        "Cookie: a=b",
        "Connection: x-glowplug-peer, x-request-id",
    ]
    client = rig.ask({"a": 1}, path="/admin/keys?x=1", headers=more)
    head, _, body = rig.up("control").request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /admin/keys?x=1 HTTP/1.1"
    assert [x for x in lines if x.startswith(b"x-glowplug-peer")] == [b"x-glowplug-peer: 127.0.0.1"]
    assert len([x for x in lines if x.startswith(b"x-request-id")]) == 1
    assert b"cookie: a=b" in lines
    assert body == b'{"a": 1}'
    rig.reply(whole(b"[]", 201, "x-a: b", "connection: close"))
    assert (client.answer.status, client.answer.body, client.answer.headers["x-a"]) == (201, b"[]", "b")
    assert not client.wire.closing


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_stream_passes_as_it_comes(rig: Rig, version: str) -> None:
    client = rig.ask(None, path="/admin/events", method="GET", version=version)
    rig.reply(STREAM_HEAD + events({"n": 1}))
    assert client.wire.data.count(b"data: ") == 1
    rig.reply(events({"n": 2}) + END)
    assert client.answer.body.count(b"data: ") == 2
    assert client.answer.complete
    assert client.wire.closing is (version == "1.0")


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(rig: Rig, status: int) -> None:
    client = rig.ask(None, path="/admin/x", method="DELETE")
    rig.reply(b"HTTP/1.1 %d X\r\netag: 1\r\n\r\n" % status)
    assert (client.answer.status, client.answer.body) == (status, b"")
    client.send(request(path="/health/live", method="GET"))
    assert [r.status for r in client.answers] == [status, 200]


def test_head_is_asked_as_get_and_answered_without_body(rig: Rig) -> None:
    client = rig.ask(None, path="/ui", method="HEAD")
    assert rig.up("control").request.startswith(b"GET /ui ")
    rig.reply(whole(b"hello"))
    (answer,) = responses(client.wire.data, head=True)
    assert answer.headers["content-length"] == "5"
    assert client.wire.data.endswith(b"\r\n\r\n")


def test_control_is_away(rig: Rig) -> None:
    rig.errors["control"] = ConnectionRefusedError(111, "refused")
    client = rig.ask(None, path="/admin/x", method="GET")
    assert (client.answer.status, client.answer.code) == (503, "control_unavailable")
    assert client.answer.headers["retry-after"] == "1"
    assert not client.wire.closing


def test_control_dies_in_the_middle(rig: Rig) -> None:
    client = rig.ask(None, path="/admin/x", method="GET")
    rig.reply(STREAM_HEAD + events({"n": 1}))
    rig.up().wire.lose(ConnectionResetError())
    rig.spin()
    assert not client.answer.complete
    assert client.wire.closing


def test_a_stale_connection_is_replaced(rig: Rig) -> None:
    client = rig.ask(None, path="/admin/x", method="GET")
    rig.reply(whole(b"1"))
    client.send(request(path="/admin/x", method="GET"))
    rig.up().wire.lose()
    rig.spin()
    rig.reply(whole(b"2"))
    assert [r.body for r in client.answers] == [b"1", b"2"]


def test_a_client_that_leaves_and_one_that_is_slow(rig: Rig) -> None:
    client = rig.ask(None, path="/admin/events", method="GET")
    client.conn.pause_writing()
    assert not rig.up("control").wire.reading
    client.conn.resume_writing()
    assert rig.up().wire.reading
    client.wire.lose()
    assert rig.up().wire.aborted


def test_it_needs_no_key_here_but_the_right_host(rig: Rig) -> None:
    rig.ask(None, path="/login", method="GET", token=None)
    assert rig.up("control")
    assert rig.ask(None, path="/login", method="GET", host="evil").answer.status == 403
    assert len(rig.ups) == 1
    assert rig.ask(chat(), token=None).answer.status == 401


def test_a_websocket_echoes_through_the_tunnel(live: Run) -> None:
    async def test(live: Live) -> None:
        seen = {}

        async def echo(socket: Any) -> None:
            seen.update(socket.request.headers.raw_items())
            async for message in socket:
                await socket.send(message)

        async with unix_serve(echo, live.control):
            live.serve(cloud("a"))
            more = {"X-Glowplug-Peer": "6.6.6.6"}
            url = f"ws://127.0.0.1:{live.port}/ws"
            async with websockets.connect(url, proxy=None, additional_headers=more) as client:
                for message in ("hello", b"\x00" * 200_000, "bye"):
                    await client.send(message)
                    assert await client.recv() == message
        assert seen["x-glowplug-peer"] == "127.0.0.1"

    live(test)


def test_a_refused_upgrade_carries_nothing_past_the_worker(live: Run) -> None:
    async def test(live: Live) -> None:
        got = []

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            got.append(await reader.read(-1))
            writer.transport.abort()

        server = await asyncio.start_unix_server(refuse, live.control)
        live.serve(cloud("a"))
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        smuggled = request(path="/admin/keys", method="GET")
        hello = request(path="/ws", method="GET", headers=["Connection: Upgrade", "Upgrade: websocket"])
        writer.write(hello + smuggled)
        assert b"403" in await reader.readuntil(b"\r\n\r\n")
        writer.write(smuggled)
        assert await reader.read(-1) == b""
        writer.close()
        await until(lambda: len(got) == 2)
        assert got[1] == b""
        server.close()

    live(test)


def test_a_websocket_while_control_is_away(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(cloud("a"))
        more = ["Connection: Upgrade", "Upgrade: websocket"]
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(request(path="/ws", method="GET", headers=more))
        (answer,) = responses(await reader.read(-1))
        assert answer.status == 503
        writer.transport.abort()

    live(test)
