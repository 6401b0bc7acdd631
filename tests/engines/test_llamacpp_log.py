"""Logs of llama.cpp: real lines of builds 11434 and 11549, and of a build for CUDA as its sources write them."""

from __future__ import annotations

import random
import time

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.engines.llamacpp_log import classify, placement, progress

MIB = 1 << 20
CPU = """\
0.00.012.787 I load_tensors: loading model tensors, this can take a while... (load_mode = mmap)
0.00.016.397 I load_tensors:   CPU_Mapped model buffer size =    40.59 MiB
0.00.016.736 I llama_context: constructing llama_context
0.00.016.763 I llama_context:        CPU  output buffer size =     0.50 MiB
0.00.016.819 I llama_kv_cache:        CPU KV buffer size =    64.00 MiB
0.00.070.300 I sched_reserve:        CPU compute buffer size =    13.01 MiB""".splitlines()
CUDA = """\
load_tensors: offloading output layer to GPU
load_tensors: offloading 32 repeating layers to GPU
load_tensors: offloaded 33/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   281.81 MiB
load_tensors:        CUDA0 model buffer size =  4155.99 MiB
llama_context: constructing llama_context
llama_context:  CUDA_Host  output buffer size =     0.49 MiB
llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
llama_memory_recurrent:      CUDA0 RS buffer size =     1.00 MiB
sched_reserve:      CUDA0 compute buffer size =   500.00 MiB
sched_reserve:      CUDA0 compute buffer size =   258.50 MiB
sched_reserve:  CUDA_Host compute buffer size =    24.01 MiB""".splitlines()
DRAFT = """\
load_tensors: offloaded 5/17 layers to GPU
load_tensors:        CUDA0 model buffer size =   100.00 MiB
llama_context: constructing llama_context
sched_reserve:      CUDA0 compute buffer size =    10.00 MiB""".splitlines()


def test_buffers_on_the_host() -> None:
    found = placement(CPU)
    assert (found.device, found.host, found.buffers, found.offloaded) == (
        0,
        int(40.59 * MIB) + 64 * MIB + MIB // 2 + int(13.01 * MIB),
        1,
        None,
    )


def test_buffers_on_an_accelerator_count_the_newest_scratch_once() -> None:
    found = placement(CUDA)
    assert found.device == int(4155.99 * MIB) + 1025 * MIB + int(258.5 * MIB)
    assert found.host == int(281.81 * MIB) + int(0.49 * MIB) + int(24.01 * MIB)
    assert (found.offloaded, found.layers, found.buffers) == (33, 33, 2)


def test_a_draft_model_is_added_and_its_layers_are_not_the_models() -> None:
    found = placement([*CUDA, *DRAFT])
    assert found.device == placement(CUDA).device + 110 * MIB
    assert (found.offloaded, found.layers) == (33, 33)


def test_why_there_is_no_accelerator() -> None:
    line = "ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected"
    assert placement([line, *CPU]).complaint == line
    assert placement(["warning: no usable GPU found, --gpu-layers option will be ignored"]).complaint
    assert placement(CPU).complaint == ""


def test_a_hostile_log_costs_neither_time_nor_belief() -> None:
    rng = random.Random(3)
    noise = ["x " * 3000 + "CUDA0 model buffer size = 9 MiB", "CUDA0 model buffer size = 999999999999999999 MiB"]
    noise += ["".join(rng.choices("CUDA0 model buffer size=. \t9MiB", k=4000)) for _ in range(500)]
    noise += ["offloaded 9999999999/3 layers to GPU", " " * 4000 + "buffer size", "error " * 700]
    start = time.perf_counter()
    found = placement(noise)
    classify(1, noise)
    progress(noise)
    assert time.perf_counter() - start < 1
    assert (found.device, found.offloaded) == (0, None)


@pytest.mark.parametrize(
    ("code", "lines", "kind", "part"),
    [
        (1, ["CUDA error: unknown error", "error loading model"], FailureKind.DRIVER_LOST, "unknown error"),
        (1, ["CUDA error 999 at x.cu"], FailureKind.DRIVER_LOST, "999"),
        (1, ["CUDA error: no CUDA-capable device is detected"], FailureKind.DRIVER_LOST, "no CUDA-capable"),
        (
            1,
            ["CUDA error: CUDA driver version is insufficient for CUDA runtime version"],
            FailureKind.DRIVER_LOST,
            "insufficient",
        ),
        (1, ["Unable to determine the device handle: GPU is lost."], FailureKind.DRIVER_LOST, "GPU is lost"),
        (1, ["CUDA error: out of memory"], FailureKind.OUT_OF_MEMORY, "out of memory"),
        (
            1,
            ["ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected"],
            FailureKind.DRIVER_LOST,
            "failed to initialize CUDA",
        ),
        (
            1,
            [
                "ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected",
                "error loading model: bad tensor",
            ],
            FailureKind.BAD_MODEL,
            "bad tensor",
        ),
        (
            1,
            [
                "error loading model: error loading model architecture: unknown model architecture: 'foo3'",
                "failed to load model, '/w'",
            ],
            FailureKind.BAD_MODEL,
            "'foo3'",
        ),
        (-6, ["CUDA error: an illegal memory access was encountered"], FailureKind.CRASH, "SIGABRT"),
        (-9, ["load_tensors: loading model tensors"], FailureKind.OUT_OF_MEMORY, "SIGKILL"),
        (-9, ["load_tensors: x", "srv  llama_server: model loaded"], FailureKind.CRASH, "SIGKILL"),
        (-9, [], FailureKind.CRASH, "SIGKILL"),
        (-9, ["one of many lines after it was adopted"], FailureKind.CRASH, "SIGKILL"),
        (-9, ["slot release: id 3 | task 0 | stop processing", "x load_model: x"], FailureKind.CRASH, "SIGKILL"),
    ],
)
def test_classify(code: int, lines: list[str], kind: FailureKind, part: str) -> None:
    failure = classify(code, lines)
    assert (failure.kind, part in failure.message) == (kind, True), failure
    assert failure.hint


def test_a_message_does_not_repeat_endless_lines() -> None:
    assert len(classify(1, ["invalid argument: " + "x" * 100_000]).message) < 700


def test_the_first_line_of_a_quiet_log_is_a_stage() -> None:
    assert progress(["0.00.004.454 I srv    load_model: loading model '/m'"]).stage == "loading weights"
