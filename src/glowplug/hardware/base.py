"""What a reader of devices gives to `glowplug.hardware.machine`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Device


class Found(NamedTuple):
    """The devices of one vendor at one moment, in the order of the PCI bus, their `id` left empty."""

    devices: tuple[Device, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read at all, each a sentence."""


class Reader(Protocol):
    def read(self) -> Found:
        """What there is now.  Never raises for what a driver does or does not do."""
        ...

    def energy(self) -> Iterable[tuple[str, EnergyReading]]:
        """What those devices draw that are taken up already and say so, by their `uuid`.  Never raises, and never wakes
        a driver that was let go of."""
        ...

    def close(self) -> None:
        """Let go of the driver; the next reading takes it up again."""
        ...
