"""What the imitation of NVIDIA's library shows: GPUs and who holds their memory, in a text file.

The C side (`fake_nvml.c`) reads it at every call and never writes it; everybody else changes it through `FakeGpus`, one
after the other, from as many processes as there are.  One thing a line, sizes in bytes:

    driver VERSION
    epoch NUMBER                         changes when the driver is loaded anew: whoever uses it has to begin again
    fail FUNCTION CODE [GPU]             what this function returns; `*` is every one but nvmlShutdown
    gpu TOTAL RESERVED BASE OTHERS LEAKED LOST PCI UUID FLAGS NAME
    energy GPU MILLIJOULES               what it has used; without this line it does not count
    power GPU MILLIWATTS                 what it draws; without this line it does not say
    hold GPU PID START BYTES KIND KEEP   an allocation of a process; START as in /proc/PID/stat

`USED = BASE + OTHERS + LEAKED + the allocations of processes that are alive`: as with the real driver, memory of a
process that is gone is free.  (KEEP: not this one; it stays behind as a leak.)
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from glowplug.launchers import procfs

VARIABLE = "NVIDIA_FAKE_STATE"
"""Names the file, for the library and for whoever allocates.  (Launchers hand NVIDIA_* on to engines.)"""

DRIVER_NOT_LOADED, GPU_IS_LOST, VERSION_MISMATCH = 9, 15, 18


class DeviceFull(Exception):
    """There is less free memory on the GPU than was asked for."""


@dataclass
class _Gpu:
    total: int
    reserved: int
    base: int
    others: int
    leaked: int
    lost: int
    pci: str
    uuid: str
    flags: str
    name: str
    energy: int | None = None
    power: int | None = None


@dataclass
class _Hold:
    gpu: int
    pid: int
    start: int
    memory: int
    kind: str
    keep: int

    @property
    def living(self) -> bool:
        stat = procfs.read_stat(self.pid)
        return stat is not None and not stat.dead and stat.start_time == self.start


@dataclass
class _State:
    driver: str = "575.57.08"
    epoch: int = 1
    failures: dict[str, str] = field(default_factory=dict)
    """`FUNCTION` or `FUNCTION GPU` → code."""
    gpus: list[_Gpu] = field(default_factory=list)
    holds: list[_Hold] = field(default_factory=list)

    def used(self, index: int) -> int:
        gpu = self.gpus[index]
        held = sum(hold.memory for hold in self.holds if hold.gpu == index and (hold.keep or hold.living))
        return min(gpu.base + gpu.others + gpu.leaked + held, gpu.total - gpu.reserved)

    def free(self, index: int) -> int:
        gpu = self.gpus[index]
        return gpu.total - gpu.reserved - self.used(index)


def _parse(text: str) -> _State:
    state = _State()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "driver":
            state.driver = rest
        elif kind == "epoch":
            state.epoch = int(rest)
        elif kind == "fail":
            function, code, *gpu = rest.split()
            state.failures[" ".join([function, *gpu])] = code
        elif kind == "gpu":
            *numbers, pci, uuid, flags, name = rest.split(" ", 9)
            total, reserved, base, others, leaked, lost = map(int, numbers)
            state.gpus.append(_Gpu(total, reserved, base, others, leaked, lost, pci, uuid, flags, name))
        elif kind == "energy":
            index, number = map(int, rest.split())
            state.gpus[index].energy = number
        elif kind == "power":
            index, number = map(int, rest.split())
            state.gpus[index].power = number
        elif kind == "hold":
            *numbers, form, keep = rest.split()
            holder_gpu, pid, start, memory = map(int, numbers)
            state.holds.append(_Hold(holder_gpu, pid, start, memory, form, int(keep)))
    return state


def _text(state: _State) -> str:
    lines = [f"driver {state.driver}", f"epoch {state.epoch}"]
    for name, code in state.failures.items():
        function, _, gpu = name.partition(" ")
        lines.append(f"fail {function} {code} {gpu}".rstrip())
    lines += [
        f"gpu {g.total} {g.reserved} {g.base} {g.others} {g.leaked} {g.lost} {g.pci} {g.uuid} {g.flags} {g.name}"
        for g in state.gpus
    ]
    lines += [f"energy {index} {g.energy}" for index, g in enumerate(state.gpus) if g.energy is not None]
    lines += [f"power {index} {g.power}" for index, g in enumerate(state.gpus) if g.power is not None]
    lines += [f"hold {h.gpu} {h.pid} {h.start} {h.memory} {h.kind} {h.keep}" for h in state.holds]
    return "\n".join(lines) + "\n"


def _take(state: _State, gpu: int, pid: int, memory: int, kind: str, *, keep: bool) -> None:
    """One more allocation.  Raises DeviceFull, ProcessLookupError."""
    stat = procfs.read_stat(pid)
    if stat is None:
        raise ProcessLookupError(pid)
    if memory > state.free(gpu):
        raise DeviceFull(f"{memory} bytes asked for, {state.free(gpu)} free")
    state.holds = [hold for hold in state.holds if hold.keep or hold.living]
    state.holds.append(_Hold(gpu, pid, stat.start_time, memory, kind, int(keep)))
    merged: dict[tuple[int, int, int, str, int], int] = {}
    for h in state.holds:
        key = (h.gpu, h.pid, h.start, h.kind, h.keep)
        merged[key] = merged.get(key, 0) + h.memory
    state.holds = [_Hold(g, p, start, size, k, kept) for (g, p, start, k, kept), size in merged.items()]


def _open_files(pid: int) -> Iterator[str]:
    """What a process has open, as far as that can be seen."""
    with suppress(OSError):
        for entry in (procfs.PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                yield str(entry.readlink())


class FakeGpus:
    """The GPUs in one state file.  Every change is one step for whoever reads; GPUs are numbered from 0 as added."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, env: Mapping[str, str]) -> FakeGpus | None:
        """Those that an environment names, or None."""
        path = env.get(VARIABLE, "")
        return cls(Path(path)) if path else None

    def _read(self) -> _State:
        return _parse(self.path.read_text()) if self.path.exists() else _State()

    @contextmanager
    def _change(self) -> Iterator[_State]:
        """Read, let the caller change, write; nobody else changes it meanwhile."""
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self._read()
            yield state
            fresh = self.path.with_suffix(".new")
            fresh.write_text(_text(state))
            fresh.replace(self.path)

    def add_gpu(
        self,
        name: str,
        uuid: str,
        total: int,
        base_used: int = 0,
        *,
        reserved: int = 0,
        pci: str = "",
        unified: bool = False,
        process_memory: bool = True,
        mig: bool = False,
    ) -> int:
        """A GPU with `total` bytes, `reserved` of them never offered, `base_used` in use by nobody in particular.

        `pci`: `DOMAIN:BUS:DEVICE` in hex, by default in the order they are added.  `unified`: it has no memory of its
        own and the library says NOT_SUPPORTED.  `process_memory`: whether the share of a process is told.  `mig`: it is
        split.
        """
        flags = [
            flag for flag, on in (("unified", unified), ("no-process-memory", not process_memory), ("mig", mig)) if on
        ]
        with self._change() as state:
            place = pci or f"0000:{len(state.gpus) + 1:02x}:00"
            gpu = _Gpu(total, reserved, base_used, 0, 0, 0, place, uuid, ",".join(flags) or "-", name)
            state.gpus.append(gpu)
            return len(state.gpus) - 1

    def allocate(self, gpu: int, pid: int, memory: int, *, kind: str = "C", keep: bool = False) -> None:
        """More memory for a process (`kind`: C compute, G graphics, B in both lists); `keep` outlives it as a leak.

        Raises DeviceFull when there is not enough, ProcessLookupError when there is no such process.
        """
        with self._change() as state:
            _take(state, gpu, pid, memory, kind, keep=keep)

    def hold(self, gpu: int, pid: int, memory: int) -> None:
        """The process has exactly this much there from now on; raises as `allocate`, and then has what it had."""
        with self._change() as state:
            state.holds = [hold for hold in state.holds if (hold.gpu, hold.pid) != (gpu, pid)]
            if memory:
                _take(state, gpu, pid, memory, "C", keep=False)

    def free(self, gpu: int, pid: int) -> None:
        """The process gives back what it has there."""
        with self._change() as state:
            state.holds = [hold for hold in state.holds if (hold.gpu, hold.pid) != (gpu, pid)]

    def leak(self, gpu: int, memory: int) -> None:
        """This much more is in use and belongs to nobody; negative: it comes back."""
        with self._change() as state:
            state.gpus[gpu].leaked += memory

    def set_used_by_others(self, gpu: int, memory: int) -> None:
        """What programs take that no list names."""
        with self._change() as state:
            state.gpus[gpu].others = memory

    def order(self) -> list[int]:
        """The GPUs along the bus, as CUDA counts them."""
        gpus = self._read().gpus
        return sorted(range(len(gpus)), key=lambda number: gpus[number].pci)

    def used(self, gpu: int) -> int:
        """As the library shows it, what is reserved not counted."""
        return self._read().used(gpu)

    def users(self) -> frozenset[int]:
        """Processes that have the driver open: with the real one the cards stay awake for them."""
        device = os.fspath(self.path) + ".device"
        return frozenset(stat.pid for stat in procfs.processes() if device in _open_files(stat.pid))

    def unused(self, gpu: int) -> int:
        """Bytes that can still be allocated."""
        return self._read().free(gpu)

    def total(self, gpu: int) -> int:
        """Bytes of it that can ever be used."""
        state = self._read().gpus[gpu]
        return state.total - state.reserved

    def draw(self, gpu: int, *, energy: int | None = None, power: int | None = None) -> None:
        """What it says from now on of its energy (millijoules since the driver was loaded, as Volta and newer count it)
        and of its power (milliwatts); None: nothing."""
        with self._change() as state:
            state.gpus[gpu].energy, state.gpus[gpu].power = energy, power

    def lose(self, gpu: int, code: int = GPU_IS_LOST) -> None:
        """It fell off the bus: every call about it returns this code."""
        with self._change() as state:
            state.gpus[gpu].lost = code

    def find(self, gpu: int) -> None:
        """It is back."""
        self.lose(gpu, 0)

    def fail(self, function: str, code: int, gpu: int | None = None) -> None:
        """This function returns this code (0: it works again), for one GPU or for every call."""
        with self._change() as state:
            name = function if gpu is None else f"{function} {gpu}"
            state.failures.pop(name, None)
            if code:
                state.failures[name] = str(code)

    def remove_driver(self, code: int = DRIVER_NOT_LOADED) -> None:
        """The driver does not answer any more (unloaded, or lost over a suspend)."""
        with self._change() as state:
            state.failures["*"] = str(code)
            state.epoch += 1

    def mismatch(self) -> None:
        """The driver was updated and the kernel still runs the old one."""
        self.remove_driver(VERSION_MISMATCH)

    def restore_driver(self) -> None:
        """It is back; whoever used it before has to begin again."""
        with self._change() as state:
            state.failures.pop("*", None)
            state.epoch += 1

    def set_driver(self, version: str) -> None:
        with self._change() as state:
            state.driver = version
