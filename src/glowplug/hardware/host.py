"""The machine's own memory: what the kernel says there is, within the limits of the cgroup this process runs in.

Formats: proc(5), the kernel's cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import HOST, Device, DeviceKind

_GONE = (OSError, ValueError)
_PACKAGE = re.compile(r"intel-rapl:\d+")
"""A processor; what is below it is a part of it."""
_UNLIMITED = 1 << 60
"""Version 1 writes the largest number of pages for no limit; nobody has an exbibyte."""


class _Files(NamedTuple):
    """Where a version of cgroups keeps a group's numbers."""

    limits: tuple[str, ...]
    usage: str
    reclaimable: tuple[str, ...]
    """Fields of memory.stat: pages the kernel takes back before it refuses anything."""


_V1 = _Files(("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_active_file", "total_inactive_file"))
_V2 = _Files(("memory.max", "memory.high"), "memory.current", ("active_file", "inactive_file", "slab_reclaimable"))


class _Zone:
    """A counter of microjoules that begins anew when it is full; here it goes on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        self._full = _limit(folder / "max_energy_range_uj")
        self._last: int | None = None
        self._wrapped = 0

    def read(self) -> int | None:
        try:
            now = int(self._file.read_text())
        except _GONE:
            return None
        if self._last is not None and now < self._last:
            self._wrapped += self._full + 1
        self._last = now
        return self._wrapped + now


class Host:
    """Reads `host`.  `proc` and `cgroup`: where those file systems are mounted; `powercap`: where
    counters of energy are."""

    def __init__(
        self,
        proc: Path = Path("/proc"),
        cgroup: Path = Path("/sys/fs/cgroup"),
        powercap: Path = Path("/sys/class/powercap"),
    ) -> None:
        self._proc = proc
        self._cgroup = cgroup
        self._zones = tuple(
            _Zone(folder) for folder in sorted(powercap.glob("intel-rapl:*")) if _PACKAGE.fullmatch(folder.name)
        )

    def energy(self) -> EnergyReading | None:
        """What the processors have used; None where the kernel does not say or does not let this user read it.

        The zones of the packages are added up (Documentation/power/powercap/powercap.rst; AMD's processors are in
        `intel-rapl`, too).  Since 2020 only root may read them, because they give secrets away (CVE-2020-8694).
        """
        read = [zone.read() for zone in self._zones]
        if not read or None in read:
            return None
        return EnergyReading(device=HOST, counter=sum(filter(None, read)) // 1000)

    def read(self) -> Device:
        """The machine's memory.  `used` is what cannot be had: the total less what is available; page cache can."""
        try:
            info = _fields((self._proc / "meminfo").read_text())
            total, available = info["MemTotal"], info["MemAvailable"]
        except (*_GONE, KeyError) as error:
            why = f"{self._proc / 'meminfo'} cannot be read: {error}"
            return Device(id=HOST, kind=DeviceKind.HOST, name="main memory", total=None, used=None, problem=why)
        for limit, left in self._limits():
            total, available = min(total, limit), min(available, left)
        return Device(id=HOST, kind=DeviceKind.HOST, name="main memory", total=total, used=max(total - available, 0))

    def _limits(self) -> Iterator[tuple[int, int]]:
        """(limit, what is left of it) of this process's group and of all above it that have one."""
        root, group, files = self._group()
        for path in (group, *group.parents):
            folder = root / path
            limit = min((_limit(folder / name) for name in files.limits), default=_UNLIMITED)
            if limit >= _UNLIMITED:
                continue
            try:
                usage = int((folder / files.usage).read_text())
                stat = _fields((folder / "memory.stat").read_text())
            except _GONE:
                continue
            taken = usage - sum(stat.get(name, 0) for name in files.reclaimable)
            yield limit, max(limit - max(taken, 0), 0)

    def _group(self) -> tuple[Path, PurePosixPath, _Files]:
        """Where the groups are, and this process's.  In a container its path may be the one outside; the groups that
        are not there are then skipped, and the root is the container's own."""
        group = PurePosixPath()
        with suppress(*_GONE):
            for line in (self._proc / "self" / "cgroup").read_text().splitlines():
                number, controllers, path = line.split(":", 2)
                if "memory" in controllers.split(","):
                    return self._cgroup / "memory", PurePosixPath(path.strip("/")), _V1
                if number == "0":
                    group = PurePosixPath(path.strip("/"))
        return self._cgroup, group, _V2


def _limit(file: Path) -> int:
    """Bytes; `max`, no file and nonsense are no limit."""
    try:
        return int(file.read_text())
    except _GONE:
        return _UNLIMITED


def _fields(text: str) -> dict[str, int]:
    """`Name: 12 kB` (meminfo) or `name 12` (memory.stat), in bytes."""
    out = {}
    for line in text.splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2 and words[1].isdigit():
            out[words[0]] = int(words[1]) * (1024 if words[2:] == ["kB"] else 1)
    return out
