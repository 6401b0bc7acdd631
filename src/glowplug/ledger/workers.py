"""Names of gateway workers: `w<index>-<pid>-<start>`, where start is field 22 of `/proc/<pid>/stat` (proc(5)).

The pair (pid, start) names one process for as long as the machine runs, so a name tells whether its worker is gone.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_NAME = re.compile(r"w\d+-(?P<pid>\d+)-(?P<start>\d+)")


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses and may hold anything, parentheses too.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def worker_name(index: int) -> str:
    """The name of this process as worker `index`."""
    pid = os.getpid()
    return f"w{index}-{pid}-{start_time(pid) or 0}"


def is_gone(worker: str) -> bool:
    """True when the process that has this name is gone.  A name of another form belongs to nobody who lives."""
    match = _NAME.fullmatch(worker)
    return match is None or start_time(int(match["pid"])) != int(match["start"])
