"""Realtime sessions, with a client and an upstream that speak the protocol in earnest."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import openai
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute
from glowplug.domain.usage import Outcome
from glowplug.gateway.plane import Plane
from glowplug.gateway.realtime import Realtime
from glowplug.wire import link
from tests.gateway.live import Live, Run
from tests.gateway.metered import PRICE, USER, Metered, budget
from tests.gateway.rig import KEY, cloud, key, local

ABLE = (Capability.REALTIME,)
DONE = {"type": "response.done", "response": {"usage": {"input_tokens": 11, "output_tokens": 22}}}


async def _talk(socket: ServerConnection) -> None:
    """Says every message back, and after `done` what it cost."""
    async for message in socket:
        if message == "end":
            return
        await socket.send(json.dumps(DONE) if message == "done" else message)


async def _upstream(talk: Any = _talk, **more: Any) -> tuple[Server, int]:
    server = await serve(talk, "127.0.0.1", 0, compression=None, **more)
    return server, next(iter(server.sockets)).getsockname()[1]


def _connect(live: Live, model: str = "m", token: str | None = KEY, **more: Any) -> connect:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    where = f"ws://127.0.0.1:{live.port}/v1/realtime?model={model}"
    return connect(where, additional_headers=headers, proxy=None, **more)


async def _until(true: Callable[[], object]) -> None:
    end = monotonic() + 10
    while not true():
        assert monotonic() < end
        await asyncio.sleep(0.005)


async def _refusal(connecting: connect) -> Any:
    with pytest.raises(InvalidStatus) as caught:
        async with connecting:
            pass
    response = caught.value.response
    return response.status_code, json.loads(bytes(response.body or b""))["error"]


def _ends(live: Live) -> list[tuple[Any, ...]]:
    return [(r.model, r.path, r.status, r.outcome, r.prompt_tokens, r.completion_tokens) for r in live.journal.ends]


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_a_session(live: Run, who: str) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        live.serve(cloud("m", port, capabilities=ABLE))
        async with _connect(live) as client:
            assert client.response is not None
            assert client.response.headers["x-glowplug-model"] == "m"
            (there,) = server.connections
            assert there.request is not None
            assert there.request.path == "/v1/realtime?model=up-m"
            assert there.request.headers["authorization"] == "Bearer sk-cloud"
            assert KEY not in str(there.request.headers)
            for message in ("x", b"y" * 100_000, "done", "done"):
                await client.send(message)
                assert await client.recv() == (json.dumps(DONE) if message == "done" else message)
            await _until(lambda: live.plane.tables.targets["m"].active == 1)
            if who == "upstream":
                await client.send("end")
                await client.wait_closed()
                assert client.close_code == 1000
        await _until(lambda: live.journal.ends)
        assert _ends(live) == [("m", "realtime", 101, Outcome.OK, 22, 44)]
        assert live.plane.tables.targets["m"].active == 0
        server.close()

    live(test)


def test_a_page_puts_its_key_among_the_subprotocols(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream(subprotocols=["realtime"])
        live.serve(cloud("m", port, capabilities=ABLE))
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{KEY}")]
        async with _connect(live, token=None, subprotocols=offered) as client:
            assert client.subprotocol == "realtime"
            (there,) = server.connections
            assert there.request is not None
            assert KEY not in str(there.request.headers)
        server.close()

    live(test)


def test_who_gets_no_session(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(
            cloud("m", capabilities=ABLE), cloud("chats", capabilities=(Capability.CHAT,)),
            keys=(key(KEY, "user", models=("m", "chats")), key("sk-gp-other", "other", models=("chats",))),
        )  # fmt: skip
        assert (await _refusal(_connect(live, token=None)))[0] == 401
        assert (await _refusal(_connect(live, token="sk-gp-wrong")))[0] == 401
        assert (await _refusal(_connect(live, token="sk-gp-other")))[0] == 403
        assert (await _refusal(_connect(live, "chats")))[1]["code"] == "wrong_endpoint"
        assert (await _refusal(_connect(live, "nothing")))[0] == 404
        assert (await _refusal(_connect(live, "")))[1]["code"] == "no_model"
        assert (await _refusal(_connect(live)))[0] == 502  # nobody listens there
        assert [r.outcome for r in live.journal.ends] == [Outcome.UPSTREAM_ERROR]

    live(test)


def test_the_sdk_transcribes_without_naming_a_model(live: Run) -> None:
    """OpenAI refuses a model in the query of such a session, so the first that the key may use is meant."""
    told = {"type": "session.updated", "session": {"type": "transcription"}}
    done = {
        "type": "conversation.item.input_audio_transcription.completed", "transcript": "hi", "item_id": "i",
        "content_index": 0, "event_id": "e", "usage": {"type": "tokens", "input_tokens": 9, "output_tokens": 2},
    }  # fmt: skip

    asked: list[str] = []

    async def talk(socket: ServerConnection) -> None:
        assert socket.request is not None
        asked.append(socket.request.path)
        await socket.recv()
        await socket.send(json.dumps(told))
        await socket.send(json.dumps(done))

    async def test(live: Live) -> None:
        server, port = await _upstream(talk)
        ears = cloud("ears", port, capabilities=ABLE)
        live.serve(
            cloud("chats"), cloud("others", capabilities=ABLE), ears,
            keys=(key(KEY, "user", models=("chats", "ears")), key("sk-gp-mute", "mute", models=("chats",))),
        )  # fmt: skip
        base = f"http://127.0.0.1:{live.port}/v1"
        async with (
            openai.AsyncOpenAI(api_key=KEY, base_url=base) as client,
            client.realtime.connect(
                extra_query={"intent": "transcription"}, websocket_connection_options={"proxy": None}
            ) as session,
        ):
            await session.session.update(session={"type": "transcription"})
            assert [(await session.recv()).type for _ in range(2)] == [told["type"], done["type"]]
        await _until(lambda: live.journal.ends)
        assert asked == ["/v1/realtime?intent=transcription"]
        assert _ends(live) == [("ears", "realtime", 101, Outcome.OK, 9, 2)]
        where = f"ws://127.0.0.1:{live.port}/v1/realtime"
        mute = connect(where, additional_headers={"authorization": "Bearer sk-gp-mute"}, proxy=None)
        assert (await _refusal(mute))[1]["code"] == "wrong_endpoint"
        server.close()

    live(test)


def test_limits_hold(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        live.serve(cloud("m", port, capabilities=ABLE), keys=(key(KEY, "user", rpm=1),))
        async with _connect(live):
            assert (await _refusal(_connect(live)))[0] == 429
        server.close()

    live(test)


def test_what_a_session_has_cost_is_held_and_a_budget_that_is_used_up_ends_it(live: Run, tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        metered = Metered(tmp_path)
        live.plane = Plane(live.loop, live.uplink, live.journal, live.control, guards=metered.guards())
        model = cloud("m", port, capabilities=ABLE, price=PRICE)
        snap = metered.snapshot((budget(100),), models=(model,), aliases=(), keys=(USER,))
        live.plane.grants.rebind(live.plane.tables.apply(snap))
        (meter,) = live.plane.tables.keys[USER.digest].meters
        async with _connect(live) as client:
            assert meter.left(1.0) == 100
            await client.send("done")
            await client.recv()
            assert meter.left(1.0) == 45, "11 tokens of prompt, 22 of completion at twice the price"
            await client.send("done")
            assert json.loads(await client.recv()) == DONE, "what was paid for arrives"
            await client.wait_closed()
            assert (client.close_code, "budget" in (client.close_reason or "")) == (1008, True)
        assert _ends(live) == [("m", "realtime", 101, Outcome.OK, 22, 44)]
        assert (meter.left(1.0), live.journal.ends[0].cost) == (-10, 110)
        assert (await _refusal(_connect(live)))[1]["code"] == "budget_exceeded"
        server.close()

    live(test)


def test_the_next_target_is_asked_when_one_refuses(live: Run) -> None:
    async def test(live: Live) -> None:
        def refuse(socket: ServerConnection, request: Any) -> Any:
            return socket.respond(401, "no")

        bad, bad_port = await _upstream(process_request=refuse)
        good, good_port = await _upstream()
        live.serve(
            cloud("a", bad_port, capabilities=ABLE), cloud("b", good_port, capabilities=ABLE),
            aliases=(AliasRoute(name="m", targets=("a", "b")),),
        )  # fmt: skip
        async with _connect(live) as client:
            await client.send("x")
            assert await client.recv() == "x"
        await _until(lambda: len(live.journal.ends) == 2)
        assert [(r.model, r.status, r.outcome) for r in live.journal.ends] == [
            ("a", 401, Outcome.UPSTREAM_ERROR), ("b", 101, Outcome.OK),
        ]  # fmt: skip
        status, error = await _refusal(_connect(live, "a"))
        assert (status, error["code"]) == (502, "upstream_credentials")
        bad.close()
        good.close()

    live(test)


def test_a_host_that_came_through_an_api_is_dialled_where_it_was_checked(live: Run) -> None:
    async def test(live: Live) -> None:
        found = [["127.0.0.1"], ["169.254.169.254"]]

        async def lookup(host: str) -> list[str]:
            return found.pop(0)

        live.plane.lookup = lookup
        server, port = await _upstream()
        live.serve(cloud("m", base_url=f"http://models.example:{port}/v1", guarded=True, capabilities=ABLE))
        async with _connect(live) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
        status, error = await _refusal(_connect(live))
        assert status == 502 and "stands for 169.254.169.254" in error["message"]
        server.close()

    live(test)


def test_an_engine_is_waited_for_and_held(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        live.serve(local("local", capabilities=ABLE))
        target = live.plane.tables.targets["local"]
        opening = asyncio.ensure_future(_opened(_connect(live, "local")))
        await _until(lambda: target.waiters)
        live.grant(port)
        client = await opening
        instance = target.instance
        assert instance is not None
        assert instance.leases == 1
        await client.send("x")
        assert await client.recv() == "x"
        await client.close()
        await _until(lambda: instance.leases == 0)
        server.close()

    live(test)


async def _opened(connecting: connect) -> ClientConnection:
    return await connecting


def test_an_engine_without_it_is_not_suspected(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream(process_request=lambda socket, request: socket.respond(404, "no"))
        live.serve(local("local", capabilities=ABLE))
        live.grant(port)
        status, error = await _refusal(_connect(live, "local"))
        assert status == 502
        assert "status 404" in error["message"]
        assert not [message for message in live.uplink.sent if isinstance(message, link.Suspect)]
        server.close()

    live(test)


def test_who_reads_slowly_slows_the_upstream(live: Run) -> None:
    async def test(live: Live) -> None:
        piece, count = b"a" * 1_000_000, 40

        async def pour(socket: ServerConnection) -> None:
            for _ in range(count):
                await socket.send(piece)

        server, port = await _upstream(pour)
        live.serve(cloud("m", port, capabilities=ABLE))
        async with _connect(live, max_queue=1, max_size=None) as client:
            (conn,) = live.plane.connections
            await _until(lambda: conn.full)
            call = conn.call
            assert isinstance(call, Realtime)
            assert call.session is not None
            assert call.session.tr is not None
            assert not call.session.tr.is_reading()
            assert conn.tr.get_write_buffer_size() < 4_000_000
            for _ in range(count):
                assert await client.recv() == piece
        server.close()

    live(test)


def test_the_worker_ends(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        live.serve(cloud("m", port, capabilities=ABLE))
        async with _connect(live) as client:
            await live.plane.drain(0.0)
            await client.wait_closed()
        assert [r.outcome for r in live.journal.ends] == [Outcome.INTERRUPTED]
        server.close()

    live(test)


def test_what_cannot_be_recorded_is_not_opened(live: Run) -> None:
    async def test(live: Live) -> None:
        server, port = await _upstream()
        live.serve(cloud("m", port, capabilities=ABLE))
        live.journal.full = True
        assert (await _refusal(_connect(live)))[1]["code"] == "journal_unavailable"
        assert not server.connections
        server.close()

    live(test)


def test_over_tls(live: Run, tmp_path: Path) -> None:
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
        server, port = await _upstream(ssl=context)
        live.serve(cloud("m", base_url=f"https://localhost:{port}/v1", capabilities=ABLE))
        status, error = await _refusal(_connect(live))
        assert status == 502
        assert "connect: " in error["message"]
        live.plane.tls.load_verify_locations(cert)
        async with _connect(live) as client:
            await client.send("x")
            assert await client.recv() == "x"
        server.close()

    live(test)


@pytest.mark.parametrize(("said", "status", "outcome"), [
    (b"", 504, Outcome.TIMEOUT), (b"SSH-2.0-x\r\n\r\n", 502, Outcome.UPSTREAM_ERROR),
    (b"HTTP/1.1 101 X\r\nx: " + b"a" * 20_000, 502, Outcome.UPSTREAM_ERROR),
])  # fmt: skip
def test_an_upstream_that_answers_nothing_of_use(live: Run, said: bytes, status: int, outcome: Outcome) -> None:
    async def test(live: Live) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await reader.read(-1)
            writer.transport.abort()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        live.serve(cloud("m", port, capabilities=ABLE, first_byte_timeout=0.3))
        assert (await _refusal(_connect(live)))[0] == status
        assert [r.outcome for r in live.journal.ends] == [outcome]
        server.close()

    live(test)


def test_a_client_that_leaves_while_an_engine_loads(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(local("local", capabilities=ABLE))
        target = live.plane.tables.targets["local"]
        opening = asyncio.ensure_future(_opened(_connect(live, "local")))
        await _until(lambda: target.waiters)
        opening.cancel()
        await _until(lambda: not target.waiters)
        await _until(lambda: not live.plane.connections)
        assert not live.journal.ends

    live(test)
