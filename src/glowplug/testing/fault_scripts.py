"""What a broken upstream can be told to do: steps, and ready-made sequences of them, for `fault_upstream`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
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
    lines = [f"HTTP/{version} {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in pairs)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    """Python does not know the codes that providers and CDNs add (529, say)."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


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


# ---- streams that go wrong; `pieces` are bytes of the body, each sent as one chunk


def pieces_of(*pieces: bytes, media: str = "text/event-stream") -> Steps:
    """A chunked body of exactly these pieces, to its end: events need not be whole, or be events at all."""
    begin = Send(head(200, {"content-type": media, "transfer-encoding": "chunked"}))
    return (begin, *[Send(chunk(piece)) for piece in pieces], Send(LAST_CHUNK))


def slice_all(steps: Steps, size: int = 1, gap: float = 0.0) -> Steps:
    """The same bytes in segments of `size`; with a `gap` (seconds) it is a slow drip."""
    return tuple(Slices(step.data, size, gap) if isinstance(step, Send) else step for step in steps)


def stalled(*pieces: bytes, media: str = "text/event-stream", mark: str = "stalled") -> Steps:
    """A stream that says nothing more after these pieces, and stays open."""
    return (*pieces_of(*pieces, media=media)[:-1], Mark(mark), Silence())


def reset_after(*pieces: bytes, media: str = "text/event-stream", gate: str = "cut") -> Steps:
    """A stream that is reset behind these pieces.

    It waits for `let(gate)` first, because a reset may destroy what the client has not read yet.
    """
    return (*pieces_of(*pieces, media=media)[:-1], Wait(gate), Reset())


def with_crlf(data: bytes) -> bytes:
    """Lines that end in CRLF, as the standard of server-sent events allows."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def giant_line(size: int) -> bytes:
    """One event of chat completions with `size` bytes of content, on one line."""
    return event(json.dumps({"choices": [{"index": 0, "delta": {"content": "x" * size}}]}))


MALFORMED: Mapping[str, bytes] = {
    "no JSON": b"data: {not json}\n\n",
    "half a JSON": b'data: {"choices":[{"delta":{"content":\n\n',
    "another JSON": b"data: [1, 2]\n\n",
    "no field": b"what is this\n\n",
    "unknown field": b"colour: blue\n\n",
    "no data": b"event: nothing\n\n",
    "a NUL": b"data: \x00\n\n",
    "no UTF-8": b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n',
}
"""Events that are none, or none of any wire."""


# ---- refusals


RETRY_AFTER: Mapping[str, str] = {
    "seconds": "7",
    "zero": "0",
    "fraction": "1.5",
    "absurd": "99999999999999999999",
    "negative": "-5",
    "garbage": "soon",
    "past date": "Mon, 01 Jan 2001 00:00:00 GMT",
}
"""What servers write into Retry-After (RFC 9110, 10.2.3: seconds or a date); `retry_date` makes one to come."""


def retry_date(at: float) -> str:
    """A moment (Unix seconds) as Retry-After says it."""
    return formatdate(at, usegmt=True)


def refusing(status: int = 429, retry_after: str | None = None, body: bytes = b'{"error":{"message":"busy"}}') -> Steps:
    """An error, with Retry-After exactly as given."""
    more = {} if retry_after is None else {"retry-after": retry_after}
    return (Send(head(status, {**JSON, **more, "content-length": str(len(body))}) + body),)


def burst(count: int, fault: Steps, then: Steps) -> Mapping[int | str, Steps]:
    """The first `count` requests meet the fault, all later ones do not."""
    return {**dict.fromkeys(range(count), fault), "*": then}


def flapping(count: int, fault: Steps, good: Steps) -> Mapping[int | str, Steps]:
    """The fault at every second of `count` requests, beginning with the first; all later ones are good."""
    return {**{number: fault if number % 2 == 0 else good for number in range(count)}, "*": good}


def typed(body: bytes, media: str, status: int = 200) -> Steps:
    """A whole answer with another content type than it should have: a page of a proxy, say."""
    return (Send(head(status, {"content-type": media, "content-length": str(len(body))}) + body),)


def error_inside(message: str = "the model crashed", code: int | str = 500) -> bytes:
    """The body of an error that comes with status 200, as some routers answer; as an event with `event`."""
    return json.dumps({"error": {"message": message, "code": code}}).encode()
