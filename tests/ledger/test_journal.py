from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.usage import AttemptClosed, AttemptOpened, Record
from glowplug.errors import StoreError
from glowplug.ledger.journal import Damage, JournalReader, JournalWriter
from glowplug.ledger.segments import HEADER, SegmentFiles, order
from tests.ledger.builders import closed, opened
from tests.ledger.faults import FaultyFiles
from tests.still_clock import StillClock

SMALL = 4096


def segments(directory: Path) -> list[Path]:
    return [directory / n for n in sorted(os.listdir(directory), key=order)]


def read_all(directory: Path) -> list[Record | Damage]:
    return [record for path in segments(directory) for _, record in JournalReader(path).records()]


def test_what_is_written_is_read_back_in_order_with_offsets_to_go_on_from(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "w0-1-2", StillClock())
    first, second = opened("a"), closed("a")
    writer.opened(first)
    [path] = segments(tmp_path)
    [(offset, record)] = JournalReader(path).records()
    assert record == first
    writer.closed(second)
    assert [r for _, r in JournalReader(path).records(offset)] == [second]
    reader = JournalReader(path)
    assert (reader.worker, reader.sealed, reader.committed > offset) == ("w0-1-2", False, True)
    writer.seal()
    assert JournalReader(path).sealed


def test_the_header_is_laid_out_as_documented(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "w7-12-34", StillClock(), SMALL)
    writer.append(b"\x91\x01")
    [path] = segments(tmp_path)
    data = path.read_bytes()
    assert path.name == "w7-12-34-1764000000000-1.gpj"
    assert (len(data), path.stat().st_mode & 0o777) == (SMALL, 0o600)
    assert data[:8] == b"GPJ1\x01\0\0\0"
    assert int.from_bytes(data[16:24], "little") == HEADER + 8 + 2
    assert data[24:64] == b"w7-12-34".ljust(40, b"\0")
    assert data[64:68] == b"\x02\0\0\0"
    writer.seal()


@given(sizes=st.lists(st.integers(0, 900), max_size=40))
def test_roll_over_loses_and_repeats_nothing(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    directory = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(directory, "w0-1-2", StillClock(), 1024)
    wanted = [opened(f"r{i}" + "x" * size) for i, size in enumerate(sizes)]
    fitting = [r for r in wanted if HEADER + 8 + len(msgspec.msgpack.encode(r)) <= 1024]
    for record in wanted:
        if record in fitting:
            writer.opened(record)
        else:
            with pytest.raises(StoreError, match="does not fit"):
                writer.opened(record)
    assert read_all(directory) == fitting
    writer.seal()
    assert read_all(directory) == fitting
    assert all(JournalReader(path).sealed for path in segments(directory))


def test_the_next_segment_is_ready_before_it_is_needed(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "w0-1-2", StillClock(), SMALL)
    while len(segments(tmp_path)) == 1:
        writer.append(b"x" * 92)
    used = JournalReader(segments(tmp_path)[0]).committed
    assert SMALL * 3 // 4 < used <= SMALL * 3 // 4 + 200
    while len(segments(tmp_path)) == 2:
        writer.append(b"x" * 92)
    assert JournalReader(segments(tmp_path)[0]).sealed
    writer.seal()
    assert len(segments(tmp_path)) == 2, "the prepared segment is taken back"


def test_a_full_disk_is_an_error_that_says_so_and_the_writer_goes_on_when_there_is_room(tmp_path: Path) -> None:
    clock, files = StillClock(), FaultyFiles()
    writer = JournalWriter(tmp_path, "w0-1-2", clock, 1024, files)
    files.full = True
    kept = 0
    with pytest.raises(StoreError, match="No space left"):
        while True:
            writer.append(b"\x90" * 100)
            kept += 1
    assert kept == (1024 - HEADER) // 108, "the segment is used to its end first"
    assert "No space left" in writer.trouble
    assert [p.name.endswith(".gpj") for p in segments(tmp_path)] == [True]
    files.full = False
    with pytest.raises(StoreError):
        writer.append(b"\x90" * 100)  # not asked again within the second
    clock.now += 1.0
    writer.append(b"\x90" * 100)
    assert writer.trouble == ""
    writer.seal()


def test_a_disk_that_is_full_from_the_start(tmp_path: Path) -> None:
    files = FaultyFiles()
    files.full = True
    with pytest.raises(StoreError, match="make room"):
        JournalWriter(tmp_path, "w0-1-2", StillClock(), files=files)


def test_a_failed_allocation_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        SegmentFiles().create(tmp_path / "a-1-1.gpj", 4096, b"")
    assert os.listdir(tmp_path) == []


def test_flush_syncs_the_rolled_and_the_current_segment_once(tmp_path: Path) -> None:
    synced: list[int] = []

    class Files(SegmentFiles):
        def sync(self, descriptor: int) -> None:
            synced.append(os.fstat(descriptor).st_ino)
            super().sync(descriptor)

    writer = JournalWriter(tmp_path, "w0-1-2", StillClock(), 1024, Files())
    for _ in range(12):
        writer.append(b"x" * 92)
    inodes = [p.stat().st_ino for p in segments(tmp_path)[:2]]
    writer.flush()
    assert synced == inodes
    writer.flush()
    assert synced[2:] == inodes[1:]
    writer.seal()
    writer.flush()
    assert len(synced) == 3


def test_after_the_seal_nothing_is_taken(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "w0-1-2", StillClock(), 1024)
    writer.seal()
    writer.seal()
    with pytest.raises(StoreError, match="sealed"):
        writer.append(b"x")


@given(position=st.integers(HEADER, 400), bit=st.integers(0, 7))
def test_any_flipped_bit_is_reported_and_what_came_before_is_kept(
    tmp_path_factory: pytest.TempPathFactory, position: int, bit: int
) -> None:
    directory = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(directory, "w0-1-2", StillClock(), 1024)
    ends, records = [], [opened(f"r{i}") for i in range(6)]
    [path] = segments(directory)
    for record in records:
        writer.opened(record)
        ends.append(JournalReader(path).committed)
    writer.seal()
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)
    found = list(JournalReader(path).records())
    intact = sum(end <= position for end in ends)
    assert [r for _, r in found[:intact]] == records[:intact]
    if position < ends[-1]:
        assert len(found) == intact + 1
        offset, damage = found[-1]
        assert isinstance(damage, Damage)
        assert (offset, damage.segment) == (ends[-1], path.name)
        assert damage.offset == (ends[intact - 1] if intact else HEADER)


@pytest.mark.parametrize(
    ("start", "committed", "length", "why"),
    [
        (HEADER, 5000, 4096, "instead of"),
        (900, 700, 4096, "folded before"),
        (HEADER, HEADER + 3, 4096, "cut off"),
        (HEADER, HEADER + 20, 4096, "cut off"),
    ],
)
def test_a_torn_tail_is_reported(tmp_path: Path, start: int, committed: int, length: int, why: str) -> None:
    writer = JournalWriter(tmp_path, "w0-1-2", StillClock(), SMALL)
    writer.opened(opened("a"))
    writer.seal()
    [path] = segments(tmp_path)
    data = bytearray(path.read_bytes()[:length])
    data[16:24] = committed.to_bytes(8, "little")
    path.write_bytes(data)
    [(_, damage)] = JournalReader(path).records(start)
    assert isinstance(damage, Damage)
    assert why in damage.why


def test_a_record_of_a_newer_release_is_damage_not_silence(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, "w0-1-2", StillClock(), SMALL)
    writer.append(msgspec.msgpack.encode(["z", 1, 2]))
    writer.seal()
    [damage] = read_all(tmp_path)
    assert isinstance(damage, Damage)
    assert "another kind" in damage.why


@pytest.mark.parametrize("data", [b"", b"GPJ1", b"\0" * 64, b"GPJ1\x09" + b"\0" * 59, b"GPJ1\x01" + b"\0" * 59])
def test_a_file_that_is_no_segment_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w0-1-2-3-4.gpj"
    path.write_bytes(data)
    with pytest.raises(ValueError):
        JournalReader(path)


def test_a_worker_name_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="40"):
        JournalWriter(tmp_path, "w" * 41, StillClock())


_VICTIM = """
import sys
from pathlib import Path
from glowplug.clock import SystemClock
from glowplug.ledger.journal import JournalWriter
from tests.ledger.builders import opened
writer = JournalWriter(Path(sys.argv[1]), "w0-1-2", SystemClock(), 1 << 16)
n = 0
while True:
    writer.opened(opened(f"r{n}"))
    n += 1
    if n % 100 == 0:
        print(n, flush=True)
"""


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as victim:
        assert victim.stdout is not None
        said = 0
        for line in victim.stdout:
            said = int(line)
            if said >= 3000:
                break
        victim.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in victim.stdout.read().split())])
    found = [r.request for r in read_all(tmp_path) if not isinstance(r, Damage)]
    assert found == [f"r{i}" for i in range(len(found))]
    assert len(found) >= said >= 3000
    assert len(segments(tmp_path)) > 2


def test_records_of_the_release_before_are_read_with_what_they_had() -> None:
    begun = msgspec.msgpack.encode(["o", "r", 0, "k", "asked", "m", "chat", 1.5, 7])
    ended = msgspec.msgpack.encode(
        ["c", "r", 0, "k", "asked", "m", "chat", 1.5, 0.5, 0.1, 200, "ok", 3, 4, 1, False, True]
    )
    decode = msgspec.msgpack.Decoder(Record).decode
    assert decode(begun) == AttemptOpened("r", 0, "k", "asked", "m", "chat", 1.5, 7)
    record = decode(ended)
    assert isinstance(record, AttemptClosed)
    assert (record.prompt_tokens, record.user, record.tags, record.cost, record.price) == (3, "", (), 0, "")
