"""Whose memory it is: a reading of the devices and the processes that are ours, put together.  Pure; bytes.

Three parts make up what a driver calls used: what it lists for our processes, what it lists for others, and the rest
that no process accounts for (the driver's own, contexts, a leak).  Where it lists no processes only the sum is
known, and then what we claimed is taken for ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from glowplug.domain.hardware import HOST, Device, Reading
from glowplug.hardware import holders

NOISE = 64 << 20
"""Bytes by which a device's own bookkeeping may change between two looks."""
BACK = 0.9
"""The share of its memory that must be back before an engine counts as gone."""


def held_by(reading: Reading, pids: Set[int]) -> dict[str, int]:
    """What the drivers list for these processes, by device; a device that lists nobody, or no sizes, is left out."""
    held = {}
    for device in reading.devices:
        if device.holders is None:
            continue
        sizes = [holder.memory for holder in device.holders if holder.pid in pids]
        if sizes and None not in sizes:
            held[device.id] = sum(size for size in sizes if size is not None)
    return held


def listed(device: Device) -> int | None:
    """What all processes hold together, or None when the driver does not say."""
    if device.holders is None or any(holder.memory is None for holder in device.holders):
        return None
    return sum(holder.memory or 0 for holder in device.holders)


def unaccounted(device: Device) -> int | None:
    """Used bytes that no process is listed for, or None when that cannot be known."""
    known = listed(device)
    return None if known is None or device.used is None else max(device.used - known, 0)


def others(reading: Reading, ours: Set[int], claims: Mapping[str, int], host_ours: int) -> dict[str, int]:
    """What is not ours, by device.  `claims`: what our loaded models were given of each device; `host_ours`: bytes
    of the host's memory that our engines hold without what is mapped from files."""
    found = {}
    for device in reading.devices:
        if device.used is None:
            continue
        theirs = max(device.used - host_ours, 0) if device.id == HOST else None
        if theirs is None and device.holders is not None:
            theirs = holders.foreign(device, frozenset(ours))
        if theirs is None:
            theirs = max(device.used - claims.get(device.id, 0), 0)
        found[device.id] = theirs
    return found


def names(reading: Reading, ours: Set[int]) -> dict[str, tuple[str, ...]]:
    """The programs that are not ours on each device, the largest first."""
    found = {}
    for device in reading.devices:
        strangers = holders.others(device, frozenset(ours))
        found[device.id] = tuple(dict.fromkeys(holder.name or f"pid {holder.pid}" for holder in strangers))
    return found


def missing(
    before: Mapping[str, int | None], reading: Reading, pids: Set[int], held: Mapping[str, int]
) -> dict[str, int]:
    """Bytes that an engine that has ended did not give back, by device; empty when at least nine tenths are back.

    `before`: what was unaccounted for when it was given the memory; `held`: the most it was seen to hold.  What its
    dead processes still hold and what has no owner since then is missing.
    """
    found = {}
    for id, most in held.items():
        device = reading.device(id)
        start = before.get(id)
        if device is None or not device.accelerator or not most:
            continue
        now = unaccounted(device)
        grown = 0 if now is None or start is None else max(now - start, 0)
        lost = grown + held_by(reading, pids).get(id, 0)
        if lost > max(most - most * BACK, NOISE):
            found[id] = lost
    return found
