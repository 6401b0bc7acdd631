"""Requests as a test server sees them: parsed by httptools, kept whole, compared by eye.

Shared by `fake_provider` (well-behaved) and `fault_upstream` (anything but).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httptools


@dataclass(frozen=True)
class Received:
    """One request that arrived: what a test asserts on."""

    number: int
    """Counted from 0 over the life of the server, in the order in which the heads arrived."""
    connection: int
    """Counted from 0; equal numbers came over the same TCP connection."""
    method: str
    target: str
    """The request target as sent, query string included."""
    raw_headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order sent, repeated ones kept."""
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; of repeated ones the last."""
        return dict(self.raw_headers)

    @property
    def json(self) -> Any:
        """The body as JSON.  Raises ValueError when it is none."""
        return json.loads(self.body)

    @property
    def model(self) -> str:
        """The `model` of a JSON body, or an empty string."""
        try:
            body = self.json
        except ValueError:
            return ""
        name = body.get("model") if isinstance(body, dict) else None
        return name if isinstance(name, str) else ""


@dataclass(frozen=True)
class RequestHead:
    """The part of a request that is there before its body."""

    method: str
    target: str
    raw_headers: tuple[tuple[str, str], ...]
    keep_alive: bool

    @property
    def expects_continue(self) -> bool:
        """The client waits for `100 Continue` before it sends the body."""
        return any(n == "expect" and v.lower() == "100-continue" for n, v in self.raw_headers)


class RequestParser:
    """Bytes in, heads and bodies out; any split of the bytes gives the same requests.

    After each `feed`, `heads` holds the heads that became complete and `bodies` the bodies; the caller empties both.
    `feed` raises `httptools.HttpParserError` on what is not HTTP/1.x.
    """

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.bodies: list[bytes] = []
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An offer to upgrade is not taken up here; the request itself is complete and gets an ordinary answer.
            return

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = []
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.heads.append(
            RequestHead(
                self._parser.get_method().decode("ascii"),
                self._target.decode("latin-1"),
                tuple(self._headers),
                self._parser.should_keep_alive(),
            )
        )

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self.bodies.append(b"".join(self._body))
