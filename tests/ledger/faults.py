"""Segment files that fail, or die, at the n-th system call."""

from __future__ import annotations

import errno
from pathlib import Path

from glowplug.ledger.segments import Header, Segment, SegmentFiles


class Killed(Exception):
    """Stands for kill -9: nothing in the code under test catches it."""


class FaultyFiles(SegmentFiles):
    """Counts calls down; at zero the call raises `Killed`, before or after it had its effect."""

    def __init__(self, fail_at: int = -1, after: bool = False) -> None:
        self.left = fail_at
        self.after = after
        self.calls = 0
        self.full = False

    def tick(self, after: bool) -> None:
        if after == self.after:
            self.calls += 1
            self.left -= 1
            if self.left == 0:
                raise Killed

    def names(self, directory: Path) -> list[str]:
        self.tick(False)
        return super().names(directory)

    def create(self, path: Path, size: int, header: bytes) -> Segment:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path, size, header)

    def header(self, path: Path) -> Header:
        self.tick(False)
        return super().header(path)

    def read(self, path: Path, start: int, end: int) -> bytes:
        self.tick(False)
        return super().read(path, start, end)

    def remove(self, path: Path) -> None:
        self.tick(False)
        super().remove(path)
        self.tick(True)

    def set_aside(self, path: Path) -> None:
        self.tick(False)
        super().set_aside(path)
        self.tick(True)
