from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel, Ready
from glowplug.engines.base import Readiness
from glowplug.engines.command import Command
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.lifecycle.ports import free_port
from glowplug.lifecycle.probe import HttpProber, look

MODEL = LocalModel(name="m", engine="llamacpp", path="/w", command=("srv",))


@asynccontextmanager
async def server(*answers: bytes | None) -> AsyncIterator[tuple[Endpoint, list[bytes]]]:
    """Gives one answer for each connection; None: accept and stay silent."""
    todo, heard, silent = list(answers), [], asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = todo.pop(0)
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await silent.wait()
        else:
            writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield Endpoint(instance="i", model="m", host="127.0.0.1", port=port, key="secret"), heard
    finally:
        silent.set()
        listening.close()
        await listening.wait_closed()


def http(status: int, body: bytes = b"{}") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([http(503)], Readiness.LOADING),
        ([http(200), http(200, b'{"data":[{"id":"m"}]}')], Readiness.READY),
        ([http(200), b'HTTP/1.0 200 OK\r\n\r\n{"data":[{"id":"m"}]}'], Readiness.READY),
        ([http(200), http(200, b'{"data":[{"id":"n"}]}')], Readiness.WRONG),
        ([http(200), http(401)], Readiness.WRONG),
        ([http(404)], Readiness.WRONG),
        ([b"SSH-2.0-OpenSSH\r\n"], Readiness.WRONG),
        ([b""], Readiness.REFUSED),
    ],
)
async def test_what_is_found(answers: list[bytes], found: Readiness) -> None:
    async with server(*answers) as (endpoint, heard):
        assert (await look(LlamaCpp(), MODEL, endpoint))[0] is found
        assert heard[0].startswith(b"GET /health HTTP/1.1\r\n")
        assert all(b"Authorization: Bearer secret\r\n" in request for request in heard)


async def test_nobody_listens() -> None:
    endpoint = Endpoint(instance="i", model="m", host="127.0.0.1", port=free_port(), key="k")
    assert (await look(LlamaCpp(), MODEL, endpoint))[0] is Readiness.REFUSED


@pytest.mark.parametrize(
    ("ready", "answer", "found", "path"),
    [
        (Ready(http="/up", status=204), b"HTTP/1.1 204 X\r\n\r\n", Readiness.READY, b"/up"),
        (Ready(http="/up", status=204), http(200), Readiness.LOADING, b"/up"),
        (Ready(http="/up"), b"SSH-2.0-OpenSSH\r\n", Readiness.WRONG, b"/up"),
    ],
)
async def test_a_model_may_say_where_to_ask(ready: Ready, answer: bytes, found: Readiness, path: bytes) -> None:
    model = LocalModel(name="m", engine="command", command=("srv",), ready=ready)
    async with server(answer) as (endpoint, heard):
        assert (await look(Command(), model, endpoint))[0] is found
        assert len(heard) == 1 and heard[0].startswith(b"GET " + path + b" HTTP/1.1\r\n")


@pytest.mark.parametrize("ready", [None, Ready(tcp=True), Ready(log="ready")])
async def test_an_open_port_is_enough_where_nothing_can_be_asked(ready: Ready | None) -> None:
    model = LocalModel(name="m", engine="command", command=("srv",), ready=ready)
    nobody = Endpoint(instance="i", model="m", host="127.0.0.1", port=free_port(), key="k")
    assert (await look(Command(), model, nobody))[0] is Readiness.REFUSED
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        somebody = Endpoint(instance="i", model="m", host="127.0.0.1", port=port, key="k")
        assert (await look(Command(), model, somebody))[0] is Readiness.READY


async def test_silence_ends_in_time() -> None:
    async with server(None) as (endpoint, _):
        assert (await look(LlamaCpp(), MODEL, endpoint, limit=0.05))[0] is Readiness.SILENT


async def test_the_prober_calls_back_once() -> None:
    prober = HttpProber()
    async with server(http(503)) as (endpoint, _):
        result: asyncio.Future[tuple[Readiness, str]] = asyncio.get_running_loop().create_future()
        prober.probe(LlamaCpp(), MODEL, endpoint, lambda readiness, detail: result.set_result((readiness, detail)))
        assert (await asyncio.wait_for(result, 20))[0] is Readiness.LOADING
    prober.close()
