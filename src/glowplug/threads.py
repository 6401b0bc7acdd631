"""Threads that give way: work in the background that shares a core with who serves requests (Linux).

The kernel lets a thread that runs finish its slice, about 3 ms, before one that wakes up gets its turn.  A thread that
asks for long slices is interrupted by any that has shorter ones, and as `SCHED_BATCH` it interrupts nobody when it
wakes up itself.  Its share of the processor stays what it was, so nobody who waits for what it holds waits longer; a
nice value would take from its share.  docs/design/ledger.md has the figures.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from typing import Final

_SET_ATTRIBUTES: Final = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Number of the system call `sched_setattr`, for which older C libraries have no function."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""`struct sched_attr` of sched_setattr(2): size, policy, flags, nice, priority, runtime, deadline, period."""
_LONGEST: Final = 100_000_000
"""Nanoseconds: the longest slice there is.  Kernels before 6.12 have one length for all and ignore it."""
_SHORTEST: Final = 100_000
"""Nanoseconds, likewise."""


def step_aside() -> bool:
    """The calling thread gives way from now on; False where it cannot, or somebody has chosen a policy for it."""
    if not hasattr(os, "SCHED_BATCH"):
        return False
    try:
        if os.sched_getscheduler(0) != os.SCHED_OTHER:
            return False
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except OSError:  # a sandbox that does not let us: nothing is lost but milliseconds
        return False
    _slices(os.SCHED_BATCH, _LONGEST)
    return True


def be_prompt() -> bool:
    """The calling thread gets its turn soon after it wakes up, at the price of shorter ones: for who serves requests,
    beside engines that use every core.  False where somebody has chosen a policy for it."""
    if not hasattr(os, "SCHED_BATCH") or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return False
    _slices(os.SCHED_OTHER, _SHORTEST)
    return True


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """The calling thread gives way meanwhile."""
    stepped = step_aside()
    try:
        yield
    finally:
        if stepped:
            _slices(os.SCHED_OTHER, 0)
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _slices(policy: int, nanoseconds: int) -> None:
    """Ask for slices of this length, 0 for the kernel's own; whether it listens makes no difference to us."""
    number = _SET_ATTRIBUTES.get(platform.machine())
    if number is None:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, policy, 0, nice, 0, nanoseconds, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, attributes, 0)
