"""Drivers are let go of whenever nothing is loaded, also after somebody only looked."""

from __future__ import annotations

from glowplug.domain.hardware import HOST, Device, DeviceKind, Reading
from glowplug.lifecycle.admission import REST_AFTER, Admission
from glowplug.lifecycle.placement import Need
from glowplug.lifecycle.queueing import Rules
from glowplug.testing.clock import VirtualClock

GIB = 1 << 30


class Drivers:
    """Open from a reading to `close`."""

    def __init__(self) -> None:
        self.open = False

    def read(self) -> Reading:
        self.open = True
        host = Device(id=HOST, kind=DeviceKind.HOST, name="host", total=64 * GIB, used=GIB)
        return Reading(devices=(host,))

    def close(self) -> None:
        self.open = False


def test_after_a_start_and_after_every_look() -> None:
    clock, drivers = VirtualClock(), Drivers()
    admission = Admission(clock, drivers)
    admission.configure(Rules(), {}, (), GIB, GIB)
    assert drivers.open
    clock.advance(REST_AFTER)
    assert not drivers.open
    for look in (admission.reading, admission.look, lambda: admission.explain("m", Need(host=GIB))):
        look()
        assert drivers.open
        clock.advance(REST_AFTER / 2)
        admission.reading(age=60.0)  # a look at what is known already keeps nothing awake
        clock.advance(REST_AFTER / 2)
        assert not drivers.open, look
    admission.close()
