"""Reading from an engine's last log lines why it ended.  Pure; each engine brings its own table of wordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glowplug.domain.instance import Failure, FailureKind
from glowplug.engines.base import describe_exit

LOG_TAIL = 20
"""Lines of the log that go into a failure."""
LONGEST_LINE = 400
"""Characters of a log line that go into a message."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A wording that tells a kind of failure.  Tables are searched from their top, a log from its end."""

    kind: FailureKind
    wording: re.Pattern[str]
    message: str
    hint: str


def pattern(kind: FailureKind, wording: str, message: str, hint: str) -> Pattern:
    return Pattern(kind, re.compile(wording, re.IGNORECASE), message, hint)


PORT_TAKEN = pattern(
    FailureKind.PORT_TAKEN,
    r"address already in use|couldn't bind|could not bind|failed to bind|port \d+ is (?:already|not available)",
    "the port is taken",
    "choose another port for the model, or none",
)
DRIVER_LOST = pattern(
    FailureKind.DRIVER_LOST,
    r"no CUDA GPUs are available|CUDA driver initialization failed|found no NVIDIA driver|CUDA unknown error|"
    r"system not yet initialized|GPU is lost|fallen off the bus|no HIP GPUs are available|NVML.*(?:not found|unknown)|"
    r"CUDA driver version is insufficient",
    "the device or its driver is not there",
    "see whether nvidia-smi or rocm-smi still shows it; after a suspend or an update a reboot may be needed",
)


def classify(table: Sequence[Pattern], exit_code: int | None, log_lines: Sequence[str], *, what: str) -> Failure:
    """The failure of the first pattern that some line has; a crash with its exit code when none has."""
    tail = tuple(log_lines[-LOG_TAIL:])
    ended = describe_exit(exit_code)
    for entry in table:
        for line in reversed(log_lines):
            if found := entry.wording.search(line):
                said = line.strip()
                if len(said) > LONGEST_LINE:  # the part that matters can be anywhere in it
                    begin = max(0, found.start() - LONGEST_LINE // 3)
                    said = line[begin : begin + LONGEST_LINE].strip()
                return Failure(
                    kind=entry.kind, message=f"{entry.message}: {said} ({ended})", hint=entry.hint, log_tail=tail
                )
    hint = "see the log for the reason"
    if exit_code == -9:
        hint = "something killed it; if that was the kernel for lack of memory, dmesg says so"
    return Failure(kind=FailureKind.CRASH, message=f"{what} ended ({ended})", hint=hint, log_tail=tail)
