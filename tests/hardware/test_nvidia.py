"""Through NVIDIA's own binding, with the library of `glowplug.testing.fake_nvml` under it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

import glowplug
from glowplug.domain.hardware import Device, DeviceKind, Holder
from glowplug.hardware.nvidia import Nvidia
from glowplug.testing.fake_nvml import FakeNvml
from glowplug.testing.fake_nvml_state import VERSION_MISMATCH

GIB = 1 << 30


@pytest.fixture
def nvidia(fake_nvml: FakeNvml) -> Iterator[Nvidia]:
    reader = Nvidia()
    yield reader
    reader.close()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def one(reader: Nvidia) -> Device:
    (device,) = reader.read().devices
    return device


def test_a_driver_without_devices_is_nothing_to_complain_about(nvidia: Nvidia) -> None:
    assert nvidia.read() == ((), ())
    assert nvidia.driver == "575.57.08"


def test_a_device_is_read_whole(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 * GIB, GIB)
    assert one(nvidia) == Device(
        id="",
        kind=DeviceKind.NVIDIA,
        name="NVIDIA RTX 4090",
        total=24 * GIB,
        used=GIB,
        holders=(),
        uuid="GPU-1",
        index=0,
    )
    fake_nvml.set_used_by_others(0, 3 * GIB)
    assert one(nvidia).used == 4 * GIB


def test_what_the_driver_keeps_for_itself_is_not_offered(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", 24 * GIB, 2 * GIB, reserved=GIB)
    device = one(nvidia)
    assert (device.total, device.used) == (23 * GIB, 2 * GIB)


@pytest.mark.parametrize("code", [13, 25, 3])
def test_without_the_second_version_the_first_counts_it_as_used(fake_nvml: FakeNvml, nvidia: Nvidia, code: int) -> None:
    fake_nvml.add_gpu("A", "GPU-1", 24 * GIB, 2 * GIB, reserved=GIB)
    fake_nvml.fail("nvmlDeviceGetMemoryInfo_v2", code)
    device = one(nvidia)
    assert (device.total, device.used, device.unified) == (24 * GIB, 3 * GIB, False)


def test_devices_are_numbered_along_the_bus(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("second", "GPU-b", GIB, pci="0000:81:00")
    fake_nvml.add_gpu("first", "GPU-a", GIB, pci="0000:0a:00")
    fake_nvml.add_gpu("third", "GPU-c", GIB, pci="0001:01:00")
    assert [(d.name, d.index) for d in nvidia.read().devices] == [("first", 0), ("second", 1), ("third", 2)]


def test_where_the_bus_is_not_told_the_drivers_order_stands(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("one", "GPU-b", GIB, pci="0000:81:00")
    fake_nvml.add_gpu("two", "GPU-a", GIB, pci="0000:0a:00")
    fake_nvml.fail("nvmlDeviceGetPciInfo_v3", 3, gpu=1)
    assert [(d.name, d.index) for d in nvidia.read().devices] == [("one", 0), ("two", 1)]


def test_holders_of_both_lists_are_one_each(
    fake_nvml: FakeNvml, nvidia: Nvidia, sleeper: subprocess.Popen[bytes]
) -> None:
    gpu = fake_nvml.add_gpu("A", "GPU-1", 24 * GIB)
    fake_nvml.allocate(gpu, sleeper.pid, 5 * GIB, kind="B")
    fake_nvml.allocate(gpu, os.getpid(), GIB, kind="G")
    me = Path("/proc/self/comm").read_text().strip()
    device = one(nvidia)
    assert device.holders == (
        Holder(pid=sleeper.pid, memory=5 * GIB, name="sleep"),
        Holder(pid=os.getpid(), memory=GIB, name=me),
    )
    assert device.used == 6 * GIB
    sleeper.kill()
    sleeper.wait()
    assert one(nvidia).used == GIB, "a killed process gives its memory back"


def test_a_share_that_is_not_told_is_unknown(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    gpu = fake_nvml.add_gpu("A", "GPU-1", 24 * GIB, process_memory=False)
    fake_nvml.allocate(gpu, os.getpid(), GIB, kind="B")
    device = one(nvidia)
    assert device.holders is not None
    assert [(holder.pid, holder.memory) for holder in device.holders] == [(os.getpid(), None)]
    assert device.used == GIB


@pytest.mark.parametrize(("function", "known"), [("Compute", False), ("Graphics", True)])
def test_without_the_list_of_computing_processes_nobody_is_known(
    fake_nvml: FakeNvml, nvidia: Nvidia, function: str, known: bool
) -> None:
    fake_nvml.add_gpu("A", "GPU-1", 24 * GIB, GIB)
    fake_nvml.fail(f"nvmlDeviceGet{function}RunningProcesses_v3", 3)
    device = one(nvidia)
    assert (device.holders is not None) is known
    assert (device.used, device.problem) == (GIB, "")


def test_a_lost_device_is_unknown_and_the_others_go_on(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    for number in (1, 2):
        fake_nvml.add_gpu(f"card {number}", f"GPU-{number}", 24 * GIB)
    nvidia.read()
    fake_nvml.lose(0)
    lost, well = nvidia.read().devices
    assert (lost.uuid, lost.total, lost.used, lost.holders) == ("GPU-1", None, None, None)
    assert "GPU is lost" in lost.problem
    assert (well.uuid, well.total, well.index, well.problem) == ("GPU-2", 24 * GIB, 1, "")
    devices, problems = nvidia.read()
    assert [(d.uuid, d.index) for d in devices] == [("GPU-2", 1)], "taken up anew, the driver does not give it any more"
    assert len(problems) == 1 and problems[0].startswith("NVIDIA device 0 cannot be used: the driver lost it")
    fake_nvml.find(0)
    assert [device.total for device in nvidia.read().devices] == [24 * GIB, 24 * GIB]
    assert nvidia.read().problems == ()


def test_a_device_that_needs_a_reset_is_let_go_of(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB)
    nvidia.read()
    fake_nvml.lose(0, 16)
    assert "nvidia-smi --gpu-reset" in one(nvidia).problem
    fake_nvml.fail("nvmlInitWithFlags", 999)
    devices, problems = nvidia.read()
    assert devices == () and "does not answer" in problems[0], "it was initialised again, so it had been let go of"


def test_an_error_nobody_expects_is_the_devices_problem(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB)
    fake_nvml.fail("nvmlDeviceGetMemoryInfo_v2", 999)
    device = one(nvidia)
    assert (device.total, device.problem) == (None, "its memory cannot be read: Unknown Error")


def test_a_driver_that_goes_and_comes_back(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", 24 * GIB)
    assert one(nvidia).total == 24 * GIB
    fake_nvml.remove_driver()
    for _ in range(2):
        assert nvidia.read() == ((), ("the NVIDIA driver is not loaded",))
    fake_nvml.restore_driver()
    assert one(nvidia).total == 24 * GIB


def test_a_driver_that_was_away_between_two_readings_is_not_missed(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", 24 * GIB)
    nvidia.read()
    fake_nvml.remove_driver()
    fake_nvml.restore_driver()
    assert one(nvidia).problem == "", "what it knew of the old one is worthless, and it begins anew at once"


@pytest.mark.parametrize(
    ("code", "says"), [(VERSION_MISMATCH, "restart the machine"), (999, "does not answer: Unknown Error")]
)
def test_a_driver_that_cannot_be_used_says_why(fake_nvml: FakeNvml, nvidia: Nvidia, code: int, says: str) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB)
    fake_nvml.remove_driver(code)
    devices, (problem,) = nvidia.read()
    assert devices == () and says in problem


def test_unified_memory_has_no_numbers_of_its_own(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("NVIDIA Thing", "GPU-1", GIB, unified=True)
    fake_nvml.add_gpu("NVIDIA GB10", "GPU-2", 128 * GIB)  # some releases tell the machine's memory as its own
    fake_nvml.add_gpu("NVIDIA Empty", "GPU-3", 0)
    for device in nvidia.read().devices:
        assert (device.unified, device.total, device.used, device.problem) == (True, None, None, ""), device.name


def test_a_device_that_is_split_is_not_used(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("NVIDIA H100", "GPU-1", 80 * GIB, mig=True)
    device = one(nvidia)
    assert device.total is None and "MIG" in device.problem


def test_what_only_describes_may_be_missing(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB, pci="0002:03:04")
    for function in ("nvmlSystemGetDriverVersion", "nvmlDeviceGetName", "nvmlDeviceGetUUID"):
        fake_nvml.fail(function, 13)
    device = one(nvidia)
    assert (device.name, device.uuid, device.total) == ("NVIDIA device", "nvidia 0002:03:04", GIB)
    assert nvidia.driver == ""


def test_closing_lets_go_and_the_next_reading_begins_again(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB)
    nvidia.read()
    assert pynvml.nvmlDeviceGetCount() == 1
    nvidia.close()
    nvidia.close()
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlDeviceGetCount()
    fake_nvml.fail("nvmlInitWithFlags", 9)
    assert nvidia.read().devices == ()
    fake_nvml.fail("nvmlInitWithFlags", 0)
    assert one(nvidia).total == GIB


SCRIPT = """
import json, sys, msgspec
from pathlib import Path
from glowplug.hardware.nvidia import Nvidia
reader = Nvidia(Path(sys.argv[1]))
found = reader.read()
print(json.dumps([msgspec.to_builtins(found.devices), found.problems, "pynvml" in sys.modules]))
"""


def elsewhere(proc: Path, env: dict[str, str]) -> list[object]:
    """A reading in a process of its own: (devices, problems, whether the binding was imported)."""
    path = str(Path(glowplug.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(proc)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    out: list[object] = json.loads(done.stdout)
    return out


def test_without_the_library_there_is_nothing_to_say_and_nothing_to_import(tmp_path: Path) -> None:
    if elsewhere(tmp_path, {})[2]:
        pytest.skip("this machine has NVIDIA's library")
    assert elsewhere(tmp_path, {}) == [[], [], False]
    (tmp_path / "driver" / "nvidia").mkdir(parents=True)
    (tmp_path / "driver" / "nvidia" / "version").write_text("NVRM version: …\n")
    _, problems, _ = elsewhere(tmp_path, {})
    assert problems == ["the NVIDIA driver is loaded, but its library libnvidia-ml.so.1 was not found"]


def test_another_process_sees_the_same(fake_nvml: FakeNvml) -> None:
    fake_nvml.add_gpu("A", "GPU-1", GIB)
    (device,), problems, _ = elsewhere(Path("/proc"), fake_nvml.env)
    assert (device["uuid"], device["total"], problems) == ("GPU-1", GIB, [])


@pytest.mark.needs("cc")
def test_an_old_driver_without_the_newer_functions(tmp_path: Path) -> None:
    nvml = FakeNvml(tmp_path)
    nvml.build(old=True)
    gpu = nvml.add_gpu("A", "GPU-1", 24 * GIB, reserved=GIB)
    nvml.allocate(gpu, os.getpid(), 2 * GIB)
    (device,), problems, _ = elsewhere(Path("/proc"), nvml.env)
    assert (device["total"], device["used"], problems) == (24 * GIB, 3 * GIB, [])
    assert [(holder["pid"], holder["memory"]) for holder in device["holders"]] == [(os.getpid(), 2 * GIB)]


def energies(reader: Nvidia) -> list[tuple[str, int | None, int | None]]:
    return [(uuid, said.counter, said.power) for uuid, said in reader.energy()]


def test_a_card_says_what_it_has_used_or_what_it_draws_or_nothing(fake_nvml: FakeNvml, nvidia: Nvidia) -> None:
    for number in range(3):
        fake_nvml.add_gpu("NVIDIA RTX 4090", f"GPU-{number}", 24 * GIB)
    fake_nvml.draw(0, energy=5_000_000_000_000, power=400_000)
    fake_nvml.draw(1, power=71_500)
    assert energies(nvidia) == [], "the driver is not taken up for that"
    nvidia.read()
    assert energies(nvidia) == [("GPU-0", 5_000_000_000_000, None), ("GPU-1", None, 71_500)]
    fake_nvml.lose(0)
    assert energies(nvidia) == [("GPU-1", None, 71_500)]
    nvidia.close()
    assert energies(nvidia) == [] and not fake_nvml.users()
