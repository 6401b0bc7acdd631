"""CPU time, memory and wake-ups of processes, read from Linux's /proc (proc(5))."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def _read(pid: int, name: str) -> str:
    """A file of a process, or an empty string when the process is gone or the kernel does not offer it."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def stat_cpu_ns(stat: str) -> int:
    """User and system time of a whole process from the text of its `stat`; the kernel counts in ticks of 10 ms."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_NS if len(fields) > 12 else 0


def _threads_ns(pid: int) -> dict[str, int]:
    """On-CPU nanoseconds of each living thread (field 1 of `schedstat`)."""
    out = {}
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            if fields := _read(pid, f"task/{task.name}/schedstat").split():
                out[task.name] = int(fields[0])
    return out


class CpuMeter:
    """CPU time that processes spend between its making and `spent()`.

    Nanosecond figures of the scheduler when the set of threads stayed the same, else the tick counters, which include
    threads that have ended.
    """

    def __init__(self, pids: tuple[int, ...]) -> None:
        self._before = {pid: (stat_cpu_ns(_read(pid, "stat")), _threads_ns(pid)) for pid in pids}

    def spent(self) -> int:
        """Nanoseconds since the meter was made, all processes together."""
        total = 0
        for pid, (ticks, threads) in self._before.items():
            now = _threads_ns(pid)
            if now and now.keys() == threads.keys():
                total += sum(now.values()) - sum(threads.values())
            else:
                total += max(0, stat_cpu_ns(_read(pid, "stat")) - ticks)
        return total


def rss_bytes(pid: int) -> int:
    """Resident memory now; 0 when the process is gone."""
    fields = _read(pid, "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def rollup_bytes(pid: int) -> tuple[int, int]:
    """(Rss, Pss) from `smaps_rollup`; Pss shares pages among those that map them, so it may be summed."""
    found = dict(re.findall(r"^(Rss|Pss):\s+(\d+) kB", _read(pid, "smaps_rollup"), re.MULTILINE))
    if not found:
        return rss_bytes(pid), 0
    return int(found["Rss"]) * 1024, int(found["Pss"]) * 1024


def switches(pid: int) -> int:
    """Voluntary context switches of all threads so far: each is a wake-up."""
    total = 0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            status = _read(pid, f"task/{task.name}/status")
            if found := re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE):
                total += int(found.group(1))
    return total


def command_line(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ").strip()


def descendants(pid: int) -> tuple[int, ...]:
    """The process and everything below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if (name := entry.name).isdigit():
            fields = _read(int(name), "stat").rpartition(")")[2].split()
            if len(fields) > 1 and fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found = [pid]
    for parent in found:
        found.extend(sorted(children.get(parent, ())))
    return tuple(found)


def cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match.group(1).strip() if match else "unknown CPU"
