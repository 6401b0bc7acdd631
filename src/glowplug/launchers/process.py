"""The `process` launcher: each engine leads a session of its own and outlives the process that started it.

No pipe and no parent-death signal ties an engine to the control process: output goes to a file, its exit is seen by
a pidfd (which works for a process that is not our child as well), and an environment variable marks everything that
descends from it, so that what left the process group is found too.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchError, LaunchSpec, OnExit, Sample
from glowplug.launchers.exits import background
from glowplug.launchers.guard import GRACE, STOP_TIMEOUT, Task

_log = logging.getLogger(__name__)

MARKER = "GLOWPLUG_ENGINE"
"""`<installation>:<instance>` in the environment of every engine."""

_PASSED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
_PASSED_PREFIXES = (
    "LC_", "XDG_", "CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "ROCM_", "GPU_", "VK_", "ZE_", "ONEAPI_", "SYCL_",
    "OMP_", "GOMP_", "GGML_", "LLAMA_", "OLLAMA_",
)  # fmt: skip
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


def clean_environment(source: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """What an engine may inherit of `source` (paths, locale, drivers, nothing that looks secret), and `extra`."""
    kept = {
        name: value
        for name, value in source.items()
        if (name in _PASSED or name.startswith(_PASSED_PREFIXES)) and not any(word in name for word in _SECRET_WORDS)
    }
    return {**kept, **extra}


class ProcessGroup:
    """A running engine: the leader's session, its process group, and whatever carries its mark."""

    launcher = "process"
    device_memory: int | None = None
    unit = ""

    def __init__(self, pid: int, start_time: int, mark: str, log: Path, on_exit: OnExit) -> None:
        self.pid = pid
        self.start_time = start_time
        self._mark = f"{MARKER}={mark}".encode()
        self._log = log
        self._on_exit: OnExit | None = on_exit
        self._loop = asyncio.get_running_loop()
        self._pidfd: int | None = None
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._loop.call_soon(self._ended)
        else:
            self._loop.add_reader(self._pidfd, self._ended)

    def _ended(self) -> None:
        code = None
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            # Not reaped before the whole group is gone: the zombie keeps its number, and with it the group's, taken.
            with suppress(ChildProcessError):
                result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if result is not None:
                    code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        callback, self._on_exit = self._on_exit, None
        if callback is not None:
            callback(code)

    def _members(self, *, marked: bool = True) -> list[procfs.Stat]:
        """Who belongs to it; without `marked` only the session and the group, which is cheaper to find out."""
        found = []
        leader = procfs.read_stat(self.pid)
        ours = leader is None or leader.start_time == self.start_time
        for stat in procfs.processes():
            inside = ours and self.pid in (stat.pid, stat.group, stat.session)
            if not stat.dead and (inside or (marked and procfs.environ_has(stat.pid, self._mark))):
                found.append(stat)
        return found

    def survivors(self) -> tuple[int, ...]:
        return tuple(stat.pid for stat in self._members())

    def terminate(self, number: int = signal.SIGTERM) -> None:
        leader = procfs.read_stat(self.pid)
        if leader is not None and leader.start_time == self.start_time:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)
        else:
            procfs.send(self._members(), number)

    def kill(self) -> None:
        procfs.send(self._members(), signal.SIGKILL)

    def sample(self) -> Sample:
        return procfs.sample(self._members(marked=False), self._log)

    def memory(self) -> int | None:
        return sum(stat.resident for stat in self._members(marked=False)) or None

    def close(self) -> None:
        self._on_exit = None
        if self._pidfd is None:
            return
        self._loop.remove_reader(self._pidfd)
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        os.close(self._pidfd)
        self._pidfd = None


class ProcessLauncher:
    """Launches into the session of their own.  `owner`: what tells installations apart, e.g. the state directory.

    `lock`: the file that is held as long as Glowplug runs; with it each engine gets a guard that ends it when nobody
    came back for `grace` seconds (`launchers/guard.py`).
    """

    def __init__(self, owner: str | os.PathLike[str], lock: Path | None = None, grace: float = GRACE) -> None:
        self._owner = sha256(os.fsencode(owner)).hexdigest()[:16]
        self._lock = lock
        self._grace = grace

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return clean_environment(os.environ, extra)

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> ProcessGroup:
        mark = f"{self._owner}:{spec.instance}"
        env = {**self.environment(spec.env), MARKER: mark}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            pid = os.posix_spawnp(
                spec.argv[0],
                spec.argv,
                env,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.fspath(spec.log), flags, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD),
            )
        except OSError as error:
            missing = error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR)
            raise LaunchError(f"{spec.argv[0]} could not be started: {error.strerror}", missing=missing) from error
        stat = procfs.read_stat(pid)
        start_time = stat.start_time if stat else 0
        self._guard(mark, pid, start_time, spec.log, spec.stop_timeout)
        return ProcessGroup(pid, start_time, mark, spec.log, on_exit)

    def _guard(
        self,
        mark: str,
        pid: int,
        start_time: int,
        log: Path,
        stop_timeout: float = STOP_TIMEOUT,
        *,
        look: bool = False,
    ) -> None:
        """Give an engine its guard, unless it has one (`look`)."""
        if self._lock is None:
            return
        task = Task(os.fspath(self._lock), f"{MARKER}={mark}", pid, start_time, stop_timeout, self._grace)
        if look and any(procfs.environ_has(stat.pid, task.entry) for stat in procfs.processes()):
            return
        try:
            background(task.command(), task.environment(), log)
        except OSError as error:
            _log.warning("the engine with pid %d has no guard: %s", pid, error.strerror)

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "process",
        argv_hash: str = "",
    ) -> ProcessGroup | None:
        if not procfs.still_there(pid, start_time, argv_hash):
            return None
        mark = f"{self._owner}:{instance}"
        self._guard(mark, pid, start_time, log, look=True)
        return ProcessGroup(pid, start_time, mark, log, on_exit)

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        strays = []
        for stat in procfs.processes():
            value = None if stat.dead else procfs.environ_value(stat.pid, MARKER.encode())
            if value is not None:
                owner, _, instance = value.decode(errors="replace").partition(":")
                if owner == self._owner and instance not in keep:
                    strays.append(stat)
        procfs.send(strays, signal.SIGKILL)
        return tuple(stat.pid for stat in strays)
