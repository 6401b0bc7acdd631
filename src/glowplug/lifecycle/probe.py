"""Asking an engine whether it is there: one short HTTP/1.1 request on a connection of its own, parsed by httptools."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httptools

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, Readiness
from glowplug.lifecycle.ports import OnProbe

TIMEOUT = 2.0
LONGEST_ANSWER = 1 << 20


@dataclass
class _Answer:
    """Filled by the parser's callbacks."""

    status: int = 0
    body: bytes = b""
    complete: bool = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class AnswerError(ValueError):
    """What came back is not an HTTP answer, or has no end."""


async def ask(endpoint: Endpoint, path: str) -> tuple[int, bytes]:
    """GET `path` with the launch key; status and body.  Raises OSError when nobody listens or the connection breaks,
    AnswerError when it is not HTTP."""
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {endpoint.host}:{endpoint.port}\r\nAuthorization: Bearer {endpoint.key}\r\n"
            "Accept: application/json\r\nConnection: close\r\n\r\n".encode()
        )
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        size = 0
        while not answer.complete:
            data = await reader.read(65536)
            size += len(data)
            if size > LONGEST_ANSWER:
                raise AnswerError(f"{path} answered more than {LONGEST_ANSWER} bytes")
            if not data:
                break
            try:
                parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise AnswerError(f"{path} did not answer in HTTP: {error}") from None
        if not size:
            raise ConnectionResetError(f"{path}: the connection was closed without an answer")
        return parser.get_status_code(), answer.body
    finally:
        writer.close()


async def look(engine: Engine, model: LocalModel, endpoint: Endpoint, limit: float = TIMEOUT) -> tuple[Readiness, str]:
    """What one probe finds, and details for people.  Never raises; takes at most `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            status, body = await ask(endpoint, engine.health_path)
            readiness = engine.read_health(status, body, model)
            if readiness is Readiness.WRONG:
                return readiness, f"{engine.health_path} answered {status}"
            if readiness is Readiness.READY and engine.identity_path:
                status, body = await ask(endpoint, engine.identity_path)
                if problem := engine.read_identity(status, body, model):
                    return Readiness.WRONG, problem
            return readiness, ""
    except TimeoutError:
        return Readiness.SILENT, f"no answer within {limit:g} s"
    except AnswerError as error:
        return Readiness.WRONG, str(error)
    except OSError as error:
        return Readiness.REFUSED, error.strerror or str(error)


class HttpProber:
    """Probes over real connections, each in a task of its own."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()

    def probe(self, engine: Engine, model: LocalModel, endpoint: Endpoint, done: OnProbe) -> None:
        async def run() -> None:
            done(*await look(engine, model, endpoint, self._timeout))

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
