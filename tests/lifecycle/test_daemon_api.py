"""Calls to a daemon: what they return, and what they raise when something else is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from glowplug.lifecycle import daemon_api
from glowplug.lifecycle.daemon_api import DaemonApi, DaemonError
from glowplug.lifecycle.ports import free_port
from tests.support.ollama import daemon


async def test_load_list_show_unload(tmp_path: Path) -> None:
    async with daemon(tmp_path) as fake:
        api = DaemonApi("127.0.0.1", fake.port)
        assert await api.version() == "0.33.2"
        assert (await api.running()).models == []
        await api.load("mistral:7b", {"num_ctx": 16}, embeddings=False)
        await api.load("nomic-embed-text", {"num_ctx": 16}, embeddings=True)
        assert {entry.name for entry in (await api.running()).models} == {"mistral:7b", "nomic-embed-text:latest"}
        assert (await api.show("mistral:7b")).weights.startswith("/fake/blobs/")
        for id in ("mistral:7b", "nomic-embed-text"):
            await api.unload(id)
        async with asyncio.timeout(10):
            while (await api.running()).models:
                await asyncio.sleep(0.01)
        with pytest.raises(DaemonError) as refused:
            await api.load("nomic-embed-text", {}, embeddings=False)
        assert refused.value.status == 400 and "does not support generate" in str(refused.value)


async def test_leaving_a_load_cancels_it(tmp_path: Path) -> None:
    async with daemon(tmp_path, FAKE_OLLAMA_LOAD="30") as fake:
        load = asyncio.ensure_future(DaemonApi("127.0.0.1", fake.port).load("mistral:7b", {}, embeddings=False))
        async with asyncio.timeout(10):
            while await fake.loaded() != ["mistral:7b"]:
                await asyncio.sleep(0.01)
            load.cancel()
            while (await fake.state())["cancelled"] != 1:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "no version"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno", "404 no"),
        (b"SSH-2.0-x\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", None),
        (b"", None),
    ],
)
async def test_strangers(says: bytes, why: str | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    api = DaemonApi("127.0.0.1", server.sockets[0].getsockname()[1])
    with pytest.raises(DaemonError if why else OSError) as raised:
        await api.version()
    assert why is None or why in str(raised.value)
    server.close()


async def test_nobody_and_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError):
        await DaemonApi("127.0.0.1", free_port()).running()
    monkeypatch.setattr(daemon_api, "QUICK", 0.05)
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    with pytest.raises(TimeoutError):
        await DaemonApi("127.0.0.1", server.sockets[0].getsockname()[1]).running()
    for writer in held:
        writer.close()
    server.close()


def test_its_name_is_an_address() -> None:
    assert DaemonApi("127.0.0.1", 1).name == "127.0.0.1:1"
    assert DaemonApi("::1", 1).name == "[::1]:1"
