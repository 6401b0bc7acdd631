"""What devices draw, as they report it.  Millijoules and milliwatts; what a device does not report is None, never 0."""

from __future__ import annotations

import msgspec

MILLIJOULES_PER_KWH = 3_600_000_000


class EnergyReading(msgspec.Struct, frozen=True, kw_only=True):
    """What one device says at one moment."""

    device: str
    """Its id in `glowplug.domain.hardware`."""
    counter: int | None = None
    """Millijoules it has used since some moment of its own: only differences mean something."""
    power: int | None = None
    """Milliwatts it draws, where it counts no energy."""


class EnergySettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the energy of local requests is counted."""

    measure: bool = True
    price_per_kwh: int | None = None
    """Nano-dollars for a kilowatt-hour; None: it is counted and costs nothing."""
    idle: bool = False
    """Whether what a device draws without doing anything is counted to the requests that run meanwhile."""


def energy_cost(per_kwh: int, millijoules: int | None) -> int:
    """Nano-dollars, rounded up; nothing where the energy is not known."""
    return -(-millijoules * per_kwh // MILLIJOULES_PER_KWH) if millijoules else 0
