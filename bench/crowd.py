"""Several streamed requests at once from one thread, and the moment at which each hears its first event."""

from __future__ import annotations

import json
import selectors
import socket
import time
from dataclasses import dataclass

from bench.programs import BenchError

PATIENCE = 30.0


@dataclass
class _Member:
    """One connection."""

    sock: socket.socket
    heard: bytes = b""
    first: float = 0.0
    """Of its answer's first event, on the monotonic clock; 0.0 until then."""

    @property
    def done(self) -> bool:
        return b"[DONE]" in self.heard and self.heard.endswith(b"0\r\n\r\n")


class Crowd:
    """Clients with kept-alive connections of their own."""

    def __init__(self, port: int, key: str, size: int) -> None:
        self._key = key
        self._members = [_Member(socket.create_connection(("127.0.0.1", port), PATIENCE)) for _ in range(size)]

    def ask(self, model: str) -> None:
        """Everybody sends a streamed request."""
        body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {self._key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        for member in self._members:
            member.heard, member.first = b"", 0.0
            member.sock.sendall(head.encode() + body)

    def answers(self, *told: str) -> list[float]:
        """The moments of the first events, in the order in which they came, when all answers have come to their end.

        Raises BenchError when one did not, or its head lacks one of the lines `told`.
        """
        with selectors.DefaultSelector() as ready:
            for member in self._members:
                ready.register(member.sock, selectors.EVENT_READ, member)
            left, until = len(self._members), time.monotonic() + PATIENCE
            while left:
                found = ready.select(until - time.monotonic())
                if not found:
                    raise BenchError(f"{left} of {len(self._members)} answers did not come")
                for key, _ in found:
                    if _hear(key.data):
                        ready.unregister(key.fileobj)
                        left -= 1
        for member in self._members:
            lines = member.heard.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")
            if lines[0] != "http/1.1 200 ok" or not set(told) <= set(lines):
                raise BenchError(f"answered otherwise than {told}: {member.heard[:500]!r}")
        return sorted(member.first for member in self._members)

    def close(self) -> None:
        for member in self._members:
            member.sock.close()


def _hear(member: _Member) -> bool:
    """Read what is there; whether that was the end of the answer.  Raises BenchError."""
    try:
        data = member.sock.recv(65536)
    except ConnectionResetError:
        data = b""
    if not data:
        raise BenchError(f"a connection ended in an answer: {member.heard[:500]!r}")
    member.heard += data
    if not member.first and b"\ndata: " in member.heard:
        member.first = time.monotonic()
    return member.done
