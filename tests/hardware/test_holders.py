from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.hardware import Device, DeviceKind, Holder
from glowplug.hardware.holders import foreign, named, others

OURS = frozenset({10, 11})


def device(used: int | None, *held: tuple[int, int | None], listed: bool = True, unified: bool = False) -> Device:
    holders = tuple(Holder(pid=pid, memory=memory) for pid, memory in held) if listed else None
    return Device(id="gpu0", kind=DeviceKind.NVIDIA, name="A", total=100, used=used, holders=holders, unified=unified)


@pytest.mark.parametrize(
    ("what", "reading", "ours", "bytes_of_others"),
    [
        ("nothing runs", device(0), OURS, 0),
        ("only ours", device(30, (10, 20), (11, 10)), OURS, 0),
        ("a game beside ours", device(50, (10, 20), (77, 30)), OURS, 30),
        ("what no process accounts for", device(27, (10, 20)), OURS, 7),
        ("lists that say more than is used", device(15, (10, 20)), OURS, 0),
        ("a stranger whose share is not told", device(50, (10, 20), (77, None)), OURS, 30),
        ("our share is not told", device(50, (10, None), (77, 30)), OURS, None),
        ("no list", device(50, listed=False), OURS, None),
        ("no list, but we run nothing", device(50, listed=False), frozenset(), 50),
        ("our share is not told, but we run nothing", device(50, (10, None)), frozenset(), 50),
        ("how much is used is not known", device(None, (10, 20)), OURS, None),
        ("memory that is counted at the host", device(50, (10, 20), unified=True), OURS, None),
    ],
)
def test_what_belongs_to_others(what: str, reading: Device, ours: frozenset[int], bytes_of_others: int | None) -> None:
    assert foreign(reading, ours) == bytes_of_others, what


def test_others_are_those_who_are_not_ours() -> None:
    assert [holder.pid for holder in others(device(50, (77, 30), (10, 20), (78, None)), OURS)] == [77, 78]
    assert others(device(50, listed=False), OURS) == ()


def test_names_come_from_the_processes_largest_first(tmp_path: Path) -> None:
    for pid, name in ((5, "Xorg"), (6, "llama server")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "comm").write_text(f"{name}\n")
    assert named({5: 1, 6: 2, 7: 3}, tmp_path) == (
        Holder(pid=7, memory=3),
        Holder(pid=6, memory=2, name="llama server"),
        Holder(pid=5, memory=1, name="Xorg"),
    )
    assert named({}, tmp_path) == ()


def test_numbers_that_name_no_process_here_are_of_another_namespace(tmp_path: Path) -> None:
    assert named({70: 1, 71: 2}, tmp_path) is None
