"""What vLLM's log says: how far a load is, what it settled for, why it ended.  Wording of vLLM 0.32.  Pure."""

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
        r"error: (?:unrecognized arguments|argument |ambiguous option|the following arguments)|"
        r"Error: --\S+ requires|Sleep mode is not supported|invalid tool call parser|KeyError: 'invalid tool",
        "vLLM refused its command line",
        "correct the model's options or args in the configuration",
    ),
    pattern(
        FailureKind.OUT_OF_MEMORY,
        r"torch\.(?:cuda\.)?OutOfMemoryError|CUDA out of memory|HIP out of memory|"
        r"is less than (?:desired \w+ memory utilization|the engine's budget)|No available memory for the cache blocks|"
        r"larger than the available KV cache memory|not enough GPU memory available|std::bad_alloc|"
        r"can't allocate memory|Cannot allocate memory|DefaultCPUAllocator",
        "there was not enough memory",
        "lower max_model_len or max_num_seqs, give it more memory, or stop another model",
    ),
    failures.DRIVER_LOST,
    failures.PORT_TAKEN,
    pattern(
        FailureKind.MISSING_FILE,
        r"LocalEntryNotFoundError|cannot find the appropriate snapshot folder|Cannot find any model weights|"
        r"Repo id must be in the form|outgoing traffic has been disabled|"
        r"is not a local folder and is not a valid model",
        "vLLM did not find the weights",
        "correct the model's path or id, or fetch it first (HF_HUB_OFFLINE: 0 in its env lets it download)",
    ),
    pattern(
        FailureKind.BAD_MODEL,
        r"Model architectures .* (?:are not supported|failed)|does not recognize this architecture|SafetensorError|"
        r"invalid JSON|not a valid JSON|There is no module or parameter named|do(?:es)? not support `--runner|"
        r"Unknown quantization method|trust_remote_code=True",
        "vLLM could not load the weights",
        "check that the folder is complete and that this version of vLLM supports the model",
    ),
)

_STAGES = (
    (
        re.compile(r"Starting vLLM (?:API )?server|Available routes|Route: /|Started server|(?i:application startup)"),
        "starting the server",
    ),
    (re.compile(r"Capturing (?:CUDA|cudagraph)|Graph capturing"), "capturing graphs"),
    (re.compile(r"KV cache size|KV cache memory|# GPU blocks|init engine"), "allocating the cache"),
    (re.compile(r"torch\.compile t(?:ook|akes)|Dynamo bytecode|Compiling a graph|compile range"), "compiling"),
    (re.compile(r"checkpoint shards|Starting to load model|Loading weights|Model loading took"), "loading weights"),
    (re.compile(r"Initializing a V1|Resolved architecture|Using max model len"), "starting the engine"),
)
_PERCENT = re.compile(r"(checkpoint shards|Capturing [^:]*graph[^:]*):\s+(\d{1,3})%")
_LOOK_BACK = 40
"""Lines that are looked at, from the end."""

_REDUCED = re.compile(r"Auto-fit max_model_len: reduced from ([\d,]+) to ([\d,]+)")
_CACHE = re.compile(r"Available KV cache memory:\s+([\d.]+) GiB|Explicitly set \(([\d.]+)/[\d.]+\) GiB for KV cache")
_WEIGHTS = re.compile(r"Model loading took ([\d.]+) GiB")
_ON_CPU = re.compile(r"\bCPU KV cache size:")


def classify(exit_code: int | None, log_lines: Sequence[str]) -> Failure:
    """Why it ended."""
    return failures.classify(PATTERNS, exit_code, log_lines, what="vLLM")


def progress(log_lines: Sequence[str]) -> LoadProgress:
    """The last stage it wrote about, and how far that is.  A progress bar overwrites its line, so one line of the log
    can hold all of its states."""
    for line in reversed(log_lines[-_LOOK_BACK:]):
        for wording, stage in _STAGES:
            if wording.search(line):
                seen = _PERCENT.findall(line)
                return LoadProgress(stage, min(int(seen[-1][1]), 100) / 100 if seen else None)
    return LoadProgress()


def report(log_lines: Sequence[str], *, wanted: int, got: int | None, accelerated: bool) -> LoadReport:
    """What it settled for.  `wanted`, `got`: tokens of context asked for (0: it chose) and served."""
    warnings = []
    for line in log_lines:
        if found := _REDUCED.search(line):
            before, after = (part.replace(",", "") for part in found.groups())
            warnings.append(f"the context was shrunk from {before} to {after} tokens, to fit into memory")
            break
    else:
        if wanted and got and got < wanted:
            warnings.append(f"the context was shrunk from {wanted} to {got} tokens")
    failure = None
    if accelerated and any(_ON_CPU.search(line) for line in log_lines):
        failure = Failure(
            kind=FailureKind.CPU_FALLBACK,
            message="vLLM was given an accelerator and loaded on the CPU",
            hint="its build has no support for the accelerator: install the one for CUDA or ROCm",
        )
    return LoadReport(warnings=tuple(warnings), failure=failure, device=_allocated(log_lines) if accelerated else None)


def _allocated(log_lines: Sequence[str]) -> int | None:
    """Bytes it says it took for weights and cache, over all workers (each writes its own lines)."""
    gib = 0.0
    for line in log_lines:
        for wording in (_WEIGHTS, _CACHE):
            if found := wording.search(line):
                gib += float(next(group for group in found.groups() if group))
    return int(gib * (1 << 30)) or None
