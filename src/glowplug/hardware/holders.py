"""Who holds a device's memory: names for people, and what belongs to others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from glowplug.domain.hardware import Device, Holder


def named(memory: Mapping[int, int | None], proc: Path) -> tuple[Holder, ...] | None:
    """Holders from bytes by pid, with the names their processes have in `proc`, largest first.

    None when there are some and none of them is in `proc`: then the driver counts pids of another namespace (inside a
    container), and they must not be taken for ours.
    """
    holders = []
    for pid, size in memory.items():
        with suppress(OSError):
            name = (proc / str(pid) / "comm").read_text(errors="replace").strip()
            holders.append(Holder(pid=pid, memory=size, name=name))
    if memory and not holders:
        return None
    holders += [Holder(pid=pid, memory=memory[pid]) for pid in memory.keys() - {holder.pid for holder in holders}]
    return tuple(sorted(holders, key=lambda holder: (-(holder.memory or 0), holder.pid)))


def foreign(device: Device, ours: frozenset[int]) -> int | None:
    """Bytes of a device that are in use and not by the processes `ours`: other programs, the desktop, and whatever no
    listed process accounts for (contexts, leaks, processes of other namespaces).  None when that cannot be told.

    It is `used` less what our processes hold, so it is unknown when `used` is, and when our share is: the driver lists
    no processes (`holders` is None) or lists ours without their memory.  As long as we run nothing, all that is used
    is foreign, whoever is listed.  A unified device has no memory of its own to share: ask about `host`.
    """
    if device.used is None or device.unified:
        return None
    if not ours:
        return device.used
    if device.holders is None:
        return None
    held = 0
    for holder in device.holders:
        if holder.pid in ours:
            if holder.memory is None:
                return None
            held += holder.memory
    return max(device.used - held, 0)


def others(device: Device, ours: frozenset[int]) -> tuple[Holder, ...]:
    """The listed holders that are not ours, largest first."""
    strangers = [holder for holder in device.holders or () if holder.pid not in ours]
    return tuple(sorted(strangers, key=lambda holder: (-(holder.memory or 0), holder.pid)))
