"""Lines as the source of SGLang 0.5.23 writes them."""

from __future__ import annotations

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.engines.base import LoadProgress
from glowplug.engines.sglang_log import classify, progress, report

POOL = (
    "[2026-11-25 10:00:00] max_total_num_tokens={}, chunked_prefill_size=8192, max_prefill_tokens=16384, "
    "max_running_requests=2048, context_len={}, available_{}_mem=4.52 GB"
)


@pytest.mark.parametrize(
    ("lines", "stage", "fraction"),
    [
        (["server_args=ServerArgs(model_path='/w')"], "starting the engine", None),
        (["Load weight begin. avail mem=22.50 GB"], "loading weights", None),
        (["Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:00<00:02]"], "loading weights", 0.25),
        (["Load weight end. elapsed=2.10 s, type=LlamaForCausalLM, avail mem=7 GB, mem usage=15.01 GB."],
         "loading weights", None),
        (["Capture decode CUDA graph begin. This can take up to several minutes."], "capturing graphs", None),
        (["Capturing batches (bs=8 avail_mem=4.61 GB):  50%|█████     | 2/4"], "capturing graphs", 0.5),
        ([POOL.format(1, 1, "gpu")], "allocating the cache", None),
        (["The server is fired up and ready to roll!"], "warming up", None),
        (["something else"], "", None),
    ],
)  # fmt: skip
def test_progress(lines: list[str], stage: str, fraction: float | None) -> None:
    assert progress(lines) == LoadProgress(stage, fraction)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("launch_server.py: error: unrecognized arguments: --x", FailureKind.BAD_FLAG),
        ("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.", FailureKind.OUT_OF_MEMORY),
        ("ValueError: Loaded weights leave no GPU memory for the KV cache under", FailureKind.OUT_OF_MEMORY),
        ("torch.OutOfMemoryError: CUDA out of memory.", FailureKind.OUT_OF_MEMORY),
        ("/usr/bin/python3: Error while finding module: No module named 'sglang'", FailureKind.MISSING_PROGRAM),
        ("ModuleNotFoundError: No module named sglang.launch_server", FailureKind.MISSING_PROGRAM),
        ("ValueError: Model architectures ['X'] are not supported for now.", FailureKind.BAD_MODEL),
        ("RuntimeError: Found no NVIDIA driver on your system.", FailureKind.DRIVER_LOST),
        ("Killed", FailureKind.CRASH),
    ],
)
def test_classify(line: str, kind: FailureKind) -> None:
    failure = classify(1, ["before", line, "after"])
    assert failure.kind is kind and failure.hint


def test_report() -> None:
    good = report(
        ["Load weight end. elapsed=1 s, mem usage=15.5 GB.", POOL.format(90000, 8192, "gpu")], accelerated=True
    )
    assert good.warnings == () and good.failure is None and good.device == int(15.5 * (1 << 30))
    [warning] = report([POOL.format(4000, 8192, "gpu")], accelerated=True).warnings
    assert "4000 tokens, less than the context of 8192" in warning
    failure = report([POOL.format(90000, 8192, "cpu")], accelerated=True).failure
    assert failure is not None and failure.kind is FailureKind.CPU_FALLBACK
    assert report([POOL.format(90000, 8192, "cpu")], accelerated=False).failure is None
