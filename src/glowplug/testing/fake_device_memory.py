"""What the fakes of vLLM and SGLang take on the fake GPUs that NVIDIA_FAKE_STATE names (`glowplug.testing.fake_nvml`).

Without the variable there are no accelerators and nothing is held.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from glowplug.testing.fake_nvml_state import FakeGpus


def visible(env: Mapping[str, str], order: list[int]) -> tuple[int, ...]:
    """The GPUs that CUDA would show a program with this environment.  `order`: all of them along the bus."""
    named = env.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return tuple(order)
    return tuple(order[int(word)] for word in named.split(",") if word.strip().isdigit() and int(word) < len(order))


def hold_device_memory(pid: int, sizes: Mapping[int, int]) -> None:
    """A process of a fake engine holds exactly so many bytes of each GPU.  Raises DeviceFull."""
    gpus = FakeGpus.of(os.environ)
    for gpu, size in sizes.items() if gpus else ():
        assert gpus is not None
        gpus.hold(gpu, pid, size)


def free_device_memory() -> dict[int, tuple[int, int]]:
    """Free and total bytes of each GPU that this process may use."""
    gpus = FakeGpus.of(os.environ)
    if gpus is None:
        return {}
    return {gpu: (gpus.unused(gpu), gpus.total(gpu)) for gpu in visible(os.environ, gpus.order())}
