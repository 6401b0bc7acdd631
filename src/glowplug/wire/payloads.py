"""The payloads of a stream of server-sent events, however its bytes are cut: for who reads a stream, not who passes it.

Framing: https://html.spec.whatwg.org/multipage/server-sent-events.html (`data` lines of one event are joined by a line
feed; comments and other fields are skipped).  An event without its empty line counts when the stream ends: upstreams
leave the last one out.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 8 << 20
"""Bytes of one unfinished event at most."""
DONE: Final = b"[DONE]"


class TooLong(ValueError):
    """An event does not end."""


class Payloads:
    """Bytes in, payloads of complete events out."""

    __slots__ = ("_held", "_lines")

    def __init__(self) -> None:
        self._held = b""
        self._lines: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that these bytes complete.  Raises TooLong."""
        *lines, self._held = (self._held + data).split(b"\n")
        out: list[bytes] = []
        for line in lines:
            self._line(line.removesuffix(b"\r"), out)
        if len(self._held) + sum(map(len, self._lines)) > LONGEST:
            raise TooLong(f"an event is longer than {LONGEST} bytes")
        return out

    def end(self) -> list[bytes]:
        """The stream is over: the payload of an event whose end is missing."""
        out: list[bytes] = []
        self._line(self._held.removesuffix(b"\r"), out)
        self._line(b"", out)
        self._held = b""
        return out

    def _line(self, line: bytes, out: list[bytes]) -> None:
        if line.startswith(b"data:"):
            self._lines.append(line[5:].removeprefix(b" "))
        elif not line and self._lines:
            out.append(b"\n".join(self._lines))
            self._lines = []
