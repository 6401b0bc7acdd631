"""The rules by which memory is shared out among models.  Bytes and seconds."""

from __future__ import annotations

import msgspec


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What of the machine's memory is not for models."""

    reserve: int = 1 << 30
    """Kept free on every accelerator, for the desktop."""
    host_reserve: int = 2 << 30
    """Kept free of the machine's own memory."""
    pressure: float = 10.0
    """Other programs have to leave less than the reserve free for this long before idle models are unloaded."""


class SchedulingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who is given memory when it is short."""

    min_residency: float = 60.0
    """How long a model stays once it is loaded before another may take its place."""
    starvation: float = 120.0
    """A model that has waited this long goes before every other."""
    queue: int = 64
    """Models that may wait for memory."""
    learn: bool = True
    """Whether measured footprints are remembered and reserved the next time."""
