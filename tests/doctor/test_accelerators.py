"""What the kernel shows of accelerators."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.accelerators import amd, holds_one, nvidia, present
from tests.doctor.museum import Machine


def test_both_makers(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    site = machine.site
    assert (nvidia(site), amd(site), present(site)) == (0, 0, False)
    for node, id in (("0", "0"), ("1", "41399"), ("2", "9"), ("3", "")):
        machine.write(f"/sys/class/kfd/kfd/topology/nodes/{node}/gpu_id", f"{id}\n")
    assert (nvidia(site), amd(site), present(site)) == (0, 2, True)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        machine.write(f"/dev/{name}", b"")
    assert nvidia(site) == 1


@pytest.mark.parametrize(("opened", "held"), [
    ("/dev/nvidia0", True), ("/dev/nvidia-uvm", True), ("/dev/kfd", True), ("/dev/dri/renderD128", True),
    ("/dev/nvidiactl", False), ("/dev/null", False), ("socket:[1]", False),
])  # fmt: skip
def test_who_has_one_open(tmp_path: Path, opened: str, held: bool) -> None:
    machine = Machine(tmp_path)
    machine.link("/proc/7/fd/3", opened)
    assert holds_one(machine.site, Path("/proc/7")) is held
    with pytest.raises(OSError, match="fd"):
        holds_one(machine.site, Path("/proc/8"))
