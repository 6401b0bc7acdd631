"""Seeing a process end that need not be our child."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


def background(argv: Sequence[str], env: Mapping[str, str], output: Path | None = None) -> int:
    """Start a helper in a session of its own that outlives us, and reap it if we outlive it; its pid.

    What it prints is appended to `output`, or dropped.  Raises OSError.
    """
    where, flags = (os.devnull, os.O_WRONLY) if output is None else (output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    pid = os.posix_spawnp(
        argv[0],
        list(argv),
        env,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(where), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD),
    )
    collect(pid)
    return pid


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
