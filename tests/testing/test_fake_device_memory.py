from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glowplug.testing.fake_device_memory import (
    VARIABLE,
    DeviceFull,
    DeviceMemory,
    free_device_memory,
    hold_device_memory,
    visible,
)


def test_what_is_held_is_counted_and_given_back(tmp_path: Path) -> None:
    memory = DeviceMemory.make(tmp_path / "devices", 100, 50)
    pid = os.getpid()
    memory.hold(0, pid, 60)
    memory.hold(1, pid, 10)
    memory.hold(0, pid, 70)
    assert (memory.totals(), memory.used(0), memory.used(1)) == ((100, 50), 70, 10)
    memory.hold(0, pid, 0)
    assert memory.used(0) == 0


def test_more_than_there_is_cannot_be_had(tmp_path: Path) -> None:
    memory = DeviceMemory.make(tmp_path / "devices", 100)
    memory.hold(0, os.getppid(), 60)
    with pytest.raises(DeviceFull):
        memory.hold(0, os.getpid(), 41)
    memory.hold(0, os.getpid(), 40)
    assert memory.used(0) == 100


def test_what_a_process_held_is_free_when_it_is_gone_even_before_it_is_reaped(tmp_path: Path) -> None:
    memory = DeviceMemory.make(tmp_path / "devices", 100)
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        memory.hold(0, process.pid, 60)
        assert memory.used(0) == 60
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert memory.used(0) == 0


@pytest.mark.parametrize(
    ("value", "seen"), [(None, (0, 1, 2)), ("1", (1,)), ("2,0", (2, 0)), ("", ()), ("7", ()), ("GPU-x", ())]
)
def test_cuda_shows_some(value: str | None, seen: tuple[int, ...]) -> None:
    assert visible({} if value is None else {"CUDA_VISIBLE_DEVICES": value}, 3) == seen


def test_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DeviceMemory.of({}) is None and free_device_memory() == {}
    hold_device_memory(os.getpid(), {0: 1 << 50})
    memory = DeviceMemory.make(tmp_path / "devices", 100, 50)
    monkeypatch.setenv(VARIABLE, str(memory.path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    hold_device_memory(os.getpid(), {1: 20})
    assert free_device_memory() == {1: (30, 50)} and memory.used(1) == 20
