"""Server-sent events as a byte stream: finding the usage in passing, and leaving one event out.

Two readers over the same problem, both pure and indifferent to how the bytes are cut:

* `UsageWatch` lets every byte through at once and looks for the usage on the side;
* `UsageFilter` also removes the usage-only event that the gateway itself asked for, so it holds back the bytes of an
  event that is not complete yet.

Framing: https://html.spec.whatwg.org/multipage/server-sent-events.html (lines end in LF or CRLF; an empty line ends an
event; a line that begins with a colon is a comment).  The standard's third line end, a lone CR, is not looked for: such
a stream passes the filter whole, but late.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

import msgspec

from glowplug.wire.openai import chunk_usage
from glowplug.wire.openai_values import Usage, read_first

MAX_HELD: Final = 1 << 20
"""Bytes of one unfinished event that are kept at most; beyond, they pass unread."""

_USAGE_OBJECT = re.compile(rb'"usage"\s*:\s*\{')
_EVENT_END = re.compile(rb"\r?\n\r?\n")
_DONE = re.compile(rb"(?:\A|\n)data: ?\[DONE\]\r?\n\s*\Z")
"""At the start of a line, and with its end: text of a model may say `data: [DONE]` in the middle of one."""


class Watch(Protocol):
    """A reader over one stream: what may pass, the usage seen, and whether the end has come."""

    @property
    def usage(self) -> Usage | None:
        """What was reported so far."""

    @property
    def broken(self) -> str:
        """Why no more will come although the answer has not ended; empty as long as all is well, and always where
        nothing is translated."""

    def feed(self, data: bytes) -> bytes: ...
    def end(self) -> bytes: ...
    def is_last(self, out: bytes) -> bool:
        """Whether these bytes, which `feed` or `end` gave, complete the answer."""


def is_last(data: bytes) -> bool:
    """Whether these bytes end with the `[DONE]` event."""
    return b"[DONE]" in data[-32:] and _DONE.search(data, max(0, len(data) - 32)) is not None


def event(payload: bytes) -> bytes:
    """One event with this payload (a single line)."""
    return b"data: %b\n\n" % payload


_CLIENTS_FAULTS: Final = ("invalid_request_error", "BadRequestError")
"""Types of errors that every target would answer with (OpenAI and Anthropic; vLLM)."""


def first_failure(block: bytes) -> str | None:
    """What the first event says went wrong, when it is an error (`{"error": {"message", "code", "type"}}`, in every
    wire) that another target may not have; None for content and for what is the client's own fault."""
    line = next((line for line in block.splitlines() if line.startswith(b"data:")), b"")
    return failure(line[5:])


def failure(payload: bytes) -> str | None:
    """The same of one payload, or of a whole answer."""
    try:
        fault = read_first(payload).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if fault is None or fault.type in _CLIENTS_FAULTS:
        return None
    code = fault.code
    if isinstance(code, int) and 400 <= code < 500 and code not in (408, 429):
        return None
    return fault.message or "an error without a message"


def named_event(name: bytes, payload: bytes) -> bytes:
    """One event with a name; the payload is put on one line."""
    return b"event: %b\ndata: %b\n\n" % (name, b" ".join(payload.splitlines()))


def comment(text: str) -> bytes:
    """A comment that clients ignore; keeps a connection busy."""
    return b": %b\n\n" % text.encode().replace(b"\n", b" ").replace(b"\r", b" ")


class UsageWatch:
    """Watches a stream that passes untouched.  `usage` is the last one seen."""

    broken = ""

    __slots__ = ("_tail", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._tail = b""

    def is_last(self, out: bytes) -> bool:
        """As the function."""
        return is_last(out)

    def feed(self, data: bytes) -> bytes:
        """Look at the next bytes; they are returned as they are."""
        text = data
        if self._tail:
            text = self._tail + data
            self._tail = b""
        if not text.endswith(b"\n"):
            cut = text.rfind(b"\n") + 1
            rest = text[cut:]
            self._tail = rest if len(rest) <= MAX_HELD else b""
            text = text[:cut]
        if b'"usage"' in text and _USAGE_OBJECT.search(text) is not None:
            self._scan(text)
        return data

    def end(self) -> bytes:
        """The stream is over; nothing is ever held back."""
        if b'"usage"' in self._tail:
            self._scan(self._tail)
        self._tail = b""
        return b""

    def _scan(self, block: bytes) -> None:
        """Look for usage in a block of whole lines."""
        for line in block.splitlines():
            if line.startswith(b"data:") and b'"usage"' in line:
                self.read(line[5:])

    def read(self, payload: bytes) -> None:
        """Take the usage out of one payload; what another wire's watch does differently."""
        usage, _ = chunk_usage(payload)
        self.usage = usage or self.usage


class UsageFilter:
    """Watches a stream and leaves out events that are nothing but usage."""

    broken = ""

    __slots__ = ("_held", "usage")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._held = b""

    def is_last(self, out: bytes) -> bool:
        """As the function."""
        return is_last(out)

    def feed(self, data: bytes) -> bytes:
        """The bytes that may pass now."""
        held = self._held
        if not held and data.endswith(b"\n\n"):
            return self._pass(data)
        text = held + data if held else data
        end = 0
        for found in _EVENT_END.finditer(text, max(0, len(held) - 3)):  # what is held has no end but half of one
            end = found.end()
        rest = text[end:]
        if len(rest) > MAX_HELD:
            self._held = b""
            return self._pass(text[:end]) + rest
        self._held = rest
        return self._pass(text[:end]) if end else b""

    def end(self) -> bytes:
        """The stream is over: what was held back."""
        rest, self._held = self._held, b""
        return self._pass(rest) if rest else b""

    def _pass(self, block: bytes) -> bytes:
        if b'"usage"' not in block or _USAGE_OBJECT.search(block) is None:
            return block
        kept: list[bytes] = []
        start = 0
        for found in _EVENT_END.finditer(block):
            one = block[start : found.end()]
            start = found.end()
            kept.append(_blank(one) if self._only_usage(one) else one)
        rest = block[start:]
        if rest:
            kept.append(_blank(rest) if self._only_usage(rest) else rest)
        return b"".join(kept)

    def _only_usage(self, one: bytes) -> bool:
        if b'"usage"' not in one:
            return False
        payload = b"\n".join(line[5:] for line in one.splitlines() if line.startswith(b"data:"))
        usage, alone = chunk_usage(payload)
        self.usage = usage or self.usage
        return alone


def _blank(one: bytes) -> bytes:
    """The line ends in front of an event: they stay, or what passes would depend on where the stream was cut."""
    return one[: len(one) - len(one.lstrip(b"\r\n"))]


class Through:
    """No events at all (sound, say): everything passes, and it ends when it ends."""

    broken = ""

    __slots__ = ("usage",)

    def __init__(self) -> None:
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""

    def is_last(self, out: bytes) -> bool:
        return False
