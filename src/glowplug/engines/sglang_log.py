"""What SGLang's log says: how far a load is, what it settled for, why it ended.  Wording of SGLang 0.5.23.  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glowplug.domain.instance import Failure, FailureKind
from glowplug.engines import failures
from glowplug.engines.base import LoadProgress, LoadReport
from glowplug.engines.failures import Pattern, pattern

PATTERNS: tuple[Pattern, ...] = (
    pattern(
        FailureKind.BAD_FLAG,
        r"error: (?:unrecognized arguments|argument |ambiguous option|the following arguments)",
        "SGLang refused its command line",
        "correct the model's options or args in the configuration",
    ),
    pattern(
        FailureKind.OUT_OF_MEMORY,
        r"torch\.(?:cuda\.)?OutOfMemoryError|CUDA out of memory|HIP out of memory|std::bad_alloc|"
        r"Cannot allocate memory|Not enough memory|leave no GPU memory for the KV cache|"
        r"try to increase --mem-fraction-static",
        "there was not enough memory",
        "lower context_length or max_running_requests, give it more memory, or stop another model",
    ),
    failures.DRIVER_LOST,
    failures.PORT_TAKEN,
    pattern(
        FailureKind.MISSING_PROGRAM,
        r"No module named '?sglang",
        "this Python has no SGLang",
        "set engines.sglang.command to the Python that has it: [/path/to/python, -m, sglang.launch_server]",
    ),
    pattern(
        FailureKind.MISSING_FILE,
        r"LocalEntryNotFoundError|Cannot find any model weights|outgoing traffic has been disabled|"
        r"Repo id must be in the form|is not a local folder and is not a valid model",
        "SGLang did not find the weights",
        "correct the model's path or id, or fetch it first (HF_HUB_OFFLINE: 0 in its env lets it download)",
    ),
    pattern(
        FailureKind.BAD_MODEL,
        r"Model architectures .* are not supported|does not recognize this architecture|SafetensorError|"
        r"trust_remote_code=True|Unknown quantization method",
        "SGLang could not load the weights",
        "check that the folder is complete and that this version of SGLang supports the model",
    ),
)

_STAGES = (
    (re.compile(r"fired up and ready|Uvicorn running|Application startup complete"), "warming up"),
    (re.compile(r"Captur\w+ .*(?:graph|batches)|cuda graph", re.IGNORECASE), "capturing graphs"),
    (re.compile(r"KV Cache is allocated|Memory pool|max_total_num_tokens="), "allocating the cache"),
    (re.compile(r"checkpoint shards|Load weight|loading shards"), "loading weights"),
    (re.compile(r"Init torch distributed|server_args="), "starting the engine"),
)
_PERCENT = re.compile(r"(?:shards|Capturing batches[^:]*):\s+(\d{1,3})%")
_LOOK_BACK = 40
_POOL = re.compile(r"max_total_num_tokens=(\d+).*context_len=(\d+)")
_WEIGHTS = re.compile(r"Load weight end\..*mem usage=([\d.]+) GB")
_CPU = re.compile(r"available_cpu_mem=")


def classify(exit_code: int | None, log_lines: Sequence[str]) -> Failure:
    """Why it ended."""
    return failures.classify(PATTERNS, exit_code, log_lines, what="SGLang")


def progress(log_lines: Sequence[str]) -> LoadProgress:
    """The last stage it wrote about, and how far that is (the last percentage of its progress bar)."""
    for line in reversed(log_lines[-_LOOK_BACK:]):
        for wording, stage in _STAGES:
            if wording.search(line):
                seen = _PERCENT.findall(line)
                return LoadProgress(stage, min(int(seen[-1]), 100) / 100 if seen else None)
    return LoadProgress()


def report(log_lines: Sequence[str], *, accelerated: bool) -> LoadReport:
    """What it settled for."""
    warnings: tuple[str, ...] = ()
    failure, weights = None, 0.0
    for line in log_lines:
        if found := _POOL.search(line):
            tokens, context = int(found[1]), int(found[2])
            if tokens < context:
                warnings = (f"its cache holds {tokens} tokens, less than the context of {context}",)
            if accelerated and _CPU.search(line):
                failure = Failure(
                    kind=FailureKind.CPU_FALLBACK,
                    message="SGLang was given an accelerator and loaded on the CPU",
                    hint="its build has no support for the accelerator: install the one for CUDA or ROCm",
                )
        if found := _WEIGHTS.search(line):
            weights += float(found[1])
    return LoadReport(warnings=warnings, failure=failure, device=int(weights * (1 << 30)) or None)
