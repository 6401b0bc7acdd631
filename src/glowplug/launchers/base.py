"""What a launcher is: a way to start a process, to own everything it becomes, and to find it again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

OnExit = Callable[[int | None], None]
"""Called once on the event loop when the leader ended: its exit code, negative for a signal, None when unknown."""


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What to start.  `env` is added to a clean environment; output is appended to `log`."""

    instance: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    model: str = ""
    """For people: what unit and container names and descriptions say."""
    launcher: str = "auto"
    """Which launcher the configuration asks for."""
    memory_max: int | None = None
    """Bytes of host memory the whole group may take, where the launcher can enforce it."""
    image: str = ""
    """The image a container launcher runs."""
    port: int = 0
    """The loopback port it will listen on; a container has to publish it."""
    mounts: tuple[str, ...] = ()
    """Files and folders it reads, for a container."""
    unit: str = ""
    """An existing unit of the user's systemd to start instead of `argv`."""
    stop_timeout: float = 10.0


class LaunchError(Exception):
    """The program could not be started; the message names it and the reason."""

    def __init__(self, message: str, *, missing: bool) -> None:
        super().__init__(message)
        self.missing = missing
        """There is no such program, or it is none: trying again helps only when that changes."""


class Sample(NamedTuple):
    """What a process group has done so far, to tell working from waiting."""

    cpu_ticks: int
    io_bytes: int
    log_bytes: int
    resident: int = 0
    """Bytes of memory they have now; unlike the others it can shrink.  Pages that they share count for each of them."""


class Running(Protocol):
    """One started process group."""

    @property
    def pid(self) -> int:
        """The leader; also the number of its process group and session."""
        ...

    @property
    def launcher(self) -> str:
        """The launcher that can adopt it again: `process`, `systemd`, `container`."""
        ...

    @property
    def unit(self) -> str:
        """Its systemd unit or container, or empty."""
        ...

    @property
    def start_time(self) -> int:
        """Of the leader, in the unit of the system; with the pid it names the process for ever."""
        ...

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """Ask the whole group to end."""
        ...

    def kill(self) -> None:
        """End everything that belongs to it (SIGKILL)."""
        ...

    def survivors(self) -> tuple[int, ...]:
        """Processes that still belong to it, zombies not counted.  Empty: the whole group is gone."""
        ...

    def sample(self) -> Sample: ...

    def memory(self) -> int | None:
        """Resident bytes of all its processes, or None when unknown."""
        ...

    @property
    def device_memory(self) -> int | None:
        """Bytes on accelerators, where it says so itself because its processes cannot be told from others'; None where
        the driver knows better."""
        ...

    def close(self) -> None:
        """Let go: reap the leader if it ended, watch it no more.  Signals nothing."""
        ...


class Choice(NamedTuple):
    """One launcher, for `status` and the doctor."""

    name: str
    usable: bool
    chosen: bool
    """`auto` means this one."""
    why: str
    """Why it is or is not usable, a sentence."""


class Launcher(Protocol):
    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> Running:
        """Start it.  Raises LaunchError."""
        ...

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "process",
        argv_hash: str = "",
    ) -> Running | None:
        """Take over a process that an earlier control process started; None when it is not there any more.
        `launcher`: `Running.launcher` of then; `argv_hash`: `procfs.argv_hash` of then, empty when it was not taken."""
        ...

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        """Kill whatever this installation launched and that belongs to none of the instances in `keep`."""
        ...

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The clean environment that engines get, with `extra` on top."""
        ...
