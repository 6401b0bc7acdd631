"""Reading Linux's /proc (proc(5)): who is in a session, what a group has done, who listens on a port.

Everything here may vanish between two reads; what vanished is left out.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from glowplug.launchers.base import Sample

PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MUCH = 1 << 16
"""Bytes that are read at once: a whole `stat`, and nearly every environment."""
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


class Stat(NamedTuple):
    """The fields of /proc/PID/stat that are used here; times in clock ticks."""

    pid: int
    state: str
    ppid: int
    group: int
    session: int
    cpu: int
    start_time: int
    resident: int
    """Bytes."""

    @property
    def dead(self) -> bool:
        return self.state in "ZX"


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat.  The name, in parentheses, may hold spaces and parentheses itself."""
    head, _, rest = text.rpartition(")")
    f = rest.split(None, 22)
    return Stat(
        pid=int(head.split(" ", 1)[0]),
        state=f[0],
        ppid=int(f[1]),
        group=int(f[2]),
        session=int(f[3]),
        cpu=int(f[11]) + int(f[12]),
        start_time=int(f[19]),
        resident=int(f[21]) * _PAGE,
    )


def _read(pid: int, name: str) -> bytes:
    """A file of a process, without the layers of a file object: while a model is loaded every process of the machine is
    looked at every other second.  Raises what `_GONE` lists."""
    descriptor = os.open(f"{PROC}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while more := os.read(descriptor, _MUCH):
            data += more
        return data
    finally:
        os.close(descriptor)


def read_stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    try:
        return parse_stat(_read(pid, "stat").decode(errors="replace"))
    except _GONE:
        return None


def processes() -> Iterator[Stat]:
    """Every process that can be seen."""
    for name in os.listdir(PROC):  # noqa: PTH208 - names only, and this is walked often
        if name.isdigit() and (stat := read_stat(int(name))) is not None:
            yield stat


def argv_hash(pid: int) -> str:
    """What a process calls its command line now, as 16 hex digits; empty when it is gone or has none (a zombie)."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes()
    except _GONE:
        return ""
    return sha256(words).hexdigest()[:16] if words else ""


def still_there(pid: int, start_time: int, command: str) -> bool:
    """Whether a pid is the living process that was written down.  `command`: its `argv_hash`, empty for any.

    Pid and start time (ticks since boot) name a process until the machine boots again; then another one may have both.
    """
    stat = read_stat(pid)
    same = stat is not None and stat.start_time == start_time and not stat.dead
    return same and command in ("", argv_hash(pid))


def send(members: Iterable[Stat], number: int) -> None:
    """Signal each process by pidfd, after checking that it is still the one that was seen."""
    for stat in members:
        with suppress(ProcessLookupError, PermissionError):
            pidfd = os.pidfd_open(stat.pid)
            try:
                now = read_stat(stat.pid)
                if now is not None and now.start_time == stat.start_time:
                    signal.pidfd_send_signal(pidfd, number)
            finally:
                os.close(pidfd)


def sample(members: Iterable[Stat], log: Path) -> Sample:
    """What these processes have done so far."""
    seen = list(members)
    try:
        log_bytes = log.stat().st_size
    except OSError:
        log_bytes = 0
    return Sample(
        cpu_ticks=sum(stat.cpu for stat in seen),
        io_bytes=sum(io_bytes(stat.pid) for stat in seen),
        log_bytes=log_bytes,
        resident=sum(stat.resident for stat in seen),
    )


def environ_has(pid: int, entry: bytes) -> bool:
    """Whether the process was started with this `NAME=value`; False for processes of other users."""
    try:
        data = _read(pid, "environ")
        return entry in data and entry in data.split(b"\0")
    except _GONE:
        return False


def environ_value(pid: int, name: bytes) -> bytes | None:
    """The value of a variable a process was started with."""
    try:
        entries = (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except _GONE:
        return None
    return next((entry[len(name) + 1 :] for entry in entries if entry.startswith(name + b"=")), None)


def command_has(pid: int, text: bytes) -> bool:
    """Whether the process's command line has this text in it."""
    try:
        return text in (PROC / str(pid) / "cmdline").read_bytes()
    except _GONE:
        return False


def io_bytes(pid: int) -> int:
    """Bytes read and written through system calls and from storage; 0 when unknown.

    rchar and wchar are system calls, wherever the data lay.  read_bytes is what storage was asked for on behalf of the
    process, page faults in mapped files and the read-ahead they cause included; what it reads by system calls counts
    twice, which does no harm here.  Faults in pages that the page cache already has count nowhere: those show as
    resident memory.
    """
    total = 0
    with suppress(*_GONE, OSError):
        for line in (PROC / str(pid) / "io").read_text().splitlines():
            name, _, value = line.partition(": ")
            if name in ("rchar", "wchar", "read_bytes"):
                total += int(value)
    return total


def private_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes without pages mapped from files, which the kernel can drop (RssAnon and
    RssShmem of /proc/PID/status)."""
    total = 0
    for pid in pids:
        with suppress(*_GONE):
            for line in (PROC / str(pid) / "status").read_text(errors="replace").splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += int(line.split()[1]) * 1024
    return total


def listener_of(port: int) -> str:
    """Who listens on this TCP port, `NAME (pid N)`; empty when nobody does or it belongs to another user."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        with suppress(*_GONE):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                f = line.split()
                if f[3] == "0A" and int(f[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{f[9]}]")
    if not inodes:
        return ""
    for stat in processes():
        with suppress(*_GONE):
            if any(_target(entry) in inodes for entry in (PROC / str(stat.pid) / "fd").iterdir()):
                return f"{(PROC / str(stat.pid) / 'comm').read_text().strip()} (pid {stat.pid})"
    return ""


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:
        return ""
