"""Whose a state directory is: one process runs on it, and holds its lock."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from glowplug.errors import Conflict
from glowplug.paths import Paths


@contextmanager
def claim(paths: Paths) -> Iterator[int]:
    """The lock of this state directory, as an open descriptor.  Raises Conflict when somebody runs on it."""
    paths.prepare()
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(descriptor):
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            raise Conflict(
                f"Glowplug is running on {paths.state} already{f' (pid {holder})' if holder.isdigit() else ''}",
                hint="stop it first, or give this one another --state-dir",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)  # the supervisor keeps this pid
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Take the lock.  Tried for a fifth of a second: an engine's guard has it for a moment when its holder dies."""
    for _ in range(10):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False
