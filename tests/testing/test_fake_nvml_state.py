from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import glowplug
from glowplug.testing.fake_nvml_state import VARIABLE, DeviceFull, FakeGpus

GIB = 1 << 30


@pytest.fixture
def gpus(tmp_path: Path) -> FakeGpus:
    made = FakeGpus(tmp_path / "state")
    made.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 * GIB, GIB, reserved=GIB)
    made.add_gpu("other", "GPU-2", 8 * GIB)
    return made


def test_used_is_the_sum_of_everything(gpus: FakeGpus) -> None:
    gpus.set_used_by_others(0, 2 * GIB)
    gpus.leak(0, 3 * GIB)
    gpus.allocate(0, os.getpid(), 4 * GIB)
    assert (gpus.used(0), gpus.unused(0)) == (10 * GIB, 13 * GIB)
    assert (gpus.used(1), gpus.unused(1)) == (0, 8 * GIB)
    gpus.leak(0, -3 * GIB)
    gpus.free(1, os.getpid())
    gpus.free(0, os.getpid())
    assert gpus.used(0) == 3 * GIB


def test_allocations_of_a_process_add_up_on_one_line(gpus: FakeGpus) -> None:
    for _ in range(300):
        gpus.allocate(1, os.getpid(), 1 << 20)
    assert gpus.used(1) == 300 << 20
    assert gpus.path.read_text().count("hold ") == 1


def test_a_process_can_say_what_it_has_at_once(gpus: FakeGpus) -> None:
    gpus.allocate(1, os.getpid(), GIB)
    gpus.hold(1, os.getpid(), 3 * GIB)
    assert (gpus.used(1), gpus.total(1), gpus.total(0)) == (3 * GIB, 8 * GIB, 23 * GIB)
    with pytest.raises(DeviceFull):
        gpus.hold(1, os.getpid(), 9 * GIB)
    assert gpus.used(1) == 3 * GIB
    gpus.hold(1, os.getpid(), 0)
    assert gpus.used(1) == 0


def test_what_does_not_fit_is_refused_and_changes_nothing(gpus: FakeGpus) -> None:
    before = gpus.path.read_text()
    with pytest.raises(DeviceFull):
        gpus.allocate(0, os.getpid(), 23 * GIB)
    with pytest.raises(ProcessLookupError):
        gpus.allocate(0, 2**22 + 1, 1)
    assert gpus.path.read_text() == before
    gpus.allocate(0, os.getpid(), 22 * GIB)


def test_a_dead_process_has_nothing_but_what_it_leaks(gpus: FakeGpus) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        gpus.allocate(0, process.pid, GIB)
        gpus.allocate(1, process.pid, 2 * GIB, keep=True)
        assert (gpus.used(0), gpus.used(1)) == (2 * GIB, 2 * GIB)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert (gpus.used(0), gpus.used(1)) == (GIB, 2 * GIB), "a zombie is dead"
        process.wait()
    gpus.allocate(0, os.getpid(), 5)
    assert "hold 0" in gpus.path.read_text() and f" {process.pid} " in gpus.path.read_text()
    assert gpus.used(1) == 2 * GIB


def test_an_environment_names_the_file(gpus: FakeGpus) -> None:
    assert FakeGpus.of({}) is None
    found = FakeGpus.of({VARIABLE: str(gpus.path)})
    assert found is not None and found.path == gpus.path


def test_failures_of_everything_one_function_and_one_gpu(gpus: FakeGpus) -> None:
    gpus.fail("nvmlDeviceGetName", 3)
    gpus.fail("nvmlDeviceGetUUID", 3, gpu=1)
    gpus.remove_driver()
    lines = gpus.path.read_text().splitlines()
    assert {"fail nvmlDeviceGetName 3", "fail nvmlDeviceGetUUID 3 1", "fail * 9", "epoch 2"} <= set(lines)
    gpus.restore_driver()
    gpus.fail("nvmlDeviceGetName", 0)
    lines = gpus.path.read_text().splitlines()
    assert [line for line in lines if line.startswith("fail")] == ["fail nvmlDeviceGetUUID 3 1"]
    assert "epoch 3" in lines


WRITER = """
import os, sys
from pathlib import Path
from glowplug.testing.fake_nvml_state import FakeGpus
gpus = FakeGpus(Path(sys.argv[1]))
sys.stdin.readline()
for _ in range(100):
    gpus.leak(1, 1)
    gpus.used(1)
"""


def test_several_processes_change_it_at_once(gpus: FakeGpus) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(glowplug.__file__).parents[1])}
    argv = [sys.executable, "-c", WRITER, str(gpus.path)]
    writers = [subprocess.Popen(argv, env=env, stdin=subprocess.PIPE) for _ in range(3)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert gpus.used(1) == 300, "none of the changes was lost"
