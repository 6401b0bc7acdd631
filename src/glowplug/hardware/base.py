"""What a reader of devices gives to `glowplug.hardware.machine`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

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

    def close(self) -> None:
        """Let go of the driver; the next reading takes it up again."""
        ...
