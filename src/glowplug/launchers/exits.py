"""Seeing a process end that need not be our child."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress


def collect(pid: int) -> None:
    """Reap a child of ours when it ends; nobody else waits for it."""

    def reap() -> None:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)

    ExitWatch(pid, reap)


class ExitWatch:
    """Calls `ended` once, on the event loop, when the process has ended.  Holds a pidfd: its number is never confused
    with a later process's."""

    def __init__(self, pid: int, ended: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended: Callable[[], None] | None = ended
        self._pidfd: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:  # ESRCH; EINVAL for pid 0
            self._loop.call_soon(self._fire)
        else:
            self._loop.add_reader(self._pidfd, self._fire)

    def _fire(self) -> None:
        ended = self._ended
        self.close()
        if ended is not None:
            ended()

    def close(self) -> None:
        """Watch it no more."""
        self._ended = None
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
