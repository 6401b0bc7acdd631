"""Reading a control group of the unified hierarchy (cgroups(7)): who is in it, and ending all of them at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

from glowplug.launchers import procfs

_ESCAPED = re.compile(r"\\([0-7]{3})")


def parse_tree(mountinfo: str) -> Path | None:
    """Where the unified hierarchy is mounted, from the text of /proc/self/mountinfo (proc(5)); None: nowhere."""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        if right.split(" ", 1)[0] == "cgroup2":
            return Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), left.split(" ")[4]))
    return None


def tree() -> Path | None:
    return parse_tree((procfs.PROC / "self" / "mountinfo").read_text())


def parse_path(text: str) -> str:
    """The path in the unified hierarchy, from the text of /proc/PID/cgroup; empty when there is none."""
    return next((line[3:] for line in text.splitlines() if line.startswith("0::")), "")


def path_of(pid: int) -> str:
    """Where a process is in the unified hierarchy, seen from our own root; empty when it is gone."""
    try:
        return parse_path((procfs.PROC / str(pid) / "cgroup").read_text())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


class Cgroup:
    """One control group, by its path below the root of the hierarchy.  It may be gone; then nobody is in it."""

    def __init__(self, path: str) -> None:
        root = tree() if path.strip("/") else None
        self.directory = root / path.lstrip("/") if root is not None else None
        """None when it is not known; never the root, which everybody is in."""

    def members(self) -> list[procfs.Stat]:
        """Living processes in it and in the groups below it."""
        if self.directory is None:
            return []
        found = []
        for folder, _, _ in os.walk(self.directory):  # which takes a group that goes meanwhile for an empty one
            try:
                pids = {int(word) for word in Path(folder, "cgroup.procs").read_text().split()}
            except OSError:
                continue
            found += [stat for pid in pids if (stat := procfs.read_stat(pid)) is not None and not stat.dead]
        return list({stat.pid: stat for stat in found}.values())

    def kill(self) -> bool:
        """SIGKILL to all of it, forks that are under way included; False where the kernel or the rights lack it."""
        if self.directory is None:
            return False
        try:
            (self.directory / "cgroup.kill").write_text("1")
        except OSError:
            return not self.directory.exists()
        return True
