"""Journal segments as files: their names, their header, and every system call made on them.

Header, 64 bytes, little-endian: `GPJ1` at 0, u32 version at 4, u32 flags at 8 (bit 0: sealed, nothing more will be
written), u64 committed length at 16 (bytes from the start of the file, so 64 when empty), worker name at 24 (UTF-8,
at most 40 bytes, padded with zeros).  Frames follow: `u32 length, u32 crc32, payload`.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"GPJ1"
VERSION = 1
HEADER = 64
SEALED = 1
SUFFIX = ".gpj"
DAMAGED_SUFFIX = ".gpj.damaged"
NEW_SUFFIX = ".gpj.new"

FRAME = struct.Struct("<II")
FLAGS_AT = 8
COMMITTED_AT = 16
FLAGS = struct.Struct("<I")
COMMITTED = struct.Struct("<Q")
_HEADER = struct.Struct("<4sIIIQ40s")
_NAME_BYTES = 40
_NAME = re.compile(r"(?P<worker>.+)-(?P<millis>\d+)-(?P<number>\d+)\.gpj(?:\.new)?")


@dataclass(frozen=True)
class Header:
    """The first 64 bytes of a segment."""

    worker: str
    committed: int
    sealed: bool


def pack_header(worker: str) -> bytes:
    """The header of an empty segment.  Raises ValueError when the worker's name is too long."""
    name = worker.encode()
    if len(name) > _NAME_BYTES or not name:
        raise ValueError(f"a worker's name has 1 to {_NAME_BYTES} bytes, not {len(name)}")
    return _HEADER.pack(MAGIC, VERSION, 0, 0, HEADER, name)


def read_header(data: bytes) -> Header:
    """What a header says.  Raises ValueError when it is not one."""
    if len(data) < HEADER:
        raise ValueError(f"only {len(data)} bytes of header")
    magic, version, flags, _, committed, name = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("not a journal segment")
    if version != VERSION:
        raise ValueError(f"journal version {version}, and this release reads {VERSION}")
    if committed < HEADER:
        raise ValueError(f"a committed length of {committed}")
    return Header(name.rstrip(b"\0").decode(errors="replace"), committed, bool(flags & SEALED))


def segment_name(worker: str, millis: int, number: int) -> str:
    """`<worker>-<unix ms>-<n>.gpj`."""
    return f"{worker}-{millis}-{number}{SUFFIX}"


def worker_of(name: str) -> str | None:
    """The worker in the name of a segment, or None when it is not the name of one."""
    match = _NAME.fullmatch(name)
    return match["worker"] if match else None


def order(name: str) -> tuple[str, int, int]:
    """Sorts segment names by worker and then by age."""
    match = _NAME.fullmatch(name)
    return (match["worker"], int(match["millis"]), int(match["number"])) if match else (name, 0, 0)


@dataclass(frozen=True)
class Segment:
    """A segment open for writing: its file, kept for syncing, and its mapping."""

    path: Path
    descriptor: int
    memory: mmap.mmap


class SegmentFiles:
    """Every system call on segments; tests replace it to fail the n-th one."""

    def names(self, directory: Path) -> list[str]:
        """Names of all files in the directory."""
        return [path.name for path in directory.iterdir()] if directory.is_dir() else []

    def create(self, path: Path, size: int, header: bytes) -> Segment:
        """A new segment with all its bytes allocated, so that writing to the mapping cannot run out of disk.

        Raises OSError (ENOSPC, say); nothing is left behind then.
        """
        new = path.with_name(path.name + ".new")
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
            os.pwrite(descriptor, header, 0)
            memory = mmap.mmap(descriptor, size)
            new.rename(path)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        return Segment(path, descriptor, memory)

    def close(self, segment: Segment) -> None:
        segment.memory.close()
        os.close(segment.descriptor)

    def sync(self, descriptor: int) -> None:
        """Wait until the file's pages, mapped ones included, are on the disk."""
        os.fdatasync(descriptor)

    def header(self, path: Path) -> Header:
        """Read only the header.  Raises OSError, ValueError."""
        with path.open("rb") as file:
            return read_header(file.read(HEADER))

    def read(self, path: Path, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`; fewer when the file is shorter."""
        with path.open("rb") as file:
            file.seek(start)
            return file.read(max(0, end - start))

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep a copy of a damaged segment for people to look at, out of the way of the fold."""
        copy = path.with_name(path.name.removesuffix(SUFFIX) + DAMAGED_SUFFIX)
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
