"""The journal: where a gateway worker writes what it used, before the last byte leaves, without a system call.

A record is copied into a preallocated, memory-mapped file and survives the death of the process because the pages
belong to the kernel.  The committed length is written after the frame, so a reader never sees half of one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from glowplug.clock import Clock
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Record
from glowplug.errors import StoreError
from glowplug.ledger.segments import (
    COMMITTED,
    COMMITTED_AT,
    FLAGS,
    FLAGS_AT,
    FRAME,
    HEADER,
    SEALED,
    Segment,
    SegmentFiles,
    pack_header,
    segment_name,
)

_RETRY_SECONDS = 1.0
_COMMITTED_AT: Final = COMMITTED_AT


class JournalWriter:
    """Appends records for one worker.  Not for several threads, but for `flush`, which may run on another one.

    Raises StoreError when the disk has no room for a new segment: at the start, and from an append that does not fit
    any more.  The writer stays usable and tries again, at most once a second; `trouble` says what is wrong meanwhile,
    usually long before an append fails, because the next segment is made when three quarters of this one are full.
    """

    def __init__(
        self,
        directory: Path,
        worker: str,
        clock: Clock,
        segment_bytes: int = 4 << 20,
        files: SegmentFiles | None = None,
    ) -> None:
        self._directory = directory
        self._worker = worker
        self._clock = clock
        self._size = segment_bytes
        self._files = files or SegmentFiles()
        self._header = pack_header(worker)
        self._encode = msgspec.msgpack.Encoder().encode
        self._frame, self._commit, self._checksum = FRAME.pack_into, COMMITTED.pack_into, crc32
        """At hand: a compiled module looks up the names it imports each time."""
        self._number = 0
        self._reserve: Segment | None = None
        self._rolled: int | None = None
        self._position = HEADER
        self._switch = threading.Lock()
        self._retry_at = 0.0
        self._sealed = False
        self.trouble = ""
        """Why the next segment could not be made yet; empty when all is well."""
        try:
            self._segment = self._create()
        except OSError as error:
            raise self._no_room(error) from error
        self._begin()

    def opened(self, record: AttemptOpened) -> None:
        """An attempt has begun; call before its first byte goes upstream."""
        self.append(self._encode(record))

    def closed(self, record: AttemptClosed) -> None:
        """An attempt has ended; call before its last byte goes to the client."""
        self.append(self._encode(record))

    def append(self, payload: bytes) -> None:
        """Append one encoded record.  When this returns, the record survives the death of the process."""
        position, size = self._position, len(payload)
        end = position + 8 + size
        if end > self._watermark:
            position = self._make_room(size)
            end = position + 8 + size
        memory = self._memory
        self._frame(memory, position, size, self._checksum(payload))
        memory[position + 8 : end] = payload
        self._commit(memory, _COMMITTED_AT, end)
        self._position = end

    def flush(self) -> None:
        """Wait until all that was appended is on the disk; bounds what a power cut can take.  Raises OSError."""
        with self._switch:
            if self._sealed:
                return
            rolled, self._rolled = self._rolled, None
            current = os.dup(self._segment.descriptor)
        try:
            if rolled is not None:
                self._files.sync(rolled)
            self._files.sync(current)
        finally:
            os.close(current)
            if rolled is not None:
                os.close(rolled)

    def seal(self) -> None:
        """Nothing more will be written; the fold may delete the segment once it is folded.  May be called twice."""
        if self._sealed:
            return
        with self._switch:
            self._sealed = True
        self._mark_sealed(self._segment)
        self._watermark = 0
        self._files.close(self._segment)
        if self._rolled is not None:
            os.close(self._rolled)
            self._rolled = None
        if self._reserve is not None:
            self._files.close(self._reserve)
            self._files.remove(self._reserve.path)
            self._reserve = None

    def _begin(self) -> None:
        self._memory = self._segment.memory
        self._position = HEADER
        # One comparison in `append` serves both the reserve and the roll-over.
        self._watermark = self._size * 3 // 4

    def _make_room(self, length: int) -> int:
        """The position for a frame of `length` payload bytes, after preparing or changing segments as needed."""
        if self._sealed:
            raise StoreError("the journal is sealed", hint="this is a bug: a record was written after the end")
        if HEADER + 8 + length > self._size:
            raise StoreError(f"a record of {length} bytes does not fit into a segment of {self._size}")
        self._prepare_reserve()
        if self._position + 8 + length <= self._size:
            if self._reserve is not None:
                self._watermark = self._size
            return self._position
        if self._reserve is None:
            raise StoreError(self.trouble, hint="make room on the disk of the state directory")
        self._roll(self._reserve)
        if HEADER + 8 + length > self._watermark:
            self._watermark = self._size
        return self._position

    def _prepare_reserve(self) -> None:
        if self._reserve is not None or self._clock.monotonic() < self._retry_at:
            return
        try:
            self._reserve = self._create()
        except OSError as error:
            self._retry_at = self._clock.monotonic() + _RETRY_SECONDS
            self.trouble = self._no_room(error).message
        else:
            self.trouble = ""

    def _roll(self, reserve: Segment) -> None:
        self._mark_sealed(self._segment)
        self._segment.memory.close()
        with self._switch:
            unsynced, self._rolled = self._rolled, self._segment.descriptor
            self._segment = reserve
        self._reserve = None
        if unsynced is not None:
            # Nobody flushes often enough; the kernel writes it back by itself within its own bound.
            os.close(unsynced)
        self._begin()

    def _mark_sealed(self, segment: Segment) -> None:
        FLAGS.pack_into(segment.memory, FLAGS_AT, SEALED)

    def _create(self) -> Segment:
        self._number += 1
        name = segment_name(self._worker, int(self._clock.unix() * 1000), self._number)
        return self._files.create(self._directory / name, self._size, self._header)

    def _no_room(self, error: OSError) -> StoreError:
        return StoreError(
            f"no new journal segment could be made in {self._directory}: {error.strerror or error}",
            hint="make room on the disk of the state directory",
        )


class Damage(NamedTuple):
    """A part of a segment that cannot be read; `offset` in bytes from the start of the file."""

    segment: str
    offset: int
    why: str


class JournalReader:
    """Reads the committed records of one segment, while its writer goes on or after it died."""

    def __init__(self, path: Path, files: SegmentFiles | None = None) -> None:
        self._path = path
        self._files = files or SegmentFiles()
        self._header = self._files.header(path)
        self._decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)

    @property
    def worker(self) -> str:
        return self._header.worker

    @property
    def sealed(self) -> bool:
        """Nothing more will be written to it."""
        return self._header.sealed

    @property
    def committed(self) -> int:
        """Committed bytes, from the start of the file, when the reader was made."""
        return self._header.committed

    def records(self, start: int = HEADER) -> Iterator[tuple[int, Record | Damage]]:
        """Records from `start` on, each with the offset behind it (where to start the next time).

        What cannot be read ends the iteration with a Damage, whose offset behind it is the end of the segment: the
        frames after a broken length cannot be found.
        """
        end = self._header.committed
        if start > end:
            yield start, self._damage(end, f"ends at {end}, although {start} bytes of it were folded before")
            return
        data = self._files.read(self._path, start, end)
        if len(data) < end - start:
            yield end, self._damage(start, f"has {start + len(data)} bytes instead of {end}")
            return
        unpack, decode, length = FRAME.unpack_from, self._decoder.decode, len(data)
        at = 0
        while at < length:
            body = at + 8
            if body <= length:
                size, checksum = unpack(data, at)
                payload = data[body : body + size]
                if len(payload) == size and crc32(payload) == checksum:
                    try:
                        record = decode(payload)
                    except msgspec.DecodeError:
                        pass  # said below
                    else:
                        at = body + size
                        yield start + at, record
                        continue
            yield end, self._damage(start + at, self._why(data, at))
            return

    def _why(self, data: bytes, at: int) -> str:
        """Why there is no record in the frame at `at`."""
        if at + 8 > len(data):
            return "a frame is cut off"
        size, checksum = FRAME.unpack_from(data, at)
        payload = data[at + 8 : at + 8 + size]
        if len(payload) < size:
            return f"a frame of {size} bytes is cut off"
        if crc32(payload) != checksum:
            return "a frame does not match its checksum"
        try:
            self._decoder.decode(payload)
        except msgspec.DecodeError as error:
            return f"a record of another kind: {error}"
        raise AssertionError("asked about a frame that has a record")

    def _damage(self, offset: int, why: str) -> Damage:
        return Damage(self._path.name, offset, why)
