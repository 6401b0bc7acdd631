"""The imitation, asked through NVIDIA's own binding."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from glowplug.launchers.process import clean_environment
from glowplug.testing.fake_nvml import FakeNvml
from glowplug.testing.fake_nvml_state import VARIABLE

GIB = 1 << 30


@pytest.fixture
def nvml(fake_nvml: FakeNvml) -> Iterator[FakeNvml]:
    fake_nvml.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 * GIB, GIB, reserved=2 * GIB, pci="0001:4b:00")
    pynvml.nvmlInit()
    yield fake_nvml
    fake_nvml.restore_driver()
    pynvml.nvmlShutdown()


def test_it_says_what_it_was_told(nvml: FakeNvml) -> None:
    nvml.add_gpu("B", "GPU-2", GIB)
    assert pynvml.nvmlDeviceGetCount() == 2
    assert pynvml.nvmlSystemGetDriverVersion() == "575.57.08"
    nvml.set_driver("999.1")
    assert pynvml.nvmlSystemGetDriverVersion() == "999.1"
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    assert pynvml.nvmlDeviceGetName(handle) == "NVIDIA RTX 4090"
    assert pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByUUID("GPU-2")) == "GPU-2"
    assert pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetHandleByUUID("GPU-2")) == 1
    pci = pynvml.nvmlDeviceGetPciInfo(handle)
    assert (pci.domain, pci.bus, pci.device, pci.busId) == (1, 0x4B, 0, "00000001:4B:00.0")
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetMigMode(handle)
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceGetHandleByIndex(2)


def test_both_versions_of_the_memory_agree(nvml: FakeNvml) -> None:
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    old, new = pynvml.nvmlDeviceGetMemoryInfo(handle), pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2)
    assert (old.total, old.used, old.free) == (24 * GIB, 3 * GIB, 21 * GIB)
    assert (new.total, new.reserved, new.used, new.free) == (24 * GIB, 2 * GIB, GIB, 21 * GIB)
    with pytest.raises(pynvml.NVMLError_ArgumentVersionMismatch):
        pynvml.nvmlDeviceGetMemoryInfo(handle, 1)


def test_the_library_and_python_count_alike(nvml: FakeNvml) -> None:
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    for number, sleeper in enumerate(sleepers, 1):
        nvml.allocate(0, sleeper.pid, number * GIB, keep=number == 3)
    nvml.leak(0, GIB)
    for sleeper in sleepers:
        counted = pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2).used
        assert counted == nvml.used(0) > 0
        sleeper.kill()
        os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
        assert pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2).used == nvml.used(0)
        sleeper.wait()
    assert nvml.used(0) == (1 + 1 + 3) * GIB
    assert pynvml.nvmlDeviceGetComputeRunningProcesses(handle) == [], "what a dead process leaked is nobody's"


def test_a_number_that_another_process_has_now_holds_nothing(nvml: FakeNvml) -> None:
    nvml.allocate(0, os.getpid(), GIB)
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    nvml.path.write_text(nvml.path.read_text().replace(f" {start} {GIB} ", f" {int(start) + 1} {GIB} "))
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    assert pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2).used == nvml.used(0) == GIB


@pytest.mark.parametrize(("kind", "compute", "graphics"), [("C", 1, 0), ("G", 0, 1), ("B", 1, 1)])
def test_processes_are_in_the_list_they_belong_to(nvml: FakeNvml, kind: str, compute: int, graphics: int) -> None:
    nvml.allocate(0, os.getpid(), GIB, kind=kind)
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    lists = (
        pynvml.nvmlDeviceGetComputeRunningProcesses(handle),
        pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle),
    )
    assert [len(processes) for processes in lists] == [compute, graphics]
    assert {(process.pid, process.usedGpuMemory) for processes in lists for process in processes} == {
        (os.getpid(), GIB)
    }


def test_more_processes_than_were_expected(nvml: FakeNvml) -> None:
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(9)]
    for sleeper in sleepers:
        nvml.allocate(0, sleeper.pid, 1)
    listed = pynvml.nvmlDeviceGetComputeRunningProcesses(pynvml.nvmlDeviceGetHandleByIndex(0))
    assert [process.pid for process in listed] == [sleeper.pid for sleeper in sleepers]
    for sleeper in sleepers:
        sleeper.kill()
        sleeper.wait()


def test_a_driver_that_was_away_has_to_be_asked_anew(nvml: FakeNvml) -> None:
    nvml.remove_driver()
    with pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlDeviceGetCount()
    nvml.restore_driver()
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlDeviceGetCount()
    pynvml.nvmlShutdown()
    pynvml.nvmlInit()
    assert pynvml.nvmlDeviceGetCount() == 1


def test_a_lost_gpu_answers_nothing(nvml: FakeNvml) -> None:
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    nvml.lose(0)
    for call in (pynvml.nvmlDeviceGetName, pynvml.nvmlDeviceGetMemoryInfo, pynvml.nvmlDeviceGetUtilizationRates):
        with pytest.raises(pynvml.NVMLError_GpuIsLost):
            call(handle)
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetHandleByIndex(0)
    nvml.find(0)
    assert pynvml.nvmlDeviceGetUtilizationRates(handle).gpu == 0


def test_one_function_fails_as_it_is_told_for_one_gpu(nvml: FakeNvml) -> None:
    nvml.add_gpu("B", "GPU-2", GIB)
    nvml.fail("nvmlDeviceGetName", 4, gpu=1)
    one, two = (pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(2))
    assert pynvml.nvmlDeviceGetName(one) == "NVIDIA RTX 4090"
    with pytest.raises(pynvml.NVMLError_NoPermission):
        pynvml.nvmlDeviceGetName(two)


def test_tests_of_one_process_do_not_see_each_others_gpus(nvml: FakeNvml, nvml_library: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with FakeNvml(other, nvml_library) as empty:
        assert os.environ[VARIABLE] == str(empty.path)
        pynvml.nvmlInit()
        assert pynvml.nvmlDeviceGetCount() == 0
        pynvml.nvmlShutdown()
    assert os.environ[VARIABLE] == str(nvml.path)
    assert pynvml.nvmlDeviceGetCount() == 1


def test_without_a_state_there_is_no_driver(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(pynvml.NVMLError_DriverNotLoaded):
        pynvml.nvmlDeviceGetCount()


def test_another_process_gets_it_by_its_environment(nvml: FakeNvml) -> None:
    script = "import pynvml; pynvml.nvmlInit(); print(pynvml.nvmlDeviceGetCount())"
    env = {**os.environ, **nvml.env}
    assert subprocess.check_output([sys.executable, "-c", script], env=env, text=True, timeout=60) == "1\n"
    assert clean_environment(nvml.env, {}) == nvml.env, "what launchers hand on to engines has it"


@pytest.mark.needs("cc")
def test_it_is_built_where_it_is_needed_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = FakeNvml(tmp_path)
    built = made.build()
    assert built == tmp_path / "libnvidia-ml.so.1"
    monkeypatch.setenv("CC", "no-such-compiler")
    assert made.build() == built
    built.unlink()
    with pytest.raises(FileNotFoundError, match="no-such-compiler"):
        made.build()


def test_the_driver_is_open_from_the_first_init_to_the_last_shutdown(fake_nvml: FakeNvml) -> None:
    assert not fake_nvml.users()
    pynvml.nvmlInit()
    pynvml.nvmlInit()
    assert fake_nvml.users() == {os.getpid()}
    pynvml.nvmlShutdown()
    assert fake_nvml.users() == {os.getpid()}
    pynvml.nvmlShutdown()
    assert not fake_nvml.users()
