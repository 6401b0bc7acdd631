"""Over a /sys/class/drm and a /proc of our own, laid out as amdgpu lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.hardware import Device, DeviceKind, Holder
from glowplug.hardware.amd import Amd
from glowplug.hardware.base import Found

MIB, GIB = 1 << 20, 1 << 30


class Tree:
    def __init__(self, root: Path) -> None:
        self.drm, self.proc, self.pci = root / "drm", root / "proc", root / "pci"
        for folder in (self.drm, self.proc, self.pci):
            folder.mkdir()

    def card(self, name: str, pci: str, vendor: str = "0x1002", **files: int | str) -> None:
        folder = self.pci / pci
        folder.mkdir()
        for file, value in {"vendor": vendor, "device": "0x744c", **files}.items():
            (folder / file).write_text(f"{value}\n")
        (self.drm / name).mkdir()
        (self.drm / name / "device").symlink_to(folder)
        (self.drm / f"{name}-DP-1").mkdir()

    def discrete(self, name: str = "card0", pci: str = "0000:03:00.0", **files: int | str) -> None:
        memory: dict[str, int | str] = {
            "mem_info_vram_total": 24 * GIB,
            "mem_info_vram_used": GIB,
            "mem_info_gtt_total": 32 * GIB,
            "mem_info_gtt_used": 100 * MIB,
            "mem_info_vram_vendor": "samsung",
        }
        self.card(name, pci, **{**memory, **files})

    def process(self, pid: int, comm: str, *files: tuple[str, str]) -> None:
        """`files`: where each open file leads, and what its fdinfo says."""
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "fdinfo").mkdir()
        (folder / "comm").write_text(f"{comm}\n")
        for number, (target, info) in enumerate(files):
            (folder / "fd" / str(number)).symlink_to(target)
            (folder / "fdinfo" / str(number)).write_text(info)

    def read(self) -> Found:
        return Amd(self.drm, self.proc).read()

    def one(self) -> Device:
        (device,) = self.read().devices
        return device


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def client(
    vram: str, number: int = 1, *, pci: str = "0000:03:00.0", driver: str = "amdgpu", **more: str
) -> tuple[str, str]:
    fields = {
        "drm-driver": driver,
        "drm-client-id": str(number),
        "drm-pdev": pci,
        "drm-memory-vram": vram,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    text = "pos:\t0\nflags:\t02100002\n" + "".join(f"{name}:\t{value}\n" for name, value in fields.items() if value)
    return "/dev/dri/renderD128", text


def test_no_folder_no_cards(tmp_path: Path) -> None:
    assert Amd(tmp_path / "nothing", tmp_path / "nobody").read() == Found()


def test_cards_of_other_makers_and_without_memory_files_are_not_ours(tree: Tree) -> None:
    tree.card("card0", "0000:00:02.0", vendor="0x8086", mem_info_vram_total=GIB)
    tree.card("card1", "0000:01:00.0")  # the driver before amdgpu
    assert tree.read() == Found()


def test_a_card_of_its_own(tree: Tree) -> None:
    tree.discrete(product_name="Radeon RX 7900 XTX")
    tree.process(10, "llama-server", client("2048 MiB"))
    assert tree.read().devices == (
        Device(
            id="",
            kind=DeviceKind.AMD,
            name="Radeon RX 7900 XTX",
            total=24 * GIB,
            used=GIB,
            holders=(Holder(pid=10, memory=2 * GIB, name="llama-server"),),
            uuid="0000:03:00.0",
            index=0,
        ),
    )


def test_cards_are_numbered_along_the_bus(tree: Tree) -> None:
    tree.discrete("card0", "0000:83:00.0")
    tree.discrete("card1", "0000:03:00.0")
    assert [(d.uuid, d.index, d.name) for d in tree.read().devices] == [
        ("0000:03:00.0", 0, "AMD device 0x744c"),
        ("0000:83:00.0", 1, "AMD device 0x744c"),
    ]


def test_a_processor_with_a_carve_out_shares_the_machines_memory(tree: Tree) -> None:
    tree.card(
        "card0", "0000:c5:00.0",
        mem_info_vram_total=2 * GIB, mem_info_vram_used=GIB, mem_info_gtt_total=98 * GIB, mem_info_gtt_used=5 * GIB,
    )  # fmt: skip
    tree.process(10, "ollama", client("512 MiB", pci="0000:c5:00.0", drm_memory_gtt="4096 MiB"))
    device = tree.one()
    assert (device.unified, device.total, device.used) == (True, 100 * GIB, 6 * GIB)
    assert device.holders == (Holder(pid=10, memory=4 * GIB + 512 * MIB, name="ollama"),)


def test_a_processor_without_any_carve_out(tree: Tree) -> None:
    tree.card("card0", "0000:c5:00.0", mem_info_gtt_total=98 * GIB, mem_info_gtt_used=0)
    device = tree.one()
    assert (device.unified, device.total, device.used, device.problem) == (True, 98 * GIB, 0, "")


@pytest.mark.parametrize(
    ("what", "vram", "gtt", "maker"),
    [
        ("a small card with memory chips of its own", 4 * GIB, 32 * GIB, "samsung"),
        ("a processor that was given a large part for good", 96 * GIB, 16 * GIB, "unknown"),
        ("a card with more memory than the machine", 4 * GIB, 3 * GIB, "unknown"),
    ],
)
def test_what_is_not_shared(tree: Tree, what: str, vram: int, gtt: int, maker: str) -> None:
    tree.discrete(mem_info_vram_total=vram, mem_info_gtt_total=gtt, mem_info_vram_vendor=maker)
    device = tree.one()
    assert (device.unified, device.total) == (False, vram), what


def test_processes_are_looked_at_again_when_the_card_changed(tree: Tree) -> None:
    tree.discrete()
    reader = Amd(tree.drm, tree.proc)
    assert reader.read().devices[0].holders == ()
    tree.process(10, "x", client("2 GiB"))
    assert reader.read().devices[0].holders == (), "nothing moved on the card"
    (tree.pci / "0000:03:00.0" / "mem_info_vram_used").write_text(f"{3 * GIB}\n")
    device = reader.read().devices[0]
    assert (device.used, device.holders) == (3 * GIB, (Holder(pid=10, memory=2 * GIB, name="x"),))


@pytest.mark.parametrize("broken", ["mem_info_vram_total", "mem_info_vram_used"])
@pytest.mark.parametrize("value", ["", "-1", "many"])
def test_what_cannot_be_read_is_unknown(tree: Tree, broken: str, value: str) -> None:
    tree.discrete(**{broken: value})
    device = tree.one()
    assert None in (device.total, device.used) and "0000:03:00.0" in device.problem
    assert not device.unified


def test_clients_are_counted_once_and_processes_summed(tree: Tree) -> None:
    tree.discrete()
    tree.process(10, "parent", client("1 GiB", 7), client("1 GiB", 7), client("1048576 KiB", 8))
    tree.process(11, "child", client("1 GiB", 7))
    tree.process(12, "screen", client("4096"))
    assert tree.one().holders == (
        Holder(pid=10, memory=2 * GIB, name="parent"),
        Holder(pid=12, memory=4096, name="screen"),
    )


def test_each_card_has_its_own_holders(tree: Tree) -> None:
    tree.discrete("card0", "0000:03:00.0")
    tree.discrete("card1", "0000:83:00.0")
    tree.process(10, "both", client("1 GiB", 7), client("2 GiB", 7, pci="0000:83:00.0"))
    assert [[h.memory for h in d.holders or ()] for d in tree.read().devices] == [[GIB], [2 * GIB]]


@pytest.mark.parametrize(
    ("info", "size"),
    [
        (client("", drm_resident_vram="3 MiB", drm_total_vram="9 MiB"), 3 * MIB),
        (client("", drm_total_vram="9 MiB"), 9 * MIB),
        (client(""), 0),
        (client("much"), 0),
        (client("3 parsecs"), 0),
    ],
)
def test_the_keys_and_units_of_other_kernels(tree: Tree, info: tuple[str, str], size: int) -> None:
    tree.discrete()
    tree.process(10, "x", info)
    assert tree.one().holders == (Holder(pid=10, memory=size, name="x"),)


def test_other_files_other_drivers_and_closed_doors_are_passed_over(tree: Tree) -> None:
    tree.discrete()
    tree.process(10, "x", client("1 GiB", driver="i915"), ("/tmp/file", client("1 GiB")[1]), ("/dev/dri/card0", ""))
    tree.process(11, "vanishing", client("1 GiB"))
    (tree.proc / "11" / "fdinfo" / "0").unlink()
    (tree.proc / "12").mkdir()  # no fd that may be listed
    (tree.proc / "self").symlink_to("10")
    assert tree.one().holders == ()


@pytest.mark.parametrize(
    ("files", "counter", "power"),
    [
        ({"energy1_input": 7_000_500, "power1_average": 1}, 7_000, None),
        ({"power1_average": 55_000_000, "power1_input": 1}, None, 55_000),
        ({"power1_input": 56_000_000}, None, 56_000),
    ],
)
def test_a_card_says_what_it_draws(
    tmp_path: Path, files: dict[str, int], counter: int | None, power: int | None
) -> None:
    tree = Tree(tmp_path)
    tree.discrete()
    reader = Amd(tree.drm, tree.proc)
    reader.read()
    assert list(reader.energy()) == [], "it has no sensor"
    folder = tree.pci / "0000:03:00.0" / "hwmon" / "hwmon4"
    folder.mkdir(parents=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")
    ((pci, said),) = reader.energy()
    assert (pci, said.counter, said.power) == ("0000:03:00.0", counter, power)
