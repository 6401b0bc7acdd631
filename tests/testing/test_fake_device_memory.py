from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.testing.fake_device_memory import free_device_memory, hold_device_memory, visible
from glowplug.testing.fake_nvml_state import VARIABLE, FakeGpus


@pytest.mark.parametrize(
    ("value", "seen"), [(None, (2, 0, 1)), ("1", (0,)), ("2,0", (1, 2)), ("", ()), ("7", ()), ("GPU-x", ())]
)
def test_cuda_shows_some(value: str | None, seen: tuple[int, ...]) -> None:
    assert visible({} if value is None else {"CUDA_VISIBLE_DEVICES": value}, [2, 0, 1]) == seen


def test_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert free_device_memory() == {}
    hold_device_memory(os.getpid(), {0: 1 << 50})
    gpus = FakeGpus(tmp_path / "devices")
    gpus.add_gpu("first", "GPU-1", 100)
    gpus.add_gpu("second", "GPU-2", 50, reserved=5)
    monkeypatch.setenv(VARIABLE, str(gpus.path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    hold_device_memory(os.getpid(), {1: 20})
    assert free_device_memory() == {1: (25, 45)} and gpus.used(1) == 20
