"""One HTTP/1.1 request to an engine, on a connection of its own, parsed by httptools."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httptools

from glowplug.domain.instance import Endpoint
from glowplug.engines.base import Request

LONGEST_ANSWER = 1 << 20
"""Bytes of an answer, its head included."""


@dataclass
class _Answer:
    """Filled by the parser's callbacks."""

    body: bytes = b""
    complete: bool = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class AnswerError(ValueError):
    """What came back is not an HTTP answer, or has no end."""


async def send(endpoint: Endpoint, request: Request) -> tuple[int, bytes]:
    """Send it with the launch key; status and body.

    Raises OSError when nobody listens or the connection breaks, TimeoutError (an OSError) after `request.timeout`,
    AnswerError when what comes back is not HTTP or longer than a MiB.
    """
    async with asyncio.timeout(request.timeout):
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        try:
            writer.write(_head(endpoint, request) + request.body)
            return await _read(reader, request.path)
        finally:
            writer.close()


async def reachable(endpoint: Endpoint) -> None:
    """Connect and leave.  Raises OSError when nobody listens."""
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.close()


def _head(endpoint: Endpoint, request: Request) -> bytes:
    lines = [
        f"{request.method} {request.path} HTTP/1.1",
        f"Host: {endpoint.host}:{endpoint.port}",
        f"Authorization: Bearer {endpoint.key}",
        "Accept: application/json",
        "Connection: close",
    ]
    if request.body:
        lines.append("Content-Type: application/json")
    if request.body or request.method not in ("GET", "HEAD"):
        lines.append(f"Content-Length: {len(request.body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read(reader: asyncio.StreamReader, path: str) -> tuple[int, bytes]:
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
