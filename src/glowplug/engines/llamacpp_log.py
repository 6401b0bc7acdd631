"""What llama.cpp's log says: how far a load is, why it ended, and what was put where.

Wording as of build 11549 and of the builds before it that are still in use.  A log is written by a program that was
fed with a client's text, so nothing in it is believed beyond what bounded patterns find in bounded lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from glowplug.domain.instance import Failure, FailureKind
from glowplug.engines.base import LoadProgress, describe_exit
from glowplug.engines.failures import LOG_TAIL
from glowplug.engines.failures import pattern as _pattern

LINE_LIMIT = 512
"""Characters of a line that are looked at."""
SIZE_LIMIT = 1 << 50
"""Bytes; a buffer that claims more is not believed."""


_DRIVER_HINT = "check the driver (nvidia-smi, rocm-smi); after an update or a suspend it may need a reboot"
_PATTERNS = (
    _pattern(
        FailureKind.BAD_FLAG,
        r"invalid argument:|unrecognized arguments?:|unknown argument|handling argument|expected value for arg",
        "the engine refused its command line",
        "correct the model's options or args in the configuration",
    ),
    _pattern(
        FailureKind.PORT_TAKEN,
        r"couldn't bind|could not bind|failed to bind|address already in use",
        "the port is taken",
        "choose another port for the model, or none",
    ),
    _pattern(
        FailureKind.OUT_OF_MEMORY,
        r"out of memory|unable to allocate|failed to allocate|OutOfDeviceMemory|std::bad_alloc|cannot allocate memory",
        "there was not enough memory",
        "lower ctx_size, parallel or gpu_layers, use a smaller quantisation, or stop another model",
    ),
    _pattern(
        FailureKind.DRIVER_LOST,
        r"(?:CUDA|ROCm|HIP|MUSA) error:? (?:999\b|\(?unknown error|no \S{1,20}-capable device|"
        r"\S{1,20} driver version is insufficient|all \S{1,20}-capable devices are busy|system not yet initialized|"
        r"driver shutting down|invalid device ordinal)|GPU is lost|fallen off the bus",
        "the accelerator or its driver is gone",
        _DRIVER_HINT,
    ),
    _pattern(
        FailureKind.BAD_MODEL,
        r"unknown model architecture: '?[\w.-]{1,64}",
        "this build of llama.cpp does not know the model's architecture",
        "use a newer build of llama.cpp, or another model",
    ),
    _pattern(
        FailureKind.BAD_MODEL,
        r"failed to load model|error loading model|invalid magic|failed to init server",
        "the engine could not load the weights",
        "check that the file is a complete GGUF that this build of llama.cpp supports",
    ),
    _pattern(
        # Only a remark while the engine goes on without, and so the last resort for an end that nothing else explains.
        FailureKind.DRIVER_LOST,
        r"failed to initialize (?:CUDA|ROCm|HIP)|no \S{1,20}-capable device is detected|driver version is insufficient",
        "the accelerator's driver could not be used",
        _DRIVER_HINT,
    ),
)

_STAGES = (
    (re.compile(r"server is listening|all slots are idle|model loaded", re.IGNORECASE), "starting the server"),
    (re.compile(r"warming up", re.IGNORECASE), "warming up"),
    (re.compile(r"llama_context|kv[_ ]cache|sched_reserve|graph_reserve", re.IGNORECASE), "allocating the context"),
    (
        re.compile(r"load_tensors|offload|model_loader|llama_model_load|print_info|loading model", re.IGNORECASE),
        "loading weights",
    ),
)
_DOTS = re.compile(r"\.{1,100}")
_READY = re.compile(r"server is listening|listening on |model loaded|\bslot\b|slots are idle")
_LOADING = frozenset({"loading weights", "allocating the context", "warming up"})


def classify(exit_code: int | None, log_lines: Sequence[str]) -> Failure:
    """Why the process ended."""
    tail = tuple(log_lines[-LOG_TAIL:])
    ended = describe_exit(exit_code)
    for pattern in _PATTERNS:
        for line in reversed(log_lines):
            if pattern.wording.search(line[:LINE_LIMIT]):
                return Failure(
                    kind=pattern.kind,
                    message=f"{pattern.message}: {line[:LINE_LIMIT].strip()} ({ended})",
                    hint=pattern.hint,
                    log_tail=tail,
                )
    kind, hint = FailureKind.CRASH, "see the log for the reason"
    if exit_code == -9:
        hint = "something killed it; if that was the kernel for lack of memory, dmesg says so"
        ready = any(_READY.search(line[:LINE_LIMIT]) for line in log_lines)
        if not ready and progress(log_lines).stage in _LOADING:
            # While it loads, hardly anything but the kernel's out-of-memory killer does this.  (The lines may be a
            # later part of a long log, so that it is ready is not said, and that it loads has to be.)
            kind = FailureKind.OUT_OF_MEMORY
    return Failure(kind=kind, message=f"the engine ended ({ended})", hint=hint, log_tail=tail)


def progress(log_lines: Sequence[str]) -> LoadProgress:
    """How far a load is."""
    stage, fraction = "", None
    for line in reversed(log_lines):
        text = line[:LINE_LIMIT].rstrip()
        if _DOTS.fullmatch(text):
            stage, fraction = "loading weights", len(text) / 100
            break
        stage = next((name for wording, name in _STAGES if wording.search(text)), "")
        if stage:
            break
    return LoadProgress(stage, fraction)


@dataclass(slots=True)
class Placement:
    """What a log says was put where.  Bytes."""

    offloaded: int | None = None
    """Layers on accelerators, where the log says so."""
    layers: int | None = None
    device: int = 0
    """Buffers on accelerators."""
    host: int = 0
    buffers: int = 0
    """How many buffers of weights were named: 0 with a log that is not detailed enough."""
    complaint: str = ""
    """The line that says why there is no accelerator."""
    _compute: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, what: str, size: int) -> None:
        if what == "compute":
            # Named again whenever it is reserved anew; only the newest counts.
            self._compute[name] = size
            return
        self.buffers += what == "model"
        self._put(name, size)

    def end_context(self) -> None:
        """A context is complete, another one (of a draft model) may follow."""
        for name, size in self._compute.items():
            self._put(name, size)
        self._compute.clear()

    def _put(self, name: str, size: int) -> None:
        if _on_host(name):
            self.host += size
        else:
            self.device += size


_BUFFER = re.compile(
    r"(?:^|\s)(\S{1,64})\s{1,16}(model|KV|RS|compute|output) buffer size\s{0,4}=\s{0,16}(\d{1,9}(?:\.\d{1,4})?) MiB"
)
_OFFLOADED = re.compile(r"offloaded (\d{1,6})/(\d{1,6}) layers to GPU")
_NO_GPU = re.compile(r"no usable GPU found|failed to initialize (?:CUDA|ROCm|HIP)")


def placement(log_lines: Sequence[str]) -> Placement:
    """What the lines of one launch say about where the model went."""
    found = Placement()
    for line in log_lines:
        text = line[:LINE_LIMIT]
        if "constructing llama_context" in text:
            found.end_context()
        elif match := _BUFFER.search(text):
            found.add(match.group(1), match.group(2), min(int(float(match.group(3)) * (1 << 20)), SIZE_LIMIT))
        elif match := _OFFLOADED.search(text):
            # A draft model is loaded after the model itself: the first one counts.
            if found.offloaded is None:
                found.offloaded, found.layers = int(match.group(1)), int(match.group(2))
        elif not found.complaint and _NO_GPU.search(text):
            found.complaint = text.strip()
    found.end_context()
    return found


def _on_host(name: str) -> bool:
    """Whether a buffer's name means the host's memory; `CUDA_Host` and the like are pinned there."""
    return name.startswith(("CPU", "BLAS", "AMX")) or name.endswith("_Host")
