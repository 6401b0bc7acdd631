"""Accelerators as the kernel shows them, and who has one open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from glowplug.doctor.site import Site

KFD_NODES: Final = "/sys/class/kfd/kfd/topology/nodes"
"""What ROCm can use, processors among it."""
_DEVICE: Final = re.compile(r"/dev/(?:nvidia\d+|nvidia-uvm|kfd|dri/renderD\d+)\Z")


def nvidia(site: Site) -> int:
    """How many there are of NVIDIA's.  Raises PermissionError."""
    return len(site.glob("/dev", "nvidia[0-9]*"))


def amd(site: Site) -> int:
    """How many there are that ROCm can use.  Raises OSError."""
    ids = [site.text(path).strip() for path in site.glob(KFD_NODES, "*/gpu_id")]
    return sum(id not in ("", "0") for id in ids)  # a processor is a node too, and has 0


def present(site: Site) -> bool:
    """Whether there is one that engines compute on.  Raises OSError."""
    return bool(nvidia(site) or amd(site))


def holds_one(site: Site, process: Path) -> bool:
    """Whether a process (`/proc/PID`) has one open.  Raises OSError where that may not be seen."""
    links = [str(link.readlink()) for link in site.real(process / "fd").iterdir() if link.is_symlink()]
    return any(_DEVICE.search(link) for link in links)
