"""What this machine has to run models on: devices with memory, as their drivers show them.  Memory in bytes.

A value that a driver does not give is None, never 0: whoever decides with it has to know that it is unknown.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

HOST = "host"
"""The id of the one device every machine has: its own memory."""


class DeviceKind(StrEnum):
    NVIDIA = "nvidia"
    AMD = "amd"
    HOST = "host"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds memory of a device."""

    pid: int
    memory: int | None
    """None where the driver names the process and not its share (WSL, some containers)."""
    name: str = ""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One memory that models can be loaded into, at one moment."""

    id: str
    """`gpu0`, `gpu1` … in the order of the PCI bus, or `host`."""
    kind: DeviceKind
    name: str
    total: int | None
    """Usable bytes; of the host the smaller of its memory and its cgroup's limit."""
    used: int | None
    """In use by anybody.  Of the host without what the kernel would give back (page cache)."""
    holders: tuple[Holder, ...] | None = None
    """Who holds it, or None when the driver does not say."""
    uuid: str = ""
    index: int = 0
    """Its number in its vendor's counting by PCI bus, as `CUDA_VISIBLE_DEVICES` and `HIP_VISIBLE_DEVICES` take it."""
    unified: bool = False
    """It shares the host's memory: what is taken here is counted at `host`, once."""
    problem: str = ""
    """Why something is unknown, for people."""

    @property
    def accelerator(self) -> bool:
        return self.kind is not DeviceKind.HOST


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """All devices at one moment; `host` is always the last one."""

    devices: tuple[Device, ...]
    problems: tuple[str, ...] = ()
    """What could not be read at all: a driver that is lost, a library older than the driver."""

    def device(self, id: str) -> Device | None:
        return next((device for device in self.devices if device.id == id), None)

    @property
    def accelerators(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.accelerator)
