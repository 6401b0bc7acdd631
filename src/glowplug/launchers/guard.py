"""The program that ends an engine nobody comes back for.

Engines outlive the control process and the supervisor, so that the next ones can adopt them.  If both are killed and
nobody starts Glowplug again, an engine would hold its memory for ever: each has a guard that waits for its end and for
the lock of the state directory to be let go.  When nobody holds the lock, and nobody does after `grace` either, it ends
the engine.  Waiting costs no wake-up: a poll on a pidfd without a time limit, and a thread inside flock(2).

Run by its path with `python -I -S guard.py JSON`: standard library only, it is there once for each running engine.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import sys
import threading
import time
from typing import NamedTuple

GRACE = 60.0
"""Seconds without anybody on the state directory.  A supervisor that is restarted is back in one or two; a person who
starts Glowplug again after a crash may need a minute."""
STOP_TIMEOUT = 10.0
"""Seconds between asking and killing, where the model's own is not known."""
NAME = "GLOWPLUG_GUARD"
"""The mark of the engine, in the environment of its guard."""
_KILLS = 20
_KILL_PAUSE = 0.1


class Task(NamedTuple):
    """What to guard."""

    lock: str
    """The file that the supervisor holds (flock) as long as it lives."""
    mark: str
    """`NAME=value` in the environment of everything that descends from the engine."""
    pid: int
    start_time: int
    stop_timeout: float = STOP_TIMEOUT
    grace: float = GRACE
    end: tuple[str, ...] = ()
    """The program that asks it to end, where a signal of ours does not reach it."""

    def command(self) -> list[str]:
        return [sys.executable, "-I", "-S", __file__, json.dumps(self)]

    @property
    def entry(self) -> bytes:
        """In the environment of the guard: by it one is found."""
        return f"{NAME}={self.mark}".encode()

    def environment(self) -> dict[str, str]:
        """What the guard needs to find `end`, and its own mark."""
        passed = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST", "CONTAINER_HOST")
        return {name: os.environ[name] for name in passed if name in os.environ} | {NAME: self.mark}


class Stat(NamedTuple):
    """Of a process: proc(5), /proc/PID/stat."""

    state: str
    group: int
    session: int
    start_time: int


def read_stat(pid: int) -> Stat | None:
    """None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - without pathlib
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return Stat(fields[0], int(fields[2]), int(fields[3]), int(fields[19]))


def members(task: Task) -> list[int]:
    """Living processes of the engine: its session and group while its number is its own, and whoever has the mark."""
    leader = read_stat(task.pid)
    own = leader is None or leader.start_time == task.start_time
    return [pid for name in os.listdir("/proc") if name.isdigit() and _belongs(task, pid := int(name), own)]  # noqa: PTH208


def _belongs(task: Task, pid: int, own: bool) -> bool:
    stat = read_stat(pid)
    if stat is None or stat.state in "ZX":
        return False
    if own and task.pid in (pid, stat.group, stat.session):
        return True
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return task.mark.encode() in file.read().split(b"\0")
    except OSError:
        return False


class Guard:
    """Guards one engine."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._poll = select.poll()

    def run(self) -> None:
        """Until the engine has ended, by itself or by us."""
        try:
            engine = os.pidfd_open(self._task.pid)
        except ProcessLookupError:
            return
        stat = read_stat(self._task.pid)
        if stat is None or stat.start_time != self._task.start_time:
            return
        self._poll.register(engine, select.POLLIN)
        while True:
            if self._wait_until_free():
                return
            if self._ended_within(self._task.grace):
                return
            if self._is_free():
                break
        self._end()

    def _ended_within(self, seconds: float) -> bool:
        return bool(self._poll.poll(seconds * 1000))

    def _wait_until_free(self) -> bool:
        """Whether the engine ended before the lock was let go."""
        freed, told = os.pipe()

        def wait() -> None:
            self._take(fcntl.LOCK_SH)
            os.close(told)

        # A thread, because a lock cannot be polled for; it is left behind in the kernel when the engine ends first.
        threading.Thread(target=wait, daemon=True).start()
        self._poll.register(freed, select.POLLIN)
        ready = [descriptor for descriptor, _ in self._poll.poll()]
        self._poll.unregister(freed)
        os.close(freed)
        return any(descriptor != freed for descriptor in ready)

    def _is_free(self) -> bool:
        return self._take(fcntl.LOCK_SH | fcntl.LOCK_NB)

    def _take(self, how: int) -> bool:
        """Have the lock for a moment.  Opened anew each time: a file that was replaced has another lock."""
        try:
            descriptor = os.open(self._task.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _end(self) -> None:
        """Ask, wait as long as the model has to stop, then kill whatever is left."""
        sys.stderr.write(f"glowplug: nobody came back for it in {self._task.grace:g} s: stopping it\n")
        sys.stderr.flush()
        if self._task.end:
            import subprocess  # 2 MiB that hardly any guard ever needs

            subprocess.run(self._task.end, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        else:
            _signal(self._task, signal.SIGTERM)
        self._ended_within(self._task.stop_timeout)
        for _ in range(_KILLS):
            if not _signal(self._task, signal.SIGKILL):
                return
            time.sleep(_KILL_PAUSE)


def _signal(task: Task, number: int) -> int:
    """Signal everything that belongs to it; how many that are."""
    found = members(task)
    for pid in found:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
    return len(found)


def main(argv: list[str]) -> None:
    *fields, end = json.loads(argv[1])
    Guard(Task._make([*fields, tuple(end)])).run()


if __name__ == "__main__":
    main(sys.argv)
