"""What a broken upstream can be told to do: steps, and ready-made sequences of them, for `fault_upstream`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

# ---- steps


@dataclass(frozen=True)
class Send:
    """Write these bytes in one go (and wait until the socket took them)."""

    data: bytes


@dataclass(frozen=True)
class Slices:
    """Write the bytes in pieces of `size`, each its own TCP segment, `gap` seconds apart.

    With `gap=0` the loop turns twice between two pieces, so that a reader in the same process sees them one by one; a
    reader in another process may see several at once.
    """

    data: bytes
    size: int = 1
    gap: float = 0.0


@dataclass(frozen=True)
class Mark:
    """Say that this point has been reached (`await upstream.reached(name)`)."""

    name: str


@dataclass(frozen=True)
class Wait:
    """Go on when the test says `upstream.let(name)`."""

    name: str


@dataclass(frozen=True)
class StopReading:
    """Take nothing more from the client's socket: its writes must stall.  Until `ResumeReading` it is not noticed
    either that the client leaves."""


@dataclass(frozen=True)
class ResumeReading:
    """Read again."""


@dataclass(frozen=True)
class HalfClose:
    """Send FIN, keep reading."""


@dataclass(frozen=True)
class Close:
    """Close in order: what was sent still arrives, then FIN."""


@dataclass(frozen=True)
class Reset:
    """Send RST: what was sent and not read may be lost."""


@dataclass(frozen=True)
class Silence:
    """Never say anything again; ends when the client leaves."""


Step = Send | Slices | Mark | Wait | StopReading | ResumeReading | HalfClose | Close | Reset | Silence
Steps = Sequence[Step]


@dataclass(frozen=True)
class Script:
    """Steps and when they begin: once the whole request is there, or already after its head."""

    steps: Steps
    start: Literal["request", "head"] = "request"


# ---- bytes


def head(status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]] = (), *, version: str = "1.1") -> bytes:
    """A response head exactly as given: no header is added, so any framing (or none, or two) can be written."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"HTTP/{version} {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of `Transfer-Encoding: chunked` (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
EVENT_STREAM = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
JSON = {"content-type": "application/json"}


def event(data: str) -> bytes:
    """One server-sent event."""
    return f"data: {data}\n\n".encode()


# ---- ready-made answers


def plain(body: bytes, status: int = 200) -> Steps:
    """An ordinary answer with Content-Length."""
    return (Send(head(status, {**JSON, "content-length": str(len(body))}) + body),)


def stream(*events: str) -> Steps:
    """An ordinary chunked event stream with a last chunk; `[DONE]` is not added."""
    parts = [Send(chunk(event(data))) for data in events]
    return (Send(head(200, EVENT_STREAM)), *parts, Send(LAST_CHUNK))


def until_close(body: bytes) -> Steps:
    """No framing: the body ends with the connection (RFC 9112, 6.3)."""
    return (Send(head(200, JSON) + body), Close())


def sliced_chunks(body: bytes, size: int = 1) -> Steps:
    """Chunks of `size` bytes, and the bytes on the wire one by one."""
    parts = b"".join(chunk(body[i : i + size]) for i in range(0, len(body), size))
    return (Slices(head(200, {**JSON, "transfer-encoding": "chunked"}) + parts + LAST_CHUNK),)


def both_framings(body: bytes) -> Steps:
    """Content-Length and Transfer-Encoding at once: the classic of request smuggling."""
    headers = {**JSON, "content-length": str(len(body)), "transfer-encoding": "chunked"}
    return (Send(head(200, headers) + chunk(body) + LAST_CHUNK),)


def two_lengths(body: bytes) -> Steps:
    """Two Content-Length headers that differ."""
    lengths = [("content-length", str(len(body))), ("content-length", str(len(body) + 1))]
    return (Send(head(200, lengths) + body),)


def cut_short(body: bytes, missing: int = 1) -> Steps:
    """Content-Length promises `missing` bytes more than come before the close."""
    return (Send(head(200, {**JSON, "content-length": str(len(body) + missing)}) + body), Close())


def cut_chunks(*events: str) -> Steps:
    """An event stream that closes without its last chunk."""
    return (*stream(*events)[:-1], Close())


def huge_header(size: int) -> Steps:
    """A header value of `size` bytes."""
    return (Send(head(200, {"x-huge": "a" * size, "content-length": "2"}) + b"{}"),)


def garbage(data: bytes = b"\x16\x03\x01 this is not HTTP\r\n\r\n") -> Steps:
    """Bytes that are no HTTP, then a close."""
    return (Send(data), Close())


def informed(body: bytes, *statuses: int) -> Steps:
    """Interim responses (100, 103 …) before the answer, all in one write."""
    return (Send(b"".join(head(s) for s in statuses)), *plain(body))
