"""The `container` launcher: each engine is the main process of a container, by the command line of podman or docker.

The command lines are the stable interface of both.  A container is not removed when it ends (`--rm`): its exit code and
whether the kernel killed it would go with it; it is removed when its end was read, or by the next sweep.
`docs/design/ownership.md` has more reasons.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchError, LaunchSpec, OnExit, Sample
from glowplug.launchers.cgroup import Cgroup, path_of
from glowplug.launchers.container_args import BORROWED, run_arguments
from glowplug.launchers.exits import ExitWatch, background
from glowplug.launchers.guard import GRACE, STOP_TIMEOUT, Task
from glowplug.launchers.process import MARKER, clean_environment

PROGRAMS = ("podman", "docker")
"""In the order in which they are tried."""
FOLLOWS = "GLOWPLUG_FOLLOWS"
"""In the environment of the process that copies a container's output into its log: the container's name."""
_ANSWERS_WITHIN = 2.0
_DOES_WITHIN = 30.0
_LOOKS = 40
_PAUSE = 0.05
_LAST_LINES_WITHIN = 1.0


class CliError(Exception):
    """The command line refused.  `status`: its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class State(NamedTuple):
    """What `inspect` says of a container."""

    ident: str
    running: bool
    pid: int
    exit_code: int
    out_of_memory: bool

    @property
    def code(self) -> int:
        """As `OnExit` wants it: a signal is 128 and its number here."""
        return 128 - self.exit_code if 128 < self.exit_code <= 192 else self.exit_code


class Cli:
    """One container engine's command line."""

    def __init__(self, program: Sequence[str]) -> None:
        self.program = tuple(program)

    @cached_property
    def podman(self) -> bool:
        """Whether it is podman, also under the name of docker.  Raises CliError."""
        return "podman" in self.call("--version")

    def environment(self) -> dict[str, str]:
        """What the command line itself gets: how to reach its engine, no secret of ours."""
        more = {name: value for name, value in os.environ.items() if name.startswith(BORROWED)}
        return clean_environment(os.environ, more)

    def call(self, *words: str, env: Mapping[str, str] | None = None, seconds: float = _DOES_WITHIN) -> str:
        """What a command prints.  Raises CliError."""
        try:
            done = subprocess.run(
                [*self.program, *words],
                env={**self.environment(), **(env or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CliError(f"no answer within {seconds:g} s", 1) from None
        except OSError as error:
            raise CliError(str(error.strerror), 127) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or [f"status {done.returncode}"]
            raise CliError(said[0], done.returncode)
        return done.stdout.decode(errors="replace").strip()

    def state(self, name: str) -> State | None:
        """None when there is no such container."""
        try:
            (shown,) = json.loads(self.call("inspect", "--type", "container", name))
            state = shown["State"]
            return State(shown["Id"], state["Running"], state["Pid"], state["ExitCode"], state.get("OOMKilled", False))
        except (CliError, ValueError, KeyError, TypeError):
            return None

    def names(self, label: str, seconds: float = _DOES_WITHIN) -> list[str]:
        """Of all containers with a label `NAME=value`, also of those that ended."""
        return self.call("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}", seconds=seconds).split()

    def later(self, *words: str, output: Path | None = None, more: Mapping[str, str] | None = None) -> int:
        """Begin a command and do not wait for it; its pid, or 0."""
        try:
            return background([*self.program, *words], {**self.environment(), **(more or {})}, output)
        except OSError:
            return 0


class Container:
    """An engine that runs in a container."""

    launcher = "container"
    device_memory: int | None = None

    def __init__(
        self, cli: Cli, name: str, mark: str, state: State, log: Path, stop_timeout: float, on_exit: OnExit
    ) -> None:
        self.unit = name
        self.pid = state.pid
        stat = procfs.read_stat(state.pid) if state.pid else None
        self.start_time = stat.start_time if stat else 0
        self._cli = cli
        self._mark = f"{MARKER}={mark}".encode()
        self._log = log
        self._stop_timeout = stop_timeout
        self._on_exit: OnExit | None = on_exit
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        path = path_of(self.pid) if self.pid else ""
        # The container's own group, not the one of whoever runs it: without one its processes are found by the mark.
        self._cgroup = Cgroup(path if state.ident and state.ident in path else "")
        self._code: int | None = None
        self._follower: ExitWatch | None = None
        self._watch = ExitWatch(self.pid, self._ended)

    def follow(self, *, anew: bool) -> None:
        """Copy what it prints into its log, from now on (`anew`: from its beginning), unless somebody does."""
        entry = f"{FOLLOWS}={self.unit}".encode()
        known = () if anew else (stat.pid for stat in procfs.processes() if procfs.environ_has(stat.pid, entry))
        pid = next(iter(known), 0)
        if not pid:
            words = ("logs", "--follow", *(() if anew else ("--tail", "0")), self.unit)
            pid = self._cli.later(*words, output=self._log, more={FOLLOWS: self.unit})
        self._follower = ExitWatch(pid, self._copied)

    def _ended(self, looks: int = 0) -> None:
        """The main process is gone; the engine will know how it ended."""
        self._timer = None
        state = self._cli.state(self.unit)
        if state is not None and state.running and looks < _LOOKS:
            self._timer = asyncio.get_running_loop().call_later(_PAUSE, self._ended, looks + 1)
            return
        self._over = True
        self._code = state.code if state is not None and not state.running else None
        if state is not None and state.out_of_memory:
            with suppress(OSError), self._log.open("a", encoding="utf-8") as file:
                file.write("glowplug: the kernel killed it: out of memory (the container's limit)\n")
        if self._follower is None:
            self._tell()
        else:
            # Its last lines say why.
            self._timer = asyncio.get_running_loop().call_later(_LAST_LINES_WITHIN, self._tell)

    def _copied(self) -> None:
        self._follower = None
        if self._over:
            self._tell()

    def _tell(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        callback, self._on_exit = self._on_exit, None
        if callback is not None:
            callback(self._code)

    def _members(self) -> list[procfs.Stat]:
        if self._cgroup.directory is not None:
            return self._cgroup.members()
        leader = procfs.read_stat(self.pid)
        own = leader is not None and leader.start_time == self.start_time
        return [
            stat
            for stat in procfs.processes()
            if not stat.dead and ((own and stat.pid == self.pid) or procfs.environ_has(stat.pid, self._mark))
        ]

    def survivors(self) -> tuple[int, ...]:
        return tuple(stat.pid for stat in self._members())

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """SIGTERM stops the container, which the engine carries through; other signals are only sent."""
        if number == signal.SIGTERM:
            self._cli.later("stop", "-t", str(round(self._stop_timeout)), self.unit)
        else:
            self._cli.later("kill", "--signal", str(number), self.unit)

    def kill(self) -> None:
        self._cli.later("kill", "--signal", "KILL", self.unit)
        procfs.send(self._members(), signal.SIGKILL)

    def sample(self) -> Sample:
        return procfs.sample(self._members(), self._log)

    def memory(self) -> int | None:
        return sum(stat.resident for stat in self._members()) or None

    def close(self) -> None:
        self._on_exit = None
        self._watch.close()
        if self._follower is not None:
            self._follower.close()
        if self._timer is not None:
            self._timer.cancel()
        if self._over:
            self._cli.later("rm", "--force", self.unit)


class ContainerLauncher:
    """Launches containers named `glowplug-OWNER-INSTANCE`.  `owner`, `lock`, `grace`: as for the `process` launcher.

    `program`: the command line, or empty for the first of podman and docker that answers.
    """

    def __init__(
        self,
        owner: str | os.PathLike[str],
        program: Sequence[str] = (),
        lock: Path | None = None,
        grace: float = GRACE,
    ) -> None:
        self._owner = sha256(os.fsencode(owner)).hexdigest()[:16]
        self._prefix = f"glowplug-{self._owner[:8]}-"
        self._candidates = [tuple(program)] if program else [(name,) for name in PROGRAMS]
        self._lock = lock
        self._grace = grace
        self._cli: Cli | None = None

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return clean_environment(os.environ, extra)

    def works(self) -> str:
        """Why containers cannot be had here, or empty: the engine behind the command line is asked for ours."""
        reasons = []
        for program in self._candidates:
            if shutil.which(program[0]) is None:
                reasons.append(f"{program[0]} is not installed")
                continue
            cli = Cli(program)
            try:
                cli.names(self._label, seconds=_ANSWERS_WITHIN)
            except CliError as error:
                reasons.append(f"{program[0]}: {error}")
                continue
            self._cli = cli
            return ""
        return "; ".join(reasons)

    @property
    def _label(self) -> str:
        return f"glowplug.owner={self._owner}"

    def _answering(self) -> Cli:
        """Raises LaunchError."""
        if self._cli is None and (why := self.works()):
            raise LaunchError(f"there is no container engine: {why}", missing=False)
        assert self._cli is not None
        return self._cli

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> Container:
        if not spec.image:
            raise LaunchError(f"{spec.model or spec.instance} has no image to run a container of", missing=True)
        cli, name = self._answering(), f"{self._prefix}{spec.instance}"
        mark = f"{self._owner}:{spec.instance}"
        labels = {"glowplug.owner": self._owner, "glowplug.instance": spec.instance}
        try:
            words, handed = run_arguments(spec, name, mark, labels, cli.environment(), podman=cli.podman)
            cli.call("run", *words, env=handed)
        except CliError as error:
            with suppress(CliError):
                cli.call("rm", "--force", name)
            raise _refused(spec, cli, error) from error
        state = cli.state(name)
        if state is None or (state.running and not _seen(state, mark)):
            with suppress(CliError):
                cli.call("rm", "--force", name)
            why = (
                "is not there"
                if state is None
                else "runs where its processes are not seen (in a VM, on another machine)"
            )
            raise LaunchError(f"{spec.argv[0]} could not be started: its container {name} {why}", missing=False)
        # The log is private, whoever writes to it first.
        os.close(os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        container = Container(cli, name, mark, state, spec.log, spec.stop_timeout, on_exit)
        container.follow(anew=True)
        self._guard(cli, container, mark, spec.log, spec.stop_timeout)
        return container

    def _guard(self, cli: Cli, container: Container, mark: str, log: Path, stop_timeout: float = STOP_TIMEOUT) -> None:
        if self._lock is None:
            return
        end = (*cli.program, "stop", "-t", str(round(stop_timeout)), container.unit)
        task = Task(os.fspath(self._lock), f"{MARKER}={mark}", container.pid, container.start_time,
                    stop_timeout, self._grace, end)  # fmt: skip
        if not any(procfs.environ_has(stat.pid, task.entry) for stat in procfs.processes()):
            background(task.command(), task.environment(), log)

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "container",
        argv_hash: str = "",
    ) -> Container | None:
        if not procfs.still_there(pid, start_time, argv_hash) or (self._cli is None and self.works()):
            return None
        assert self._cli is not None
        name, mark = f"{self._prefix}{instance}", f"{self._owner}:{instance}"
        state = self._cli.state(name)
        if state is None or not state.running or state.pid != pid:
            return None
        container = Container(self._cli, name, mark, state, log, STOP_TIMEOUT, on_exit)
        container.follow(anew=False)
        self._guard(self._cli, container, mark, log)
        return container

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        if self._cli is None and self.works():
            return ()
        assert self._cli is not None
        killed = []
        with suppress(CliError):
            for name in self._cli.names(self._label):
                if name.removeprefix(self._prefix) in keep:
                    continue
                state = self._cli.state(name)
                if state is not None and state.running:
                    killed += self._processes(name, state)
                self._cli.call("rm", "--force", name)
        return tuple(killed)

    def _processes(self, name: str, state: State) -> list[int]:
        path = path_of(state.pid)
        if state.ident in path:
            return [stat.pid for stat in Cgroup(path).members()]
        mark = f"{MARKER}={self._owner}:{name.removeprefix(self._prefix)}".encode()
        return [stat.pid for stat in procfs.processes() if not stat.dead and procfs.environ_has(stat.pid, mark)]


def _seen(state: State, mark: str) -> bool:
    """Whether the pid that the engine tells is that container's on this machine too."""
    path = path_of(state.pid)
    gone = procfs.read_stat(state.pid) is None  # it may have ended meanwhile
    return gone or state.ident in path or procfs.environ_has(state.pid, f"{MARKER}={mark}".encode())


def _refused(spec: LaunchSpec, cli: Cli, error: CliError) -> LaunchError:
    """What the refusal of `run` means."""
    said, program = str(error).lower(), cli.program[-1]
    if "no such image" in said or "image not known" in said:
        text = f"there is no image {spec.image} here; fetch it with `{program} pull {spec.image}`"
        return LaunchError(text, missing=True)
    # 126, 127: the program in the image cannot be executed, or is not there.
    text = f"{spec.argv[0]} could not be started in a container of {spec.image}: {error}"
    return LaunchError(text, missing=error.status in (126, 127))
