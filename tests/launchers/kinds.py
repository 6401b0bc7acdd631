"""Every launcher under one roof, for the contract: how each is made here, in this process and in another one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from glowplug.launchers import procfs
from glowplug.launchers.base import Launcher, LaunchSpec, Running
from glowplug.launchers.container import ContainerLauncher
from glowplug.launchers.process import ProcessLauncher
from glowplug.launchers.systemd import SystemdLauncher
from glowplug.testing import fake_container_cli

PATIENCE_S = 20.0
IMAGE = "registry.example/engine:1"


def container_program(state: Path, flavour: str = "docker") -> tuple[str, ...]:
    """The command line of a container engine that has one image."""
    state.mkdir(exist_ok=True)
    (state / "images").write_text(f"{IMAGE}\n")
    return sys.executable, fake_container_cli.__file__, "--state", str(state), "--flavour", flavour


@dataclass(frozen=True)
class Kind:
    """A launcher by name, and where what it needs is."""

    name: str
    address: str = ""
    """Of the private session bus."""
    state: str = ""
    """Directory of the container engine that is none."""

    def _make(self, owner: Path) -> Launcher:
        if self.name == "systemd":
            return SystemdLauncher(owner, self.address)
        if self.name == "container":
            return ContainerLauncher(owner, container_program(Path(self.state)))
        return ProcessLauncher(owner)

    @contextmanager
    def made(self, owner: Path) -> Iterator[Launcher]:
        """A launcher; what it left running is killed at the end."""
        launcher = self._make(owner)
        try:
            yield launcher
        finally:
            launcher.sweep(frozenset())
            if isinstance(launcher, SystemdLauncher):
                launcher.close()


class Started:
    """A launched program with its exit code to wait for."""

    def __init__(self, launcher: Launcher, spec: LaunchSpec) -> None:
        self.exit: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.log = spec.log
        self.running: Running = launcher.launch(spec, self.exit.set_result)

    async def ends(self) -> int | None:
        return await asyncio.wait_for(self.exit, PATIENCE_S)

    async def says(self, word: str) -> str:
        """The whole log, once `word` is in it."""
        return await asyncio.to_thread(wait_for, self.log, word)

    async def gone(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.running.survivors():
                await asyncio.sleep(0.005)


def dead(pid: int) -> bool:
    stat = procfs.read_stat(pid)
    return stat is None or stat.dead


async def until_dead(*pids: int) -> None:
    """One that is killed has given its memory and its environment back, and so counts no more, before it has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while not all(dead(pid) for pid in pids):
            await asyncio.sleep(0.005)


def spec(log: Path, code: str, instance: str = "inst_1", **more: object) -> LaunchSpec:
    """A Python program of these lines."""
    fields: dict[str, object] = {
        "instance": instance, "argv": (sys.executable, "-c", code), "env": {}, "log": log, "model": "chat-x",
        "image": IMAGE,
    }  # fmt: skip
    return LaunchSpec(**{**fields, **more})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Left:
    """What a control process that was killed has left."""

    pid: int
    start_time: int
    launcher: str
    unit: str


def leave(kind: Kind, owner: Path, log: Path, code: str, instance: str) -> Left:
    """Another process launches, and is ended by SIGKILL."""
    task = {"kind": asdict(kind), "owner": str(owner), "log": str(log), "code": code, "instance": instance}
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.launchers.kinds", json.dumps(task)], env=env, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        line = first.stdout.readline()
        first.kill()
    return Left(**json.loads(line))


async def _first_life(task: dict[str, str]) -> None:
    with Kind(**task["kind"]).made(Path(task["owner"])) as launcher:  # type: ignore[arg-type]
        running = launcher.launch(spec(Path(task["log"]), task["code"], task["instance"]), lambda code: None)
        print(json.dumps(asdict(Left(running.pid, running.start_time, running.launcher, running.unit))), flush=True)
        await asyncio.sleep(PATIENCE_S)


def wait_for(path: Path, word: str, times: int = 1) -> str:
    """The content of a file, once `word` is in it that often."""
    end = time.monotonic() + PATIENCE_S
    while not path.exists() or path.read_text().count(word) < times:
        assert time.monotonic() < end, f"{path} does not say {word!r}"
        time.sleep(0.005)
    return path.read_text()


def command_lines() -> list[bytes]:
    """Of every process that can be seen."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            lines.append((folder / "cmdline").read_bytes())
    return lines


if __name__ == "__main__":
    asyncio.run(_first_life(json.loads(sys.argv[1])))
