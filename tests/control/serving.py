"""The application under a real uvicorn on a real Unix socket, for what streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn

from tests.control.conftest import Control
from tests.support.published import held
from tests.waiting import until


@asynccontextmanager
async def served(control: Control, path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An admin's client of the application that listens at `path`."""
    config = uvicorn.Config(control.app, uds=str(path), log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.ensure_future(server._serve())
    await until(lambda: server.started)
    headers, hooks = {"x-api-key": control.admin_key}, held()
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers, event_hooks=hooks
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 10)
