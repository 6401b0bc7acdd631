"""The server on the control socket (see also test_process.py, which runs it)."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glowplug.control.http_server import HTTP_STOPS_WITHIN, http_server
from glowplug.errors import StoreError


async def _here(_request: Request) -> Response:
    return Response("here")


async def test_it_serves_on_a_socket_of_this_user_and_ends_when_told(state_dir: Path) -> None:
    path = state_dir / "c.sock"
    server, listening = http_server(Starlette(routes=[Route("/", _here)]), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()
    writer.close()
    server.end()
    await asyncio.wait_for(serving, HTTP_STOPS_WITHIN + 3)
    listening.close()


async def test_a_socket_of_before_is_replaced(state_dir: Path) -> None:
    path = state_dir / "c.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    _, listening = http_server(Starlette(), path)
    listening.close()


def test_a_place_where_none_can_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made"):
        http_server(Starlette(), tmp_path / "no" / "c.sock")
