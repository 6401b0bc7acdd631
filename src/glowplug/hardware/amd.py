"""AMD devices, read from the files of the `amdgpu` kernel driver; no library of AMD's is needed.

Sources: Documentation/gpu/amdgpu/driver-misc.rst (the mem_info files) and drm-usage-stats.rst (who holds what) of
the kernel, and its drivers/gpu/drm/amd/amdgpu, 5.19 to 6.19.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Device, DeviceKind
from glowplug.hardware.base import Found
from glowplug.hardware.holders import named

_VENDOR = "0x1002"
_CARD = re.compile(r"card\d+")
_CARVE_OUT = 4 << 30
"""A chip with a processor in it takes up to this much of the main memory for itself when the machine starts."""
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_ByPid = dict[int, int | None]
_Clients = tuple[dict[str, _ByPid], dict[str, _ByPid]]
"""By PCI address: bytes by pid on the card, and of main memory for the card."""


class _Card(NamedTuple):
    """A card and its mem_info files, in bytes."""

    pci: str
    folder: Path
    vram: int | None
    vram_used: int | None
    gtt: int | None
    gtt_used: int | None


class Amd:
    """A `glowplug.hardware.base.Reader`.

    `drm`: the folder with `card0`, `card1` …; `proc`: where processes are.  Without an AMD card a reading is one look
    into that folder; with one that changed since, it looks through the open files of all processes of this user.
    """

    def __init__(self, drm: Path = Path("/sys/class/drm"), proc: Path = Path("/proc")) -> None:
        self._drm = drm
        self._proc = proc
        self._last: tuple[list[_Card], _Clients] = [], ({}, {})

    def read(self) -> Found:
        cards = sorted(self._cards())
        if cards != self._last[0]:  # to the byte the same: so are those who hold it
            self._last = cards, _clients(self._proc)
        return Found(tuple(self._device(number, card, *self._last[1]) for number, card in enumerate(cards)))

    def energy(self) -> Iterable[tuple[str, EnergyReading]]:
        """The cards with a sensor: `energy1_input` (microjoules), else `power1_average` or, on newer ones,
        `power1_input` (microwatts).  Sources: the kernel's hwmon/sysfs-interface.rst and gpu/amdgpu/thermal.rst."""
        for card in self._last[0]:
            for sensor in sorted(_names(card.folder / "hwmon")):
                folder = card.folder / "hwmon" / sensor
                counter = _milli(folder / "energy1_input")
                power = None
                if counter is None:
                    power = _milli(folder / "power1_average")
                    power = _milli(folder / "power1_input") if power is None else power
                if counter is not None or power is not None:
                    yield card.pci, EnergyReading(device="", counter=counter, power=power)
                    break

    def close(self) -> None:
        """Nothing is held between two readings."""

    def _cards(self) -> Iterator[_Card]:
        for name in _names(self._drm):
            folder = self._drm / name / "device"
            if _CARD.fullmatch(name) and _text(folder / "vendor") == _VENDOR and _has_memory(folder):
                files = ("vram_total", "vram_used", "gtt_total", "gtt_used")
                yield _Card(folder.resolve().name, folder, *(_bytes(folder / f"mem_info_{file}") for file in files))

    def _device(self, number: int, card: _Card, video: dict[str, _ByPid], shared: dict[str, _ByPid]) -> Device:
        vram, gtt = card.vram, card.gtt
        # Only memory chips have a maker: a small card of its own is not mistaken for a part of a processor.
        maker = _text(card.folder / "mem_info_vram_vendor")
        unified = (vram or 0) <= _CARVE_OUT and (gtt or 0) > (vram or 0) and maker in ("", "unknown")
        holders = dict(video.get(card.pci, {}))
        total, used = vram, card.vram_used
        if unified:
            total = None if gtt is None else gtt + (vram or 0)
            used = None if card.gtt_used is None else card.gtt_used + (card.vram_used or 0)
            for pid, size in shared.get(card.pci, {}).items():
                holders[pid] = (holders.get(pid) or 0) + (size or 0)
        known = total is not None and used is not None
        return Device(
            id="",
            kind=DeviceKind.AMD,
            name=_text(card.folder / "product_name") or f"AMD device {_text(card.folder / 'device')}",
            total=total,
            used=used,
            holders=named(holders, self._proc),
            uuid=card.pci,
            index=number,
            unified=unified,
            problem="" if known else f"the driver does not say how much memory {card.pci} has or how much is in use",
        )


def _names(folder: Path | str) -> list[str]:
    """What is in a folder; nothing where it cannot be looked into."""
    try:
        return os.listdir(folder)  # noqa: PTH208 - thousands of entries, often: names only, no objects for their paths
    except OSError:
        return []


def _text(file: Path) -> str:
    """One line, or nothing where it cannot be read."""
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


def _bytes(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdigit() else None


def _milli(file: Path) -> int | None:
    """Thousands of what is there: sensors write millionths."""
    number = _bytes(file)
    return None if number is None else number // 1000


def _has_memory(folder: Path) -> bool:
    return (folder / "mem_info_vram_total").exists() or (folder / "mem_info_gtt_total").exists()


def _clients(proc: Path) -> _Clients:
    """Who has which card open, and how much of it.

    The same client may be open several times, in a process and in what it forked; the first process has it.
    """
    video: dict[str, _ByPid] = {}
    shared: dict[str, _ByPid] = {}
    counted = set()
    for pid in sorted(int(name) for name in _names(proc) if name.isdigit()):
        for fields in _open_devices(f"{proc}/{pid}"):
            pci, client = fields.get("drm-pdev", ""), fields.get("drm-client-id", "")
            if fields.get("drm-driver") != "amdgpu" or (client and (pci, client) in counted):
                continue
            counted.add((pci, client))
            for table, region in ((video, "vram"), (shared, "gtt")):
                size = next((_size(fields[key]) for key in _keys(region) if key in fields), 0)
                row = table.setdefault(pci, {})
                row[pid] = (row.get(pid) or 0) + size
    return video, shared


def _open_devices(process: str) -> Iterator[dict[str, str]]:
    """What the kernel says about each open file of a process that is a graphics device."""
    for number in _names(f"{process}/fd"):
        with suppress(OSError):
            if os.readlink(f"{process}/fd/{number}").startswith("/dev/dri/"):  # noqa: PTH115 - as below
                text = Path(f"{process}/fdinfo/{number}").read_text(errors="replace")
                yield {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def _keys(region: str) -> tuple[str, str, str]:
    """amdgpu's own key for what is resident, then the kernel's newer ones."""
    return f"drm-memory-{region}", f"drm-resident-{region}", f"drm-total-{region}"


def _size(value: str) -> int:
    """Bytes from `286604 KiB`; 0 for what is not understood."""
    number, _, unit = value.partition(" ")
    return int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else 0
