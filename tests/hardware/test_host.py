from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.hardware.host import Host

MIB = 1 << 20
NO_LIMIT_V1 = 9223372036854771712


class Tree:
    """A /proc and a /sys/fs/cgroup of one's own."""

    def __init__(self, root: Path) -> None:
        self.proc, self.cgroup = root / "proc", root / "cgroup"
        (self.proc / "self").mkdir(parents=True)
        self.cgroup.mkdir()

    def meminfo(self, total: int, available: int) -> None:
        lines = (f"MemTotal: {total // 1024:>12} kB", "MemFree: 1 kB", f"MemAvailable: {available // 1024} kB")
        (self.proc / "meminfo").write_text("\n".join((*lines, "HugePages_Total: 0\n")))

    def membership(self, *lines: str) -> None:
        (self.proc / "self" / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def group(self, path: str, **files: int | str | dict[str, int]) -> None:
        folder = self.cgroup / path.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in files.items():
            text = "".join(f"{k} {v}\n" for k, v in value.items()) if isinstance(value, dict) else f"{value}\n"
            (folder / f"memory.{name}").write_text(text)

    def read(self) -> Device:
        return Host(self.proc, self.cgroup).read()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path)
    made.meminfo(1000 * MIB, 700 * MIB)
    made.membership("0::/")
    return made


def numbers(device: Device) -> tuple[int | None, int | None]:
    """(total, used) in MiB."""
    assert device.total is not None and device.used is not None
    return device.total // MIB, device.used // MIB


def test_without_limits_it_is_what_the_kernel_says(tree: Tree) -> None:
    device = tree.read()
    assert (device.id, device.kind, device.holders, device.problem) == (HOST, DeviceKind.HOST, None, "")
    assert numbers(device) == (1000, 300)


def test_the_tightest_limit_of_the_group_and_those_above_counts(tree: Tree) -> None:
    tree.membership("0::/user.slice/app.slice/glowplug.service")
    tree.group("user.slice", max=600 * MIB, current=100 * MIB, stat={"active_file": 0})
    tree.group("user.slice/app.slice", max=500 * MIB, high="max", current=50 * MIB, stat={"active_file": 0})
    tree.group("user.slice/app.slice/glowplug.service", max="max", current=1 * MIB, stat={"active_file": 0})
    assert numbers(tree.read()) == (500, 50)
    # a wide limit that others have nearly used up
    tree.group("user.slice", current=550 * MIB)
    assert numbers(tree.read()) == (500, 450)


def test_the_limit_that_only_throttles_counts_too(tree: Tree) -> None:
    tree.membership("0::/a")
    tree.group("a", max="max", high=200 * MIB, current=0, stat={})
    assert numbers(tree.read()) == (200, 0)


def test_what_the_kernel_would_give_back_is_not_counted(tree: Tree) -> None:
    tree.membership("0::/a")
    stat = {"anon": 60 * MIB, "active_file": 100 * MIB, "inactive_file": 30 * MIB, "slab_reclaimable": 10 * MIB}
    tree.group("a", max=400 * MIB, current=200 * MIB, stat=stat)
    assert numbers(tree.read()) == (400, 60)


def test_a_machine_that_is_fuller_than_the_group_counts(tree: Tree) -> None:
    tree.membership("0::/a")
    tree.group("a", max=900 * MIB, current=0, stat={})
    assert numbers(tree.read()) == (900, 200)


def test_a_limit_above_all_memory_is_none(tree: Tree) -> None:
    tree.membership("0::/a")
    tree.group("a", max=9000 * MIB, current=10 * MIB, stat={})
    assert numbers(tree.read()) == (1000, 300)


def test_a_group_beyond_its_limit_leaves_nothing(tree: Tree) -> None:
    tree.membership("0::/a")
    tree.group("a", max=100 * MIB, current=150 * MIB, stat={})
    assert numbers(tree.read()) == (100, 100)


def test_version_one(tree: Tree) -> None:
    tree.membership("9:name=systemd:/", "4:cpu,memory:/jobs/mine", "0::/elsewhere")
    tree.group("memory", limit_in_bytes=NO_LIMIT_V1, usage_in_bytes=0, stat={})
    tree.group(
        "memory/jobs", limit_in_bytes=300 * MIB, usage_in_bytes=200 * MIB, stat={"total_inactive_file": 80 * MIB}
    )
    tree.group("memory/jobs/mine", limit_in_bytes=NO_LIMIT_V1, usage_in_bytes=1, stat={})
    tree.group("elsewhere", max=1, current=1, stat={})
    assert numbers(tree.read()) == (300, 120)


def test_in_a_container_the_root_is_the_group(tree: Tree) -> None:
    tree.membership("4:memory:/docker/0123")  # a path of the machine outside
    tree.group("memory", limit_in_bytes=256 * MIB, usage_in_bytes=56 * MIB, stat={"total_active_file": 6 * MIB})
    assert numbers(tree.read()) == (256, 50)


@pytest.mark.parametrize("content", ["", "nonsense\n", "0::\n", "4:memory:/../../etc\n", "4:memory:relative\n"])
def test_a_membership_that_says_nothing_is_no_limit(tree: Tree, content: str) -> None:
    (tree.proc / "self" / "cgroup").write_text(content)
    assert numbers(tree.read()) == (1000, 300)


def test_a_group_that_vanishes_is_no_limit(tree: Tree) -> None:
    tree.membership("0::/a")
    tree.group("a", max=100 * MIB)
    assert numbers(tree.read()) == (1000, 300)
    (tree.proc / "self" / "cgroup").unlink()
    assert numbers(tree.read()) == (1000, 300)


@pytest.mark.parametrize("content", [None, "", "MemTotal: 5 kB\n"])
def test_what_the_kernel_does_not_say_is_unknown(tree: Tree, content: str | None) -> None:
    file = tree.proc / "meminfo"
    file.unlink() if content is None else file.write_text(content)
    device = tree.read()
    assert (device.total, device.used) == (None, None) and "meminfo" in device.problem


def test_this_machine_has_memory() -> None:
    device = Host().read()
    assert device.total is not None and device.used is not None
    assert 0 < device.used < device.total


def test_the_energy_of_all_processors_goes_on_when_a_counter_begins_anew(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "max_energy_range_uj").write_text("9999999\n")
        (tmp_path / name / "energy_uj").write_text("9000000\n")
    host = Host(powercap=tmp_path)
    first = host.energy()
    assert first is not None and (first.device, first.counter) == (HOST, 18_000)
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("1000000\n")
    second = host.energy()
    assert second is not None and second.counter == 20_000
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert host.energy() is None, "half of it is not what the machine uses"


def test_a_machine_that_does_not_say_what_it_uses(tmp_path: Path) -> None:
    assert Host(powercap=tmp_path / "nowhere").energy() is None
