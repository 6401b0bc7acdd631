"""The HTTP server of the control process: uvicorn on a Unix socket of this user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from glowplug.errors import StoreError

HTTP_STOPS_WITHIN = 2
"""Seconds that requests may go on when it ends."""


class QuietServer(uvicorn.Server):
    """uvicorn without its ten wake-ups a second and without its signal handlers.

    The tick only dates the Date header, which is off here; signals are handled by the control process, because
    engines are stopped after the last request that may want one.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    async def main_loop(self) -> None:
        await self._end.wait()

    def end(self) -> None:
        self.should_exit = True
        self._end.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


_BACKLOG = 1024


def http_server(app: Starlette, path: Path) -> tuple[QuietServer, socket.socket]:
    """The server and its listening socket at `path` (mode 0600), not yet serving.  Raises StoreError when the socket
    cannot be made."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        listening.listen(_BACKLOG)  # who asks before it serves waits a moment instead of being refused
    except OSError as error:
        listening.close()
        raise StoreError(f"the socket {path} cannot be made: {error.strerror}", hint="check its directory") from None
    finally:
        os.umask(old)
    config = uvicorn.Config(
        app,
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=HTTP_STOPS_WITHIN,
    )
    return QuietServer(config), listening
