"""A command that runs in our place: it has our terminal, gets our signals, and its exit code becomes ours."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from shutil import which
from threading import Thread
from time import monotonic

from glowplug.errors import GlowplugError, NotFound

_PASSED = frozenset(
    {
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT,
        signal.SIGWINCH,
    }
)  # fmt: skip
_AWAITED = _PASSED | {signal.SIGCHLD}
_FROM_KERNEL = 0x80
"""`si_code` of what the terminal sends: to its whole foreground group, so the command has had it already."""


def check(command: Sequence[str]) -> None:
    """Raises NotFound for a program that cannot be started, before anything is done for it."""
    if which(command[0]) is None:
        raise NotFound(
            f"there is no program {command[0]!r}", hint="check its name and your PATH; options of ours go before the --"
        )


def run(command: Sequence[str], stdout: int, until: float | None, over: Callable[[], None]) -> int:
    """Run it to its end and return its exit code, 128 + n when signal n ended it.  For the main thread.

    `stdout` is the file descriptor it writes to.  `over` is called once when `monotonic()` passes `until` before its
    end.  Raises GlowplugError when it cannot be started.
    """
    with _collected():
        try:
            pid = os.posix_spawnp(
                command[0],
                list(command),
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, stdout, 1)],
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these two
            )
        except OSError as error:
            hint = "is it a script without a first line that names its shell?" if error.errno == errno.ENOEXEC else ""
            raise GlowplugError(f"{command[0]} cannot be started: {error.strerror}", hint=hint) from None
        Thread(target=_tell_end, args=(pid, threading.get_ident()), daemon=True).start()
        code = os.waitstatus_to_exitcode(_wait(pid, until, over))
        return code if code >= 0 else 128 - code


def _tell_end(pid: int, listener: int) -> None:
    """Wake the thread that waits, by a signal to it alone: one to the whole process may end in any thread of it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    with suppress(ChildProcessError):  # it was seen to end already
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    signal.pthread_kill(listener, signal.SIGCHLD)


@contextmanager
def _collected() -> Iterator[None]:
    """Signals wait until they are looked at, in this thread; what is left of them is dropped at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        yield
    finally:
        # An interrupt that was meant for the command must not end what is still to be done after it.
        while signal.sigtimedwait(_AWAITED, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(pid: int, until: float | None, over: Callable[[], None]) -> int:
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        left = None if until is None else until - monotonic()
        if left is not None and left <= 0:
            over()
            until = None
            continue
        came = signal.sigwaitinfo(_AWAITED) if left is None else signal.sigtimedwait(_AWAITED, left)
        if came is not None and came.si_signo in _PASSED and came.si_code != _FROM_KERNEL:
            os.kill(pid, came.si_signo)  # not reaped yet, so the number is still its own
