"""NVIDIA devices, read through the driver's management library (NVML) with NVIDIA's binding, `pynvml`.

Reading makes no GPU context and takes no device memory.  While it is initialised the library keeps the driver's files
open, and with them the cards awake; `close` lets them go.  Facts: NVML API reference, r470 to r590; nvidia-ml-py 13.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Device, DeviceKind
from glowplug.hardware.base import Found
from glowplug.hardware.holders import named

_LIBRARY = "libnvidia-ml.so.1"
_INTEGRATED = re.compile(r"\b(GB10|Thor|Orin)\b")
"""Chips that have no memory but the machine's; some drivers report that as theirs, others NOT_SUPPORTED."""

_NOT_SUPPORTED, _FUNCTION_NOT_FOUND, _ARGUMENT_VERSION_MISMATCH = 3, 13, 25
_NOT_THERE = (_NOT_SUPPORTED, _FUNCTION_NOT_FOUND, _ARGUMENT_VERSION_MISMATCH)
_DRIVER_ENDED = (1, 9, 18)
"""UNINITIALIZED, DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH: it is not about one device."""

_WORDS = {
    9: "the NVIDIA driver is not loaded",
    15: "the driver lost it (GPU is lost); restart the machine if it does not come back",
    16: "it needs a reset: stop what uses it and run nvidia-smi --gpu-reset, or restart the machine",
    18: "the NVIDIA driver was updated, but the kernel still runs the old one: restart the machine",
}


@dataclass(frozen=True)
class _Card:
    """What does not change about a device as long as the driver is there."""

    handle: Any
    number: int
    name: str
    uuid: str
    pci: tuple[int, int, int] | None
    split: bool


def _binding() -> ModuleType | None:
    """The binding (5 MiB and 30 ms to import), or None where there is no driver library for it."""
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    import pynvml  # type: ignore[import-untyped]  # it has no types

    module: ModuleType = pynvml
    return module


class Nvidia:
    """A `glowplug.hardware.base.Reader`.

    A device that stops answering is listed with its memory unknown, once; after that the driver is taken up anew for
    each reading, and says itself what there is.  The first reading, and one that wakes a sleeping card, may take
    seconds.  Not for two threads at once.
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._nvml: ModuleType | None = None
        self._cards: tuple[_Card, ...] | None = None
        self._unanswered: tuple[str, ...] = ()
        self.driver = ""
        """The version of the driver, once it was read."""

    def read(self) -> Found:
        if self._nvml is None:
            self._nvml = _binding()
        nvml = self._nvml
        if nvml is None:
            loaded = (self._proc / "driver" / "nvidia" / "version").exists()
            why = f"the NVIDIA driver is loaded, but its library {_LIBRARY} was not found"
            return Found((), (why,) if loaded else ())
        if self._cards is not None:
            with suppress(nvml.NVMLError):
                return self._all(nvml, self._cards)
            self.close()  # the driver went away under us, and may be back: begin anew
        try:
            return self._all(nvml, self._begin(nvml))
        except nvml.NVMLError as error:
            self.close()
            why = _WORDS.get(error.value, f"the NVIDIA driver does not answer: {error}")
            return Found((), (why,))

    def energy(self) -> Iterable[tuple[str, EnergyReading]]:
        """The cards that answer: their counter (millijoules since the driver was loaded, Volta and newer), else their
        power (milliwatts; of Ampere and newer, but the GA100, the mean of the last second)."""
        nvml = self._nvml
        if nvml is not None:
            for card in self._cards or ():
                counter, power = _drawn(nvml, card.handle)
                if counter is not None or power is not None:
                    yield card.uuid, EnergyReading(device="", counter=counter, power=power)

    def close(self) -> None:
        nvml = self._nvml
        if nvml is not None and self._cards is not None:
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()
        self._cards = None

    def _begin(self, nvml: ModuleType) -> tuple[_Card, ...]:
        """Take up the driver.  Raises NVMLError."""
        nvml.nvmlInit()
        self._cards = ()
        self.driver = _ask(nvml, lambda: str(nvml.nvmlSystemGetDriverVersion())) or ""
        cards, unanswered = [], []
        for number in range(nvml.nvmlDeviceGetCount()):
            try:
                cards.append(_card(nvml, number, nvml.nvmlDeviceGetHandleByIndex(number)))
            except nvml.NVMLError as error:
                unanswered.append(f"NVIDIA device {number} cannot be used: {_WORDS.get(error.value, error)}")
        if all(card.pci for card in cards) and not unanswered:
            cards.sort(key=lambda card: card.pci or ())
            cards = [_Card(c.handle, place, c.name, c.uuid, c.pci, c.split) for place, c in enumerate(cards)]
        self._cards = tuple(cards)
        self._unanswered = tuple(unanswered)
        return self._cards

    def _all(self, nvml: ModuleType, cards: tuple[_Card, ...]) -> Found:
        """All devices, those that do not answer included.  Raises NVMLError when it is not about a device."""
        devices, all_answer = [], not self._unanswered
        for card in cards:
            device, answers = self._device(nvml, card)
            devices.append(device)
            all_answer = all_answer and answers
        if not all_answer:
            # A reset needs that nobody has the device open, and only a new beginning finds it afterwards.
            self.close()
        return Found(tuple(devices), self._unanswered)

    def _device(self, nvml: ModuleType, card: _Card) -> tuple[Device, bool]:
        """The device, and whether it answers."""
        device = Device(
            id="", kind=DeviceKind.NVIDIA, name=card.name, total=None, used=None, uuid=card.uuid, index=card.number
        )
        if card.split:
            return msgspec.structs.replace(device, problem="it is split into parts (MIG), and parts are not used"), True
        unified = bool(_INTEGRATED.search(card.name))
        try:
            total, used = _memory(nvml, card.handle)
            unified = unified or total == 0
        except nvml.NVMLError as error:
            if error.value in _DRIVER_ENDED:
                raise
            if error.value != _NOT_SUPPORTED:
                why = _WORDS.get(error.value, f"its memory cannot be read: {error}")
                return msgspec.structs.replace(device, problem=why), False
            total, used, unified = 0, 0, True
        holders = _processes(nvml, card.handle)
        return msgspec.structs.replace(
            device,
            total=None if unified else total,
            used=None if unified else used,
            holders=None if holders is None else named(holders, self._proc),
            unified=unified,
        ), True


def _ask(nvml: ModuleType, question: Callable[[], Any]) -> Any:
    """The answer, or None for what this driver or this device does not say."""
    try:
        return question()
    except nvml.NVMLError:
        return None


def _card(nvml: ModuleType, number: int, handle: Any) -> _Card:
    info = _ask(nvml, lambda: nvml.nvmlDeviceGetPciInfo(handle))
    pci = None if info is None else (info.domain, info.bus, info.device)
    where = f"number {number}" if pci is None else f"{pci[0]:04x}:{pci[1]:02x}:{pci[2]:02x}"
    name = _ask(nvml, lambda: nvml.nvmlDeviceGetName(handle))
    split = _ask(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle))
    return _Card(
        handle=handle,
        number=number,
        name=name or "NVIDIA device",
        uuid=_ask(nvml, lambda: nvml.nvmlDeviceGetUUID(handle)) or f"nvidia {where}",
        pci=pci,
        split=bool(split and split[0]),
    )


def _memory(nvml: ModuleType, handle: Any) -> tuple[int, int]:
    """(usable, in use) bytes.  Raises NVMLError.

    The second version says what driver and firmware keep for themselves.  Its `used` has that in it or not, depending
    on the release, so what is in use is told from what is free.
    """
    try:
        info = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except nvml.NVMLError as error:
        if error.value not in _NOT_THERE:
            raise
        old = nvml.nvmlDeviceGetMemoryInfo(handle)
        return int(old.total), int(old.used)
    usable = int(info.total) - int(info.reserved)
    return usable, usable - int(info.free)


def _drawn(nvml: ModuleType, handle: Any) -> tuple[int | None, int | None]:
    """(millijoules counted, milliwatts); the second is asked for where there is no first."""
    counter = _ask(nvml, lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    return counter, None if counter is not None else _ask(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))


def _processes(nvml: ModuleType, handle: Any) -> dict[int, int | None] | None:
    """Bytes by pid, None for a process whose share is not told; None when there is no list.

    A process that computes and draws is in both lists, each time with all it has.
    """
    found: dict[int, int | None] = {}
    compute = _ask(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses_v3(handle))
    if compute is None:
        compute = _ask(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses_v2(handle))
    graphics = _ask(nvml, lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle))
    if graphics is None:
        graphics = _ask(nvml, lambda: nvml.nvmlDeviceGetGraphicsRunningProcesses_v2(handle))
    if compute is None:
        return None  # engines are in that one
    for listed in (compute, graphics or ()):
        for process in listed:
            memory = process.usedGpuMemory
            known = found.get(process.pid)
            found[process.pid] = known if memory is None else max(int(memory), known or 0)
    return found
