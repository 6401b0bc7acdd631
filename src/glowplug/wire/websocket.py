"""The messages in one direction of a websocket that passes untouched, as far as a gateway looks into them.

Format: RFC 6455 §5.2 to §5.4, without extensions: whoever looks on asks for none.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 1 << 20
"""Bytes of a message that is read; of a longer one only the end is found."""
_TEXT: Final = 1
_BINARY: Final = 2
_CONTROL: Final = 8


class Texts:
    """Finds the text messages in the bytes of a server, whatever pieces they come in, in bounded memory."""

    __slots__ = ("_fin", "_frame", "_head", "_left", "_message", "_open", "broken", "longest")

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest
        self.broken = False
        """What came is no websocket as it is understood here; nothing more is found."""
        self._head = b""
        self._left = 0
        """Bytes of the current frame that are still to come."""
        self._frame = False
        """The current frame is part of the message."""
        self._fin = False
        self._open = 0
        """The kind of the message that has begun and not ended, or 0."""
        self._message: bytearray | None = None
        """What of it has come, or None when it is not read."""

    @property
    def between(self) -> bool:
        """No frame has begun and not ended, so that one of ours may follow."""
        return not self._left and not self._head

    def feed(self, data: bytes) -> list[bytes]:
        """The text messages that end in these bytes."""
        found: list[bytes] = []
        at = 0
        while at < len(data) and not self.broken:
            at = (self._payload if self._left else self._header)(data, at, found)
        return found

    def _payload(self, data: bytes, at: int, found: list[bytes]) -> int:
        end = min(len(data), at + self._left)
        self._left -= end - at
        if self._frame and self._message is not None:
            if len(self._message) + end - at > self.longest:
                self._message = None
            else:
                self._message += data[at:end]
        if not self._left:
            self._ended(found)
        return end

    def _header(self, data: bytes, at: int, found: list[bytes]) -> int:
        need = self._needed()
        piece = data[at : at + need - len(self._head)]
        self._head += piece
        if len(self._head) >= 2 and len(self._head) == self._needed():
            head, self._head = self._head, b""
            self._begun(head)
            if not self.broken and not self._left:
                self._ended(found)
        return at + len(piece)

    def _needed(self) -> int:
        if len(self._head) < 2:
            return 2
        return 2 + {126: 2, 127: 8}.get(self._head[1] & 0x7F, 0)

    def _begun(self, head: bytes) -> None:
        """A frame has begun."""
        kind = head[0] & 0x0F
        self._fin = head[0] >= 0x80
        self._left = head[1] & 0x7F if len(head) == 2 else int.from_bytes(head[2:], "big")
        self._frame = kind < _CONTROL
        wrong = head[0] & 0x70 or head[1] & 0x80 or self._left >> 63
        if not self._frame:
            self.broken = bool(wrong) or not self._fin or self._left > 125
            return
        continues = kind == 0
        self.broken = bool(wrong) or kind > _BINARY or continues is not bool(self._open)
        if not continues:
            self._open = kind
            self._message = bytearray() if kind == _TEXT else None

    def _ended(self, found: list[bytes]) -> None:
        """A frame has ended."""
        if not self._frame or not self._fin:
            return
        if self._message is not None:
            found.append(bytes(self._message))
        self._message = None
        self._open = 0


def closing(code: int, why: str) -> bytes:
    """The frame with which a server ends a websocket (RFC 6455 §5.5.1, §7.4.1); of `why` 123 bytes are told."""
    payload = code.to_bytes(2, "big") + why.encode()[:123]
    return bytes((0x88, len(payload))) + payload
