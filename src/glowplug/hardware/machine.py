"""All devices of this machine in one reading, numbered once and for all."""

from __future__ import annotations

import threading
from itertools import count

import msgspec

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Device, DeviceKind, Reading
from glowplug.hardware.amd import Amd
from glowplug.hardware.base import Found, Reader
from glowplug.hardware.host import Host
from glowplug.hardware.nvidia import Nvidia


class Machine:
    """Reads everything, as often as once a second (the figures: docs/design/memory.md).

    Ids are given at first sight, in the order NVIDIA by PCI bus, AMD by PCI bus.  A device keeps its id for as long as
    this object lives, and stays listed with its memory unknown and the reason in `problem` while it or its driver is
    away (suspend, update, fallen off the bus): what runs there must not be forgotten.

    Any thread may read.  A driver that hangs hangs the reading, so an event loop reads in a thread.
    """

    def __init__(self, nvidia: Reader, amd: Reader, host: Host) -> None:
        self._readers = {DeviceKind.NVIDIA: nvidia, DeviceKind.AMD: amd}
        self._host = host
        self._known: dict[tuple[DeviceKind, str], Device] = {}
        self._numbers = count()
        self._lock = threading.Lock()

    @classmethod
    def here(cls) -> Machine:
        """The machine this runs on."""
        return cls(Nvidia(), Amd(), Host())

    def read(self) -> Reading:
        """All devices now: `gpu0`, `gpu1` …, then `host`.  What cannot be read is None and has a reason; nothing is
        raised."""
        with self._lock:
            host = self._host.read()
            problems: list[str] = []
            for kind, reader in self._readers.items():
                found = reader.read()
                self._merge(kind, found, host)
                problems += found.problems
            return Reading(devices=(*self._known.values(), host), problems=tuple(problems))

    def energy(self) -> tuple[EnergyReading, ...]:
        """What the devices draw that say so, under the ids that `read` gave them.  Wakes no driver."""
        with self._lock:
            found = [
                msgspec.structs.replace(reading, device=self._known[kind, uuid].id)
                for kind, reader in self._readers.items()
                for uuid, reading in reader.energy()
                if (kind, uuid) in self._known
            ]
            host = self._host.energy()
            return (*found, host) if host is not None else tuple(found)

    def close(self) -> None:
        """Let go of the drivers, so that idle cards can sleep and modules can be unloaded; the next reading takes them
        up again, which may take a second."""
        with self._lock:
            for reader in self._readers.values():
                reader.close()

    def _merge(self, kind: DeviceKind, found: Found, host: Device) -> None:
        present = {(kind, device.uuid): device for device in found.devices}
        for key, device in present.items():
            known = self._known.get(key)
            if device.unified and device.total is None:
                device = msgspec.structs.replace(device, total=host.total, used=host.used)
            self._known[key] = msgspec.structs.replace(
                device, id=known.id if known is not None else f"gpu{next(self._numbers)}"
            )
        why = "; ".join(found.problems) or "the driver does not list it any more"
        for key, device in self._known.items():
            if key[0] is kind and key not in present:
                self._known[key] = msgspec.structs.replace(device, total=None, used=None, holders=None, problem=why)
