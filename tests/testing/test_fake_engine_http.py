"""The HTTP side of the fake engine in this process, byte by byte."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import httptools
import pytest

from glowplug.testing import fake_engine_http
from glowplug.testing.fake_engine_http import CRASH_CODE, Behaviour, FakeServer
from tests.waiting import until

PLAIN = Behaviour(
    model="m", path="/w", key="k", build="b1", context=64, slots=2, tokens=4, drip=0.0, status=0, hang_after=-1,
    crash_after=-1, crash_line="out of memory",
)  # fmt: skip
Connect = Callable[[], Awaitable["Client"]]


class Client:
    """One connection, read answer by answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, path: str, body: Any = None, *, key: str = "k", more: str = "") -> None:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n{more}"
        )
        self.writer.write(f"{head}Authorization: Bearer {key}\r\n\r\n".encode() + data)

    async def answer(self) -> tuple[int, bytes]:
        self.body, self.complete = b"", False
        parser = httptools.HttpResponseParser(self)
        async with asyncio.timeout(10):
            while not self.complete:
                data = await self.reader.read(1)
                assert data, "it hung up"
                parser.feed_data(data)
        return parser.get_status_code(), self.body

    async def ask(self, path: str, body: Any = None, *, key: str = "k") -> tuple[int, Any]:
        self.send(path, body, key=key)
        status, data = await self.answer()
        return status, json.loads(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[tuple[FakeServer, Connect]]:
    server = FakeServer(replace(PLAIN, **changes))
    server.ready = True
    tasks: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.append(asyncio.get_running_loop().create_task(server.connection(reader, writer)))

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection(host, port)))
        return clients[-1]

    try:
        yield server, connect
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in (*writers, *(client.writer for client in clients)):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def test_while_it_loads_only_health_answers_and_says_so() -> None:
    async with serving() as (server, connect):
        server.ready = False
        client = await connect()
        for path, body in (("/health", None), ("/v1/models", None), ("/v1/chat/completions", {})):
            status, answer = await client.ask(path, body)
            assert (status, answer["error"]["message"]) == (503, "Loading model")
        server.ready = True
        assert await client.ask("/health") == (200, {"status": "ok"})


async def test_the_key_is_asked_for_everywhere_but_at_health() -> None:
    async with serving() as (_, connect):
        client = await connect()
        assert (await client.ask("/health", key=""))[0] == 200
        for path in ("/v1/models", "/props", "/slots", "/nothing"):
            assert (await client.ask(path, key="wrong"))[0] == 401
        assert (await client.ask("/nothing"))[0] == 404


async def test_what_it_tells_of_itself() -> None:
    async with serving() as (server, connect):
        client = await connect()
        server.active = 1
        assert (await client.ask("/v1/models?x=1"))[1]["data"][0]["id"] == "m"
        props = (await client.ask("/props"))[1]
        assert (props["total_slots"], props["model_path"], props["build_info"]) == (2, "/w", "b1")
        assert [slot["is_processing"] for slot in (await client.ask("/slots"))[1]] == [True, False]
        assert len((await client.ask("/tokenize", {"content": "a b c"}))[1]["tokens"]) == 3
        client.send("/metrics")
        assert await client.answer() == (200, b"llamacpp:requests_processing 1\n")


@pytest.mark.parametrize(("limit", "text", "finish"), [(None, 4, "stop"), (2, 2, "length"), (9, 4, "stop")])
async def test_a_plain_answer_counts_its_tokens(limit: int | None, text: int, finish: str) -> None:
    async with serving() as (server, connect):
        client = await connect()
        _, answer = await client.ask("/v1/chat/completions", {"messages": [], "max_tokens": limit})
        choice = answer["choices"][0]
        assert choice["message"]["content"] == " ".join(f"token{n + 1}" for n in range(text))
        assert (choice["finish_reason"], answer["usage"]["completion_tokens"]) == (finish, text)
        assert (await client.ask("/v1/completions", {"prompt": "x"}))[1]["choices"][0]["text"].startswith("token1 ")
        assert server.answered == 2


@pytest.mark.parametrize("usage", [True, False])
async def test_a_stream_is_framed_ended_and_counted_when_asked(usage: bool) -> None:
    async with serving() as (_, connect):
        client = await connect()
        client.send("/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": usage}})
        _, body = await client.answer()
        *events, done = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
        assert done == b"[DONE]"
        chunks = [json.loads(event) for event in events]
        deltas = [c["choices"][0]["delta"].get("content") for c in chunks if c["choices"]]
        assert "".join(filter(None, deltas)) == "token1 token2 token3 token4"
        assert [c["usage"]["completion_tokens"] for c in chunks if "usage" in c] == ([4] if usage else [])
        assert (await client.ask("/health"))[0] == 200, "the connection goes on"


async def test_embeddings_are_the_same_each_time_unit_long_and_packed_when_asked() -> None:
    async with serving() as (_, connect):
        client = await connect()
        _, plain = await client.ask("/v1/embeddings", {"input": ["a", "b"]})
        _, packed = await client.ask("/v1/embeddings", {"input": "a", "encoding_format": "base64"})
        one, two = (row["embedding"] for row in plain["data"])
        assert one != two and math.isclose(sum(x * x for x in one), 1.0)
        assert struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"])) == pytest.approx(one)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_an_empty_one(body: bytes) -> None:
    async with serving() as (_, connect):
        assert (await (await connect()).ask("/v1/chat/completions", body))[0] == 200


async def test_it_answers_with_the_status_it_is_told() -> None:
    async with serving(status=429) as (server, connect):
        assert (await (await connect()).ask("/v1/embeddings", {}))[0] == 429
        assert server.answered == 0


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving() as (_, connect):
        client = await connect()
        client.send("/v1/chat/completions", {"max_tokens": 1})
        await asyncio.sleep(0)
        assert b"token1" in (await client.answer())[1]
        client.send("/health")
        assert (await client.answer())[1] == b'{"status": "ok"}'


async def test_after_so_many_answers_it_hangs_for_everybody() -> None:
    async with serving(hang_after=1) as (_, connect):
        client = await connect()
        assert (await client.ask("/v1/embeddings", {"input": "a"}))[0] == 200
        other = await connect()
        for asking in (client, other):
            asking.send("/health")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asking.reader.read(1), 0.05)


async def test_a_client_that_leaves_stops_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(drip=60.0) as (server, connect):
        client = await connect()
        client.send("/v1/chat/completions", {"stream": True})
        await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), 10)
        assert server.active == 1
        client.writer.close()
        await until(lambda: server.active == 0)
        assert "cancel task" in capsys.readouterr().err


class Sink:
    """A writer whose bytes nobody wants."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/chat/completions"])
async def test_a_crash_comes_after_so_many_answers_with_its_last_words(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Crashed(Exception):
        pass

    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Crashed

    monkeypatch.setattr(fake_engine_http.os, "_exit", leave)
    server = FakeServer(replace(PLAIN, crash_after=1))
    request = fake_engine_http._Request()
    request.body = b'{"input": "a"}'
    writer: Any = Sink()
    await server._generate(path, request, writer)
    assert codes == []
    with pytest.raises(Crashed):
        await server._generate(path, request, writer)
    assert codes == [CRASH_CODE] and capsys.readouterr().err == "out of memory\n"


async def test_a_connection_that_is_to_close_closes() -> None:
    async with serving() as (_, connect):
        client = await connect()
        client.send("/health", more="Connection: close\r\n")
        assert (await client.answer())[0] == 200
        assert await asyncio.wait_for(client.reader.read(), 10) == b""
