"""A worker's plane behind a real listening socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from glowplug.domain.instance import Endpoint
from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.plane import Plane
from glowplug.wire import link
from tests.gateway.rig import (
    Journal,
    Response,
    Uplink,
    request,
    responses,
    snapshot,
)
from tests.waiting import until

GOOD = json.dumps({"usage": {"prompt_tokens": 1, "completion_tokens": 2}}).encode()


class Live:
    """A worker's plane behind a real listening socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.journal = Journal([])
        self.uplink = Uplink()
        self.control = str(folder / "control.sock")
        self.plane = Plane(self.loop, self.uplink, self.journal, self.control)
        self.port = 0

    async def start(self) -> None:
        self.server = await self.loop.create_server(lambda: ClientConnection(self.plane), "127.0.0.1", 0, backlog=4096)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.server.close()
        await self.plane.drain(0.0)
        for pool in self.plane._pools():
            pool.close()
        with contextlib.suppress(TimeoutError):  # what is open for good then, the journal's check tells
            await until(self._over, 1.0)
        self.journal.check()

    def _over(self) -> bool:
        """Nothing can happen any more: no connection to anybody, and every attempt was closed."""
        pools = self.plane._pools()
        return not (self.plane.connections or any(pool.open for pool in pools)) and self.journal.even()

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
Run = Callable[[Test], None]
"""Runs a test with a plane that listens, on the loop of the fixture `live`."""


class Control:
    """A scripted control process on the link socket."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[link.ToControl] = asyncio.Queue()
        self.met: asyncio.Queue[link.ToControl] = asyncio.Queue()
        """Who came, which every first request says."""
        self.writers: list[asyncio.StreamWriter] = []

    async def start(self, path: str) -> None:
        self.server = await asyncio.start_unix_server(self._client, path)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        frames = link.Frames()
        while data := await reader.read(65_536):
            for body in frames.feed(data):
                message = link.decode_to_control(body)
                (self.met if isinstance(message, link.Met) else self.got).put_nowait(message)

    def say(self, *messages: link.ToWorker) -> None:
        for message in messages:
            self.writers[-1].write(link.encode(message))

    async def stop(self, path: str) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        Path(path).unlink(missing_ok=True)  # noqa: ASYNC240
