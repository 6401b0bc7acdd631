"""Is a loading engine doing anything?  Pure."""

from __future__ import annotations

from glowplug.launchers.base import Sample

CPU_TICKS = 5
"""50 ms of CPU time: more than answering our own probes costs between two looks that count."""
IO_BYTES = 256 * 1024


def advanced(before: Sample, after: Sample) -> bool:
    """Whether the group has worked since `before`.  Keep `before` until this says so: small steps add up."""
    return (
        after.log_bytes != before.log_bytes
        or after.cpu_ticks - before.cpu_ticks >= CPU_TICKS
        or after.io_bytes - before.io_bytes >= IO_BYTES
    )
