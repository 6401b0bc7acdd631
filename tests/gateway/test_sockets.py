"""The data plane over real sockets: faults of the network, TLS, websockets, the link, and the end of a worker."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.asyncio.server import unix_serve

from glowplug.domain.instance import Endpoint
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.link import ControlLink
from glowplug.gateway.plane import Plane
from glowplug.testing.fault_scripts import (
    EVENT_STREAM,
    LAST_CHUNK,
    Mark,
    Reset,
    Send,
    Silence,
    Steps,
    Wait,
    chunk,
    cut_chunks,
    event,
    garbage,
    head,
    huge_header,
    informed,
    plain,
    sliced_chunks,
    stream,
    until_close,
)
from glowplug.testing.fault_upstream import FaultUpstream
from glowplug.wire import link
from tests.gateway.rig import (
    Journal,
    Response,
    Uplink,
    chat,
    cloud,
    delta,
    local,
    payloads,
    request,
    responses,
    snapshot,
)

GOOD = json.dumps({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}).encode()


async def until(true: Callable[[], bool]) -> None:
    """Return when something in another task has come true; the test's own deadline bounds it."""
    while not true():
        await asyncio.sleep(0.005)


class Live:
    """A worker's plane behind a real listening socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.journal = Journal([])
        self.uplink = Uplink()
        self.control = str(folder / "control.sock")
        self.plane = Plane(self.loop, self.uplink, self.journal, self.control, ssl.create_default_context())
        self.port = 0

    async def start(self) -> None:
        self.server = await self.loop.create_server(lambda: ClientConnection(self.plane), "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        await self.plane.drain(0.0)
        for pool in self.plane._pools():
            pool.close()
        await asyncio.sleep(0.02)
        self.journal.check()

    def serve(self, *models: Any, **more: Any) -> None:
        self.plane.grants.rebind(
            self.plane.tables.apply(snapshot(models=models, aliases=more.pop("aliases", ()), **more))
        )

    def grant(self, port: int) -> None:
        self.plane.grants.grant(Endpoint(instance="i1", model="local", host="127.0.0.1", port=port, key="k"))

    async def ask(self, body: object, **more: Any) -> Response:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request(body, headers=["Connection: close"], **more))
        data = await asyncio.wait_for(reader.read(-1), 10)
        writer.transport.abort()
        (answer,) = responses(data)
        return answer


Test = Callable[[Live], Awaitable[None]]


@pytest.fixture
def live(tmp_path: Path) -> Callable[[Test], None]:
    async def whole(test: Test) -> None:
        live = Live(tmp_path)
        await live.start()
        try:
            await asyncio.wait_for(test(live), 30)
        finally:
            await live.stop()

    def run(test: Test) -> None:
        asyncio.run(whole(test))

    return run


FAULTS: dict[str, Steps] = {
    "reset": (Reset(),),
    "reset in head": (Send(b"HTTP/1.1 200 OK\r\nconte"), Reset()),
    "garbage": garbage(),
    "huge header": huge_header(300_000),
    "500": plain(b"{}", 500),
    "429": plain(b"{}", 429),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_failover(live: Callable[[Test], None], fault: str) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(FAULTS[fault]) as bad, FaultUpstream(plain(GOOD)) as good:
            live.serve(
                cloud("a", bad.port), cloud("b", good.port), aliases=(AliasRoute(name="ab", targets=("a", "b")),)
            )
            answer = await live.ask(chat("ab"))
            assert (answer.status, answer.headers["x-glowplug-model"]) == (200, "b")
            assert good.requests[0].json["model"] == "up-b"
            assert (await live.ask(chat("a"))).status in (500, 502, 429)

    live(test)


@pytest.mark.parametrize("answer", [
    plain(GOOD), until_close(GOOD), sliced_chunks(GOOD), informed(GOOD, 100, 103), plain(b"x" * 500_000),
])  # fmt: skip
def test_framings(live: Callable[[Test], None], answer: Steps) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(answer) as upstream:
            live.serve(cloud("a", upstream.port))
            for _ in range(2):
                got = await live.ask(chat("a"))
                assert (got.status, got.complete) == (200, True)
                assert got.body in (GOOD, b"x" * 500_000)

    live(test)


def test_connection_refused(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(plain(GOOD)) as upstream:
            port = upstream.port
        live.serve(cloud("a", port))
        answer = await live.ask(chat("a"))
        assert answer.status == 502
        assert "connect: " in answer.json["error"]["message"]

    live(test)


def test_a_cut_stream_is_not_ended_cleanly(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(cut_chunks(json.dumps(delta("a")))) as upstream:
            live.serve(cloud("a", upstream.port))
            answer = await live.ask(chat("a", stream=True))
            assert not answer.complete
            assert "error" in payloads(answer.body)[-1]

    live(test)


def test_a_stream_comes_as_it_is_made_and_stops_with_the_client(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        steps = (Send(head(200, EVENT_STREAM) + chunk(event("1"))), Mark("half"), Silence())
        async with FaultUpstream(steps) as upstream:
            live.serve(local("local"))
            live.grant(upstream.port)
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
            writer.write(request(chat("local", stream=True)))
            assert b"data: 1" in await reader.readuntil(b"data: 1\n\n")
            writer.transport.abort()
            await upstream.ended(1)
            assert live.journal.ends[0].outcome == "client_gone"
            assert live.uplink.sent[-1] == link.Activity("i1", False)

    live(test)


def test_a_slow_reader_bounds_what_is_read_from_upstream(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        piece = chunk(event("x" * 60_000))
        big = (Send(head(200, EVENT_STREAM)), *[Send(piece)] * 400, Send(LAST_CHUNK))
        async with FaultUpstream(big) as upstream:
            live.serve(cloud("a", upstream.port))
            reader, writer = await asyncio.open_connection("127.0.0.1", live.port, limit=4096)
            writer.write(request(chat("a", stream=True)))
            await upstream.arrived(1)
            call = None
            while call is None or not call.paused:
                await asyncio.sleep(0.005)
                call = next((c.call for c in live.plane.connections), None)
            (connection,) = live.plane.connections
            assert connection.tr.get_write_buffer_size() < 2_000_000
            total = 0
            while not (data := await reader.read(1 << 20)).endswith(LAST_CHUNK):
                total += len(data)
            assert total > 400 * 60_000 - (1 << 20)
            writer.transport.abort()

    live(test)


def test_a_refused_upload_can_read_why(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        live.serve(cloud("a"))
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(request(b"x" * 8_000_000, token="wrong"))
        data = await reader.read(-1)
        assert responses(data)[0].status == 401
        writer.transport.abort()

    live(test)


def test_tls_is_verified(live: Callable[[Test], None], tmp_path: Path) -> None:
    cert, private = tmp_path / "c.pem", tmp_path / "k.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", private, "-out", cert, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not installed: apt-get install openssl")

    async def test(live: Live) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, private)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(GOOD), GOOD))

        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        live.serve(cloud("a", base_url=f"https://localhost:{port}/v1"))
        refused = await live.ask(chat("a"))
        assert refused.status == 502
        assert "self" in refused.json["error"]["message"]
        live.plane.tls.load_verify_locations(cert)
        assert (await live.ask(chat("a"))).status == 200
        live.serve(cloud("a", base_url=f"https://127.0.0.1:{port}/v1"))
        wrong_name = await live.ask(chat("a"))
        assert wrong_name.status == 502
        assert "TLS" in wrong_name.json["error"]["message"]
        server.close()

    live(test)


def test_a_websocket_echoes_through_the_tunnel(live: Callable[[Test], None]) -> None:
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


def test_a_refused_upgrade_carries_nothing_past_the_worker(live: Callable[[Test], None]) -> None:
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


def test_a_websocket_while_control_is_away(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        live.serve(cloud("a"))
        more = ["Connection: Upgrade", "Upgrade: websocket"]
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(request(path="/ws", method="GET", headers=more))
        (answer,) = responses(await reader.read(-1))
        assert answer.status == 503
        writer.transport.abort()

    live(test)


@pytest.mark.parametrize("in_time", [True, False])
def test_draining(live: Callable[[Test], None], in_time: bool) -> None:
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


# ---- the link


class Control:
    """A scripted control process on the link socket."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[link.ToControl] = asyncio.Queue()
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self, path: str) -> None:
        self.server = await asyncio.start_unix_server(self._client, path)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        frames = link.Frames()
        while data := await reader.read(65_536):
            for body in frames.feed(data):
                self.got.put_nowait(link.decode_to_control(body))

    def say(self, *messages: link.ToWorker) -> None:
        for message in messages:
            self.writers[-1].write(link.encode(message))

    async def stop(self, path: str) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        Path(path).unlink(missing_ok=True)  # noqa: ASYNC240


def test_the_link_lives_through_a_restart_of_control(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        path = str(live.folder / "link.sock")
        snapshots = []
        control_link = ControlLink(live.loop, path, "w0", 7, lambda: snapshots.append(1))
        plane = live.plane = Plane(live.loop, control_link, live.journal, live.control, live.plane.tls)
        control_link.bind(plane)
        control_link.start()
        place = Endpoint(instance="i1", model="local", host="127.0.0.1", port=1, key="k")
        control = Control()
        await asyncio.sleep(0.06)  # nobody listens yet
        await control.start(path)
        assert await control.got.get() == link.Hello("w0", 7)
        control.say(link.SetSnapshot(snapshot()), link.Granted(place))
        await until(lambda: bool(plane.grants.instances))
        assert snapshots == [1]
        assert plane.control_connected
        await control.stop(path)
        await until(lambda: not control_link.connected)
        assert plane.tables.ready, "it goes on from what it has"
        again = Control()
        await again.start(path)
        assert await again.got.get() == link.Hello("w0", 7, link.PROTOCOL, (link.Held(place, 0),))
        again.say(link.Revoked("i1"))
        assert await again.got.get() == link.Drained("i1")
        again.writers[-1].write(b"\xff\xff\xff\xff garbage")
        assert await again.got.get() == link.Hello("w0", 7), (
            "what cannot be read ends the connection, and a new one is made"
        )
        control_link.close()
        await again.stop(path)

    live(test)


def test_a_control_that_hangs_up_is_not_asked_without_a_pause(live: Callable[[Test], None]) -> None:
    async def test(live: Live) -> None:
        path = str(live.folder / "link.sock")
        count = 0

        async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            count += 1
            writer.transport.abort()

        server = await asyncio.start_unix_server(hang_up, path)
        control_link = ControlLink(live.loop, path, "w0", 7, lambda: None)
        control_link.bind(live.plane)
        control_link.start()
        await asyncio.sleep(0.3)
        assert 1 <= count <= 5
        control_link.close()
        server.close()

    live(test)
