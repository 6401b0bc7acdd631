from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import HOST, Device, DeviceKind, Reading
from glowplug.hardware.amd import Amd
from glowplug.hardware.base import Found
from glowplug.hardware.host import Host
from glowplug.hardware.machine import Machine
from glowplug.hardware.nvidia import Nvidia
from glowplug.testing.fake_nvml import FakeNvml

GIB = 1 << 30


def card(uuid: str, kind: DeviceKind = DeviceKind.NVIDIA, **more: object) -> Device:
    device = Device(id="", kind=kind, name=f"card {uuid}", total=8 * GIB, used=GIB, holders=(), uuid=uuid)
    return msgspec.structs.replace(device, **more)


class Script:
    """A reader that gives what it is told."""

    def __init__(self, *devices: Device) -> None:
        self.found = Found(devices)
        self.closed = 0
        self.ask: Callable[[], None] = lambda: None

    def read(self) -> Found:
        self.ask()
        return self.found

    def energy(self) -> list[tuple[str, EnergyReading]]:
        return [(device.uuid, EnergyReading(device="", power=7)) for device in self.found.devices]

    def close(self) -> None:
        self.closed += 1


def machine(nvidia: Script, amd: Script | None = None) -> Machine:
    return Machine(nvidia, amd or Script(), Host())


def summary(reading: Reading) -> list[tuple[str, str, int | None]]:
    return [(device.id, device.uuid, device.total) for device in reading.accelerators]


def test_devices_are_numbered_by_vendor_and_the_host_is_last() -> None:
    reading = machine(Script(card("n0"), card("n1")), Script(card("a0", DeviceKind.AMD))).read()
    assert [(device.id, device.uuid) for device in reading.devices] == [
        ("gpu0", "n0"),
        ("gpu1", "n1"),
        ("gpu2", "a0"),
        (HOST, ""),
    ]
    assert reading.device("gpu2") == card("a0", DeviceKind.AMD, id="gpu2")
    assert reading.problems == ()


def test_a_machine_without_accelerators() -> None:
    assert [device.id for device in machine(Script()).read().devices] == [HOST]


def test_what_is_away_stays_listed_and_comes_back_under_its_id() -> None:
    nvidia, amd = Script(card("n0"), card("n1")), Script(card("a0", DeviceKind.AMD))
    both = machine(nvidia, amd)
    both.read()
    nvidia.found = Found((), ("the driver is not loaded",))
    reading = both.read()
    assert summary(reading) == [("gpu0", "n0", None), ("gpu1", "n1", None), ("gpu2", "a0", 8 * GIB)]
    gone = reading.devices[0]
    assert (gone.used, gone.holders, gone.problem) == (None, None, "the driver is not loaded")
    assert (reading.devices[2].problem, reading.problems) == ("", ("the driver is not loaded",))
    nvidia.found = Found((card("n1"), card("new")))
    reading = both.read()
    assert [(device.id, device.uuid, device.problem) for device in reading.accelerators] == [
        ("gpu0", "n0", "the driver does not list it any more"),
        ("gpu1", "n1", ""),
        ("gpu2", "a0", ""),
        ("gpu3", "new", ""),
    ]


def test_unified_memory_is_the_hosts() -> None:
    shared = card("n0", total=None, used=None, unified=True)
    apu = card("a0", DeviceKind.AMD, unified=True)
    reading = machine(Script(shared), Script(apu)).read()
    host = reading.device(HOST)
    assert host is not None and host.total is not None
    first, second = reading.accelerators
    assert (first.unified, first.total, first.used) == (True, host.total, host.used)
    assert (second.unified, second.total, second.used) == (True, 8 * GIB, GIB), "a driver that knows better is believed"


def test_two_threads_never_read_at_once() -> None:
    nvidia = Script(card("n0"))
    inside, most = 0, 0
    meeting = threading.Barrier(2)

    def ask() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        os.sched_yield()
        inside -= 1

    nvidia.ask = ask
    shared = machine(nvidia)

    def read_often() -> None:
        meeting.wait()
        for _ in range(200):
            shared.read()

    threads = [threading.Thread(target=read_often) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_closing_lets_go_of_all_drivers() -> None:
    nvidia, amd = Script(), Script()
    machine(nvidia, amd).close()
    assert (nvidia.closed, amd.closed) == (1, 1)


@pytest.fixture
def here(fake_nvml: FakeNvml, tmp_path: Path) -> Machine:
    return Machine(Nvidia(), Amd(tmp_path / "no-drm"), Host())


def test_through_the_real_readers(fake_nvml: FakeNvml, here: Machine) -> None:
    for number in range(2):
        fake_nvml.add_gpu(f"card {number}", f"GPU-{number}", 24 * GIB)
    assert summary(here.read()) == [("gpu0", "GPU-0", 24 * GIB), ("gpu1", "GPU-1", 24 * GIB)]
    fake_nvml.lose(0)
    for _ in range(3):
        reading = here.read()
        assert summary(reading) == [("gpu0", "GPU-0", None), ("gpu1", "GPU-1", 24 * GIB)]
        assert "GPU is lost" in reading.devices[0].problem
        assert reading.devices[1].problem == ""
    fake_nvml.mismatch()
    assert "restart the machine" in here.read().devices[1].problem
    fake_nvml.find(0)
    fake_nvml.restore_driver()
    assert summary(here.read()) == [("gpu0", "GPU-0", 24 * GIB), ("gpu1", "GPU-1", 24 * GIB)]
    here.close()


def test_this_machine_can_be_read_as_it_is() -> None:
    here = Machine.here()
    reading = here.read()
    here.close()
    assert reading.devices[-1].id == HOST and reading.devices[-1].total


def test_energy_comes_under_the_ids_that_devices_have(tmp_path: Path) -> None:
    nvidia, amd = Script(card("n0"), card("n1")), Script(card("a0", DeviceKind.AMD))
    machine = Machine(nvidia, amd, Host(powercap=tmp_path))
    assert machine.energy() == (), "nobody has read yet which is which"
    machine.read()
    nvidia.found = Found((card("n1"),))
    assert [(said.device, said.power) for said in machine.energy()] == [("gpu1", 7), ("gpu2", 7)]
