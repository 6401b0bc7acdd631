"""Memory of pretended accelerators that fake engines take and give back: the one place where they do.

The state is a JSON file that GLOWPLUG_FAKE_DEVICES names: `{"totals": [BYTES, …], "held": [[GPU, PID, BYTES], …]}`.
Without the variable there are no accelerators and nothing is held.  What a process held is free when it is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from glowplug.launchers import procfs

VARIABLE = "GLOWPLUG_FAKE_DEVICES"


class DeviceFull(Exception):
    """There is less free memory than was asked for."""


class DeviceMemory:
    """The accelerators of one state file, numbered from 0."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> DeviceMemory | None:
        """Those that an environment names, or None."""
        return cls(Path(env[VARIABLE])) if env.get(VARIABLE) else None

    @classmethod
    def make(cls, path: Path, *totals: int) -> DeviceMemory:
        """New ones with so many bytes each."""
        path.write_text(json.dumps({"totals": totals, "held": []}))
        return cls(path)

    @contextmanager
    def _change(self) -> Iterator[dict[str, Any]]:
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state: dict[str, Any] = json.loads(self.path.read_text())
            state["held"] = [entry for entry in state["held"] if _living(entry[1])]
            yield state
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(state))
            fresh.replace(self.path)

    def totals(self) -> tuple[int, ...]:
        return tuple(json.loads(self.path.read_text())["totals"])

    def used(self, gpu: int) -> int:
        with self._change() as state:
            return sum(size for number, _, size in state["held"] if number == gpu)

    def hold(self, gpu: int, pid: int, size: int) -> None:
        """From now on the process holds `size` bytes there.  Raises DeviceFull."""
        with self._change() as state:
            others = [entry for entry in state["held"] if entry[:2] != [gpu, pid]]
            if sum(entry[2] for entry in others if entry[0] == gpu) + size > state["totals"][gpu]:
                raise DeviceFull(f"{size} bytes asked for on GPU {gpu}")
            state["held"] = [*others, [gpu, pid, size]] if size else others


def _living(pid: int) -> bool:
    stat = procfs.read_stat(pid)
    return stat is not None and not stat.dead


def visible(env: Mapping[str, str], count: int) -> tuple[int, ...]:
    """The accelerators that CUDA would show a program with this environment."""
    named = env.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(range(count))
    return tuple(int(word) for word in named.split(",") if word.strip().isdigit() and int(word) < count)


def hold_device_memory(pid: int, sizes: Mapping[int, int]) -> None:
    """A process of a fake engine holds so many bytes of each accelerator.  Raises DeviceFull."""
    memory = DeviceMemory.of(os.environ)
    for gpu, size in sizes.items() if memory else ():
        assert memory is not None
        memory.hold(gpu, pid, size)


def free_device_memory() -> dict[int, tuple[int, int]]:
    """Free and total bytes of each accelerator that this process may use."""
    memory = DeviceMemory.of(os.environ)
    if memory is None:
        return {}
    totals = memory.totals()
    return {gpu: (totals[gpu] - memory.used(gpu), totals[gpu]) for gpu in visible(os.environ, len(totals))}
