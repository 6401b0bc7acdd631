"""Lines as vLLM 0.32 writes them; all that name a worker were seen, the others are in its source."""

from __future__ import annotations

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.engines.base import LoadProgress
from glowplug.engines.vllm_log import classify, progress, report

WORKER = "(Worker pid=1) INFO 11-25 17:48:42 "
SHARDS = "Loading safetensors checkpoint shards: "


@pytest.mark.parametrize(
    ("lines", "stage", "fraction"),
    [
        (["Triton is installed, but doesn't include CPU backend."], "", None),
        (
            ["(APIServer pid=1) INFO [model.py:733] Resolved architecture: LlamaForCausalLM"],
            "starting the engine",
            None,
        ),
        (["WARNING Enforce eager set, disabling torch.compile, CUDAGraphs, and JIT kernel warmup."], "", None),
        ([WORKER + "[cpu_model_runner.py:68] Starting to load model /w..."], "loading weights", None),
        (
            [f"{SHARDS}  0% Completed | 0/2 [00:00<?, ?it/s]\r{SHARDS} 50% Completed | 1/2 [00:01<00:01, 1.00s/it]"],
            "loading weights",
            0.5,
        ),
        ([f"{SHARDS}100% Completed | 2/2", "", WORKER + "Loading weights took 0.01 seconds"], "loading weights", None),
        (["INFO [monitor.py:34] torch.compile took 12.31 s in total"], "compiling", None),
        ([WORKER + "[gpu_worker.py:760] Available KV cache memory: 9.5 GiB"], "allocating the cache", None),
        (["Capturing CUDA graphs (decode, FULL):  40%|████      | 14/35 [00:01<00:02]"], "capturing graphs", 0.4),
        (
            ["Starting vLLM server on http://127.0.0.1:1", *["Route: /v1/x, Methods: POST"] * 50],
            "starting the server",
            None,
        ),
    ],
)
def test_progress(lines: list[str], stage: str, fraction: float | None) -> None:
    assert progress(lines) == LoadProgress(stage, fraction)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("api_server.py: error: unrecognized arguments: --no-such-flag", FailureKind.BAD_FLAG),
        ("api_server.py: error: argument --max-model-len: invalid human_readable_int_or_auto", FailureKind.BAD_FLAG),
        ("  Value error, Sleep mode is not supported on current platform. [type=value_error]", FailureKind.BAD_FLAG),
        (
            "ValueError: Free memory on device cuda:0 (3.02/23.64 GiB) on startup is less than desired GPU memory "
            "utilization (0.9, 21.28 GiB). Decrease GPU memory utilization",
            FailureKind.OUT_OF_MEMORY,
        ),
        (
            "ValueError: Available memory on node 0 (11.85/13.59 GiB) on startup is less than desired CPU memory "
            "utilization (0.99, 13.45 GiB).",
            FailureKind.OUT_OF_MEMORY,
        ),
        ("ValueError: No available memory for the cache blocks. Try increasing", FailureKind.OUT_OF_MEMORY),
        (
            "ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (9.1 GiB).",
            FailureKind.OUT_OF_MEMORY,
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", FailureKind.OUT_OF_MEMORY),
        ("RuntimeError: No CUDA GPUs are available", FailureKind.DRIVER_LOST),
        ("OSError: [Errno 98] Address already in use", FailureKind.PORT_TAKEN),
        (
            "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name': '/tmp/gone'",
            FailureKind.MISSING_FILE,
        ),
        (
            "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder",
            FailureKind.MISSING_FILE,
        ),
        (
            "  Value error, Model architectures ['NoSuchForCausalLM'] are not supported for now. Supported",
            FailureKind.BAD_MODEL,
        ),
        ("model type `nosuch` but Transformers does not recognize this architecture.", FailureKind.BAD_MODEL),
        (
            "(Worker pid=1) ERROR safetensors._safetensors_rust.SafetensorError: Error while deserializing header",
            FailureKind.BAD_MODEL,
        ),
        ("RuntimeError: Engine core initialization failed. See root cause above.", FailureKind.CRASH),
    ],
)
def test_classify(line: str, kind: FailureKind) -> None:
    after = (
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}"
    )
    failure = classify(1, ["INFO a beginning", line, after])
    assert failure.kind is kind and failure.hint
    assert kind is FailureKind.CRASH or line.strip()[:40] in failure.message


def test_report_names_what_it_settled_for() -> None:
    lines = [
        "INFO Model loading took 14.99 GiB memory and 4.1 seconds",
        "INFO Auto-fit max_model_len: reduced from 131072 to 40960 to fit in available KV cache memory (5.00 GiB GPU)",
        "INFO Available KV cache memory: 5.01 GiB",
        "INFO GPU KV cache size: 40,960 tokens, Maximum concurrency for 40,960 tokens per request: 1.00x",
    ]
    found = report(lines, wanted=0, got=40960, accelerated=True)
    assert found.warnings == ("the context was shrunk from 131072 to 40960 tokens, to fit into memory",)
    assert found.device == 20 * (1 << 30) and found.failure is None


def test_a_load_without_the_accelerator_is_a_failure() -> None:
    lines = ["INFO CPU KV cache size: 4,194,304 tokens, Maximum concurrency for 512 tokens per request: 8192.00x"]
    failure = report(lines, wanted=0, got=None, accelerated=True).failure
    assert failure is not None and failure.kind is FailureKind.CPU_FALLBACK
    assert report(lines, wanted=0, got=None, accelerated=False).failure is None
