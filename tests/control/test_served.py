"""The application under a real uvicorn on a real Unix socket: what streams, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn

from glowplug.control.events import Event
from tests.control.conftest import Control
from tests.waiting import until


@asynccontextmanager
async def served(control: Control, path: Path) -> AsyncIterator[httpx.AsyncClient]:
    config = uvicorn.Config(control.app, uds=str(path), log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.ensure_future(server._serve())
    await until(lambda: server.started)
    headers = {"x-api-key": control.admin_key}
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield client
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)


async def test_events_and_logs_stream_and_leave_nothing_behind(control: Control, tmp_path: Path) -> None:
    log = tmp_path / "local.log"
    log.write_text("one\n")
    async with served(control, tmp_path / "c.sock") as client:
        async with client.stream("GET", "/admin/events") as response:
            lines = response.aiter_lines()
            assert await asyncio.wait_for(anext(lines), 5) == ": listening"
            control.events.publish(Event(kind="config", at=1.0, data={"changed": ["x"]}))
            assert await asyncio.wait_for(anext(lines), 5) == ""
            assert await asyncio.wait_for(anext(lines), 5) == "event: config"
            assert response.headers["content-type"].startswith("text/event-stream")
        async with client.stream("GET", "/admin/models/local/logs?follow=1&lines=5") as response:
            text = response.aiter_text()
            assert await asyncio.wait_for(anext(text), 5) == "one\n"
            with log.open("a") as file:
                file.write("two\n")
            assert await asyncio.wait_for(anext(text), 5) == "two\n"
        await until(lambda: len(control.events) == 0)
        assert (await client.get("/admin/status")).status_code == 200
