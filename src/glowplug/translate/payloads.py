"""The payloads of server-sent events, in whatever pieces their bytes come.  Pure.

Every event of the wires that are translated is one `data:` line; names of events, comments and empty lines are passed
over.  Framing: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 8 << 20
"""Bytes of one line; nothing a model says in one step is that long."""


class Payloads:
    """Bytes in, the payloads of the lines that are complete out."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Payloads, in order.  Raises ValueError when a line is longer than anything a model says."""
        if self._held:
            data = self._held + data
            self._held = b""
        lines = data.split(b"\n")
        rest = lines.pop()
        if rest:
            if len(rest) > LONGEST:
                raise ValueError(f"a line is longer than {LONGEST} bytes")
            self._held = rest
        return [line[5:] for line in lines if line.startswith(b"data:")]

    def end(self) -> list[bytes]:
        """The stream is over: a last line without a line end."""
        rest, self._held = self._held, b""
        return [rest[5:]] if rest.startswith(b"data:") else []
