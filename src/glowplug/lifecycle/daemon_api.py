"""The calls of an Ollama daemon that loading and unloading needs, each on a connection of its own.

Closing the connection of a load cancels it: Ollama stops a load whose client has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httptools

from glowplug.translate.chat_to_ollama import load_call, unload_call
from glowplug.wire import ollama
from glowplug.wire.ollama import OptionValue, Process, Shown

QUICK = 3.0
"""Seconds for a call that has nothing to load."""
LONGEST_ANSWER = 16 << 20


class DaemonError(Exception):
    """The daemon answered with an error, or something else answered.  The text begins with the status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status


class _Answer:
    """Filled by the parser's callbacks."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class DaemonApi:
    """One daemon's address.  Every call raises OSError when nobody listens or the connection breaks, TimeoutError
    when it takes too long, DaemonError for every answer but the one hoped for."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port

    @property
    def name(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def version(self) -> str:
        """What runs there.  Raises DaemonError when it is not Ollama."""
        async with asyncio.timeout(QUICK):
            body = await self._ask("GET", ollama.VERSION)
        version = ollama.read_version(body)
        if not version:
            raise DaemonError(200, "its answer has no version")
        return version

    async def running(self) -> Process:
        """What is loaded or being loaded."""
        async with asyncio.timeout(QUICK):
            body = await self._ask("GET", ollama.RUNNING)
        found = ollama.read_process(body)
        if found is None:
            raise DaemonError(200, "its answer is no list of models")
        return found

    async def load(self, id: str, options: Mapping[str, OptionValue], *, embeddings: bool) -> None:
        """Load a model for ever; back when it is loaded, however long that takes."""
        path = ollama.EMBED if embeddings else ollama.GENERATE
        await self._ask("POST", path, load_call(id, options, embeddings=embeddings))

    async def unload(self, id: str) -> None:
        """Unload it once its requests have ended; back at once."""
        async with asyncio.timeout(QUICK):
            await self._ask("POST", ollama.GENERATE, unload_call(id))

    async def show(self, id: str) -> Shown:
        async with asyncio.timeout(QUICK):
            return ollama.read_shown(await self._ask("POST", ollama.SHOW, unload_call(id)))

    async def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            head = f"{method} {path} HTTP/1.1\r\nHost: {self.name}\r\nConnection: close\r\n"
            if body:
                head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write(head.encode() + b"\r\n" + body)
            status, answer = await _read(reader)
        finally:
            writer.close()
        if status != 200:
            raise DaemonError(status, ollama.read_error(answer))
        return answer


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    while not answer.complete:
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError("the connection was closed in the middle of an answer")
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise DaemonError(0, f"its answer is not HTTP: {error}") from None
        if len(answer.body) > LONGEST_ANSWER:
            raise DaemonError(0, f"its answer is longer than {LONGEST_ANSWER} bytes")
    return parser.get_status_code(), bytes(answer.body)
