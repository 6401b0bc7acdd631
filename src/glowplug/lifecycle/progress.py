"""Is a loading engine doing anything?  Pure."""

from __future__ import annotations

from glowplug.launchers.base import Sample

CPU_TICKS = 5
"""50 ms of CPU time: more than answering our own probes costs between two looks that count."""
IO_BYTES = 256 * 1024
RESIDENT_BYTES = 1 << 20
"""What buffers of an idle server may come to between two looks that count."""
ALMOST = 0.99
"""What memory tells at most: weights that are all there still have to be made use of."""


def advanced(before: Sample, after: Sample) -> bool:
    """Whether the group has worked since `before`.  Keep `before` until this says so: small steps add up."""
    return (
        after.log_bytes != before.log_bytes
        or after.cpu_ticks - before.cpu_ticks >= CPU_TICKS
        or after.io_bytes - before.io_bytes >= IO_BYTES
        or after.resident - before.resident >= RESIDENT_BYTES
    )


def from_memory(resident: int, device: int, weights: int) -> float | None:
    """How far a load is whose log does not say: the part of the weights (bytes) that is in memory, the host's or the
    devices'.  The larger of both, because an engine that copies weights to a device may let go of the host's pages.
    None when nothing is known of the weights."""
    return min(max(resident, device) / weights, ALMOST) if weights > 0 else None
