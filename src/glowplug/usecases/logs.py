"""An engine's log: its last lines, and what it writes from now on.

Read from the file the engine writes, so that it is there after a restart of anything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

MOST_LINES = 10_000
_CHUNK = 65_536
_POLL_SECONDS = 0.2


def tail(path: Path, lines: int) -> tuple[bytes, int]:
    """The last `lines` lines and the offset behind them; nothing when there is no file yet.  Raises OSError."""
    try:
        with path.open("rb") as file:
            end = at = file.seek(0, os.SEEK_END)
            data = b""
            # One more line end than lines, because the last line has one too.
            while at > 0 and data.count(b"\n") <= lines:
                step = min(_CHUNK, at)
                at -= step
                file.seek(at)
                data = file.read(step) + data
            kept = data.splitlines(keepends=True)[-lines:] if lines > 0 else []
            return b"".join(kept), end
    except FileNotFoundError:
        return b"", 0


async def follow(path: Path, lines: int, poll: float = _POLL_SECONDS) -> AsyncIterator[bytes]:
    """The last lines and then whatever is appended, for ever; goes on in the new file when the log is rotated."""
    inode = _inode(path)
    data, offset = tail(path, lines)
    if data:
        yield data
    while True:
        await asyncio.sleep(poll)
        data, inode, offset = _appended(path, inode, offset)
        if data:
            yield data


def _appended(path: Path, inode: int | None, offset: int) -> tuple[bytes, int | None, int]:
    """What is in the file behind `offset` (of a new file: all of it), and where to go on."""
    try:
        with path.open("rb") as file:
            now = os.fstat(file.fileno())
            if now.st_ino != inode or now.st_size < offset:
                offset = 0
            file.seek(offset)
            data = file.read(1 << 20)
            return data, now.st_ino, offset + len(data)
    except FileNotFoundError:
        return b"", inode, offset


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
