from __future__ import annotations

import asyncio

import pytest

from glowplug.domain.instance import Endpoint
from glowplug.engines.base import Request
from glowplug.lifecycle.asking import LONGEST_ANSWER, AnswerError, reachable, send
from glowplug.lifecycle.ports import free_port
from tests.lifecycle.test_probe import http, server


async def test_a_request_carries_key_body_and_length() -> None:
    async with server(http(202, b"done")) as (endpoint, heard):
        request = Request("POST", "/sleep?level=1", b'{"a":1}')
        assert await send(endpoint, request) == (202, b"done")
    assert heard[0].startswith(b"POST /sleep?level=1 HTTP/1.1\r\n")
    for line in (b"Authorization: Bearer secret", b"Content-Type: application/json", b"Content-Length: 7"):
        assert line + b"\r\n" in heard[0]


@pytest.mark.parametrize(("method", "length"), [("POST", True), ("DELETE", True), ("GET", False)])
async def test_an_empty_body_has_a_length_where_one_could_be(method: str, length: bool) -> None:
    async with server(http(200)) as (endpoint, heard):
        await send(endpoint, Request(method, "/x"))
    assert (b"Content-Length: 0\r\n" in heard[0]) is length and b"Content-Type" not in heard[0]


async def test_silence_ends_in_time() -> None:
    async with server(None) as (endpoint, _):
        with pytest.raises(TimeoutError):
            await send(endpoint, Request("POST", "/x", timeout=0.05))


async def test_what_is_no_answer() -> None:
    async with server(b"SSH-2.0-OpenSSH\r\n", b"", http(200, bytes(LONGEST_ANSWER))) as (endpoint, _):
        with pytest.raises(AnswerError, match="did not answer in HTTP"):
            await send(endpoint, Request("GET", "/x"))
        with pytest.raises(ConnectionResetError):
            await send(endpoint, Request("GET", "/x"))
        with pytest.raises(AnswerError, match="more than"):
            await send(endpoint, Request("GET", "/x"))


async def test_nobody_listens() -> None:
    endpoint = Endpoint(instance="i", model="m", host="127.0.0.1", port=free_port(), key="k")
    with pytest.raises(ConnectionRefusedError):
        await send(endpoint, Request("GET", "/x"))
    with pytest.raises(ConnectionRefusedError):
        await reachable(endpoint)


async def test_a_port_can_be_tried_without_a_word() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        await reachable(Endpoint(instance="i", model="m", host="127.0.0.1", port=port, key="k"))
        assert await asyncio.wait_for(heard, 10) == b""
