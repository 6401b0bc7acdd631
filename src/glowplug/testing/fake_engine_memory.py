"""The memory of the fake engine: what it takes on the fake device and of the machine, and how it says so in its log.

Log wording as in llama.cpp: src/llama-model.cpp, llama-kv-cache.cpp, llama-context.cpp, ggml-cuda.cu.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.testing.fake_nvml_state import VARIABLE, DeviceFull, FakeGpus

MIB = 1 << 20
LAYERS = 33
_KV, _COMPUTE = 0.15, 0.05
"""Shares of what is allocated; the weights are the rest."""
_HOLDER = """
import os, signal, time
if os.fork():
    os._exit(0)
os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
os.dup2(2, 1)
time.sleep(3600)
"""


class NoDevice(Exception):
    """It is to allocate, and there is no fake device to allocate on."""


@dataclass(frozen=True)
class Wishes:
    """What it takes, in MiB, and how it behaves (see `glowplug.testing.fake_engine`)."""

    device: int = 0
    host: int = 0
    grow: int = 0
    peak: int = 0
    keep: bool = False
    child: bool = False
    fallback: bool = False
    full: bool = False
    layers: str | None = None
    """As `--gpu-layers` takes it: a number, `auto`, `all`, or None."""

    @property
    def offloaded(self) -> int:
        """Layers that go to the device when there is one."""
        return min(int(self.layers), LAYERS) if self.layers and self.layers.isdigit() else LAYERS


class EngineMemory:
    """Takes memory as it was wished for; a step of the load or a generation at a time."""

    def __init__(self, wishes: Wishes, env: Mapping[str, str]) -> None:
        """Raises NoDevice when device memory is wished for and `env` names no fake devices."""
        self._wishes = wishes
        self._gpus = FakeGpus.of(env)
        self._gpu = _visible(self._gpus, env.get("CUDA_VISIBLE_DEVICES"))
        self._pid = os.getpid()
        self._taken = 0
        self._touched = bytearray()
        if (wishes.device or wishes.grow) and self._gpus is None:
            raise NoDevice(f"--allocate and --grow need a fake device, and {VARIABLE} names none")

    @property
    def _on_cpu(self) -> bool:
        return self._wishes.fallback or self._gpu is None or not self._wishes.offloaded

    def begin(self) -> None:
        """The start of the load.  Raises DeviceFull when it will not fit."""
        w = self._wishes
        if w.host:
            self._touched = bytearray(w.host * MIB)
            for page in range(0, len(self._touched), 4096):
                self._touched[page] = 1
        if not (w.device or w.full or w.fallback):
            return
        if w.full:
            raise DeviceFull
        if self._on_cpu:
            if w.offloaded:
                _log("ggml_cuda_init: failed to initialize CUDA: unknown error")
            _log(f"load_tensors: offloaded 0/{LAYERS} layers to GPU")
            _log(f"load_tensors: {'CPU_Mapped':>12} model buffer size = {w.device:8.2f} MiB")
            return
        _log(f"load_tensors: offloading {min(w.offloaded, LAYERS - 1)} repeating layers to GPU")
        if w.offloaded == LAYERS:
            _log("load_tensors: offloading output layer to GPU")
        assert self._gpus is not None and self._gpu is not None
        if w.device * MIB > self._gpus.unused(self._gpu):
            raise DeviceFull
        if w.child:
            self._pid = _grandchild()
            _log(f"child {self._pid} holds the memory")
        _log(f"load_tensors: offloaded {w.offloaded}/{LAYERS} layers to GPU")
        _log(f"load_tensors: {'CUDA0':>12} model buffer size = {w.device * (1 - _KV - _COMPUTE):8.2f} MiB")

    def step(self, fraction: float) -> None:
        """Have this share of the device memory.  Raises DeviceFull when somebody else was faster."""
        self._take_up_to(round(self._wishes.device * MIB * fraction))

    def end(self) -> None:
        """The end of the load."""
        w = self._wishes
        self.step(1.0)
        if w.device and not self._on_cpu:
            _log(f"llama_kv_cache: {'CUDA0':>10} KV buffer size = {w.device * _KV:8.2f} MiB")
            _log(f"sched_reserve: {'CUDA0':>10} compute buffer size = {w.device * _COMPUTE:8.2f} MiB")

    def grow(self) -> None:
        """A generation takes more, up to the peak.  Raises DeviceFull."""
        w = self._wishes
        if w.grow:
            peak = w.peak or 2 * w.device
            self._take_up_to(max(self._taken, min(self._taken + w.grow * MIB, peak * MIB)))

    def explain_full(self) -> None:
        """What llama.cpp writes when the device is full."""
        size = self._wishes.device
        _log(
            f"ggml_backend_cuda_buffer_type_alloc_buffer: allocating {size:.2f} MiB on device 0: "
            "cudaMalloc failed: out of memory"
        )
        _log(f"alloc_tensor_range: failed to allocate CUDA0 buffer of size {size * MIB}")
        _log("llama_model_load: error loading model: unable to allocate CUDA0 buffer")
        _log("llama_model_load_from_file_impl: failed to load model")
        _log("main: exiting due to model loading error")

    def _take_up_to(self, size: int) -> None:
        if self._on_cpu or size <= self._taken:
            return
        assert self._gpus is not None and self._gpu is not None
        self._gpus.allocate(self._gpu, self._pid, size - self._taken, keep=self._wishes.keep)
        self._taken = size


def _visible(gpus: FakeGpus | None, wanted: str | None) -> int | None:
    """The first visible device, which CUDA counts along the bus; None when none is visible."""
    if gpus is None:
        return None
    order = gpus.order()
    first = "0" if wanted is None else wanted.split(",")[0].strip()
    return order[int(first)] if first.isdigit() and int(first) < len(order) else None


def _grandchild() -> int:
    """The pid of a process in a session of its own that ignores SIGTERM and is nobody's child."""
    with subprocess.Popen([sys.executable, "-c", _HOLDER], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        return int(child.stdout.readline())


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
