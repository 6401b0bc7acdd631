"""Engine logs: files that engines append to, their last lines kept in a ring for failures and progress.

Nothing is read while nothing loads: an idle engine costs no wake-ups here.  People read and follow the file itself
(`glowplug.usecases.logs`).
"""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

RING = 2000
ROTATE_BYTES = 8 << 20
LONGEST_LINE = 4096
_CATCH_UP = 1 << 20


class Tail:
    """Reads what was appended to a file since the last look; follows a rotation."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self._partial = b""

    def read(self) -> list[str]:
        """The complete lines that are new.  Of a great many only the last MiB is read."""
        try:
            with self._path.open("rb") as file:
                info = os.fstat(file.fileno())
                if info.st_ino != self._inode or info.st_size < self._offset:
                    self._inode, self._offset, self._partial = info.st_ino, 0, b""
                if info.st_size - self._offset > _CATCH_UP:
                    self._offset, self._partial = info.st_size - _CATCH_UP, b""
                file.seek(self._offset)
                data = file.read(info.st_size - self._offset)
        except FileNotFoundError:
            return []
        self._offset += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [_text(line) for line in lines]

    @property
    def partial(self) -> str:
        """What was written after the last end of line (llama.cpp's progress dots, say)."""
        return _text(self._partial)


class LogBook:
    """The log of one model: its file and the ring of its last lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tail = Tail(path)
        self._ring: deque[str] = deque(maxlen=RING)
        self._fresh = 0

    def begin(self) -> None:
        """A launch is about to append: what follows belongs to it.  A file above 8 MiB is put aside as `.1`."""
        self.poll()
        try:
            if self.path.stat().st_size > ROTATE_BYTES:
                self.path.replace(self.path.with_name(self.path.name + ".1"))
        except FileNotFoundError:
            pass
        self._fresh = 0

    def resume(self) -> None:
        """An engine that already writes was taken over: what follows belongs to it."""
        self.poll()
        self._fresh = 0

    def poll(self) -> None:
        """Take in what the engine wrote."""
        lines = self._tail.read()
        self._ring.extend(lines)
        self._fresh = min(self._fresh + len(lines), RING)

    def of_launch(self) -> list[str]:
        """Lines of the current launch, the unfinished last one included."""
        lines = list(self._ring)[-self._fresh :] if self._fresh else []
        return [*lines, self._tail.partial] if self._tail.partial else lines

    def last(self, count: int) -> list[str]:
        """The last lines, oldest first, as of now."""
        self.poll()
        lines = [*self._ring, self._tail.partial] if self._tail.partial else list(self._ring)
        return lines[-count:] if count > 0 else []


def _text(line: bytes) -> str:
    return line[:LONGEST_LINE].rstrip(b"\r").decode(errors="replace")
