"""Reads the header of GGUF files: key/values and what tensors there are, never the weights.

Format: `docs/gguf.md` of ggml, versions 2 and 3, little-endian.  The file comes from anywhere, so nothing it claims is
believed: counts and lengths are bounded by what the file really holds and by the limits below, memory is taken for
bytes that were read and not for bytes that were announced, and all that is raised is `WeightsError`.  It is read and
not mapped, because touching a mapped file that somebody truncates at this moment kills the process.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from glowplug.engines.gguf_types import FORMATS
from glowplug.engines.weights import AGAIN, Trouble, WeightsError, opened

HEADER_LIMIT = 256 << 20
"""Bytes a header may take; the largest vocabularies take 20 MiB."""
KEY_LIMIT = 65_536
TENSOR_LIMIT = 262_144
STRING_LIMIT = 8_000_000
"""Strings in all arrays together."""
PART_LIMIT = 1_000
TEXT_LIMIT = 4096
"""Longer texts (chat templates) are skipped and only their length is kept."""
ARRAY_LIMIT = 4096
"""Longer arrays of numbers are skipped and only their length is kept; arrays of one number a layer are far below."""
DIMENSIONS = 4

_CHUNK = 1 << 20
_STRING, _ARRAY = 8, 9
_SCALARS: Mapping[int, struct.Struct] = MappingProxyType(
    {
        number: struct.Struct("<" + code)
        for number, code in {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?"}.items()
    }
    | {10: struct.Struct("<Q"), 11: struct.Struct("<q"), 12: struct.Struct("<d")}
)
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A long text or array that was not kept."""

    length: int
    """Bytes of a text, elements of an array."""


Value = str | int | float | bool | tuple[int | float | bool, ...] | Skipped


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: where it is and what it takes in its part's data section."""

    name: str
    shape: tuple[int, ...]
    """Elements by dimension, the fastest running one first."""
    type: int
    """A key of `gguf_types.FORMATS`."""
    offset: int
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file, or all parts of a split one together, say of themselves."""

    path: str
    version: int
    values: Mapping[str, Value]
    tensors: tuple[Tensor, ...]
    size: int
    """Bytes of the file, all parts together."""
    parts: tuple[str, ...] = field(default=())
    """The paths of all parts of a split file, this one included; empty for a file that is whole."""

    @property
    def architecture(self) -> str:
        return self.text("general.architecture")

    def text(self, key: str) -> str:
        value = self.values.get(key, "")
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int | None = None) -> int | None:
        """A whole number, or `default` where there is none."""
        value = self.values.get(key)
        return value if isinstance(value, int) else default

    def numbers(self, key: str) -> tuple[int, ...]:
        """An array of whole numbers, empty where there is none."""
        value = self.values.get(key)
        if not isinstance(value, tuple):
            return ()
        return tuple(int(one) for one in value if isinstance(one, int))

    def length(self, key: str) -> int | None:
        """How many elements an array has, kept or skipped."""
        value = self.values.get(key)
        if isinstance(value, Skipped):
            return value.length
        return len(value) if isinstance(value, tuple) else None


def read(path: str | os.PathLike[str]) -> Header:
    """The header of a file; of a split file, named by any of its parts, all of them as one.  Raises WeightsError."""
    first = read_part(path)
    count = first.number("split.count", 0) or 0
    if count <= 1:
        return first
    if count > PART_LIMIT:
        raise WeightsError(Trouble.BROKEN, f"{first.path} says that it has {count} parts", AGAIN)
    match = _PART.search(first.path)
    if match is None or int(match.group(2)) != count:
        raise WeightsError(
            Trouble.MISSING,
            f"{first.path} is one of {count} parts and is not named like one",
            f"name the parts NAME-00001-of-{count:05}.gguf and so on",
        )
    stem = first.path[: match.start()]
    names = tuple(f"{stem}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1))
    absent = [name for name in names if not Path(name).exists()]
    if absent:
        listed = ", ".join(Path(name).name for name in absent[:3]) + (" and more" if len(absent) > 3 else "")
        raise WeightsError(
            Trouble.MISSING,
            f"{len(absent)} of the {count} parts of {stem}.gguf are missing: {listed}",
            "put the missing parts beside the others",
        )
    headers = [first if name == first.path else read_part(name) for name in names]
    # llama.cpp takes the key/values of the first part.
    return replace(
        headers[0],
        tensors=tuple(tensor for header in headers for tensor in header.tensors),
        size=sum(header.size for header in headers),
        parts=names,
    )


def read_part(path: str | os.PathLike[str]) -> Header:
    """The header of this one file.  Raises WeightsError.

    Remembered while the file's time, size and identity are the same: a vocabulary takes tens of milliseconds to skip,
    and a launch needs the header three times.
    """
    try:
        info = Path(path).stat()
    except (OSError, ValueError):
        return _read_part(path)  # which says what is wrong
    return _remembered(os.fspath(path), (info.st_mtime_ns, info.st_size, info.st_ino, info.st_mode))


@lru_cache(maxsize=64)
def _remembered(path: str, stamp: tuple[int, ...]) -> Header:
    return _read_part(path)


def _read_part(path: str | os.PathLike[str]) -> Header:
    """The header of this one file, whether it is a part or not.  Raises WeightsError."""
    name = os.fspath(path)
    with opened(name, ".gguf") as (descriptor, size):
        reader = _Reader(name, descriptor, size)
        version = _version(reader)
        tensor_count = reader.u64()
        value_count = reader.u64()
        if tensor_count > TENSOR_LIMIT or value_count > KEY_LIMIT:
            raise reader.broken(f"claims {tensor_count} tensors and {value_count} keys")
        values = _values(reader, value_count)
        tensors = tuple(_tensor(reader) for _ in range(tensor_count))
        _check_data(reader, values, tensors)
        return Header(path=name, version=version, values=MappingProxyType(values), tensors=tensors, size=size)


class _Reader:
    """A cursor over the beginning of a file, which is read as far as it is needed."""

    def __init__(self, name: str, descriptor: int, size: int) -> None:
        self.name = name
        self._descriptor = descriptor
        self.size = size
        self._data = bytearray()
        self._strings = 0
        self.at = 0

    def broken(self, what: str) -> WeightsError:
        return WeightsError(Trouble.BROKEN, f"the header of {self.name} {what}", AGAIN)

    def need(self, end: int) -> None:
        """Have everything before `end` read; says how much is missing if the file has less."""
        if end <= len(self._data):
            return
        if end > self.size:
            raise WeightsError(
                Trouble.TRUNCATED, f"{self.name} is cut off in its header: it ends after {self.size} bytes", AGAIN
            )
        if end > HEADER_LIMIT:
            raise self.broken(f"is longer than {HEADER_LIMIT >> 20} MiB")
        want = min(max(end, 2 * len(self._data), _CHUNK), self.size)
        while len(self._data) < want:
            try:
                chunk = os.pread(self._descriptor, min(want - len(self._data), _CHUNK), len(self._data))
            except OSError as exc:
                raise WeightsError(
                    Trouble.UNREADABLE, f"{self.name} cannot be read: {exc.strerror}", "check the disk"
                ) from exc
            if not chunk:
                raise WeightsError(Trouble.TRUNCATED, f"{self.name} became shorter while it was read", AGAIN)
            self._data += chunk

    def scalar(self, form: struct.Struct) -> int | float | bool:
        end = self.at + form.size
        self.need(end)
        value: int | float | bool = form.unpack_from(self._data, self.at)[0]
        self.at = end
        return value

    def u32(self) -> int:
        return int(self.scalar(_U32))

    def u64(self) -> int:
        return int(self.scalar(_U64))

    def raw(self, length: int) -> bytes:
        self.need(self.at + length)
        self.at += length
        return bytes(self._data[self.at - length : self.at])

    def text(self, limit: int) -> str | Skipped:
        """A string, or how long it is when it is longer than `limit` bytes."""
        length = self.u64()
        if length > limit:
            self.skip(length)
            return Skipped(length)
        return self.raw(length).decode(errors="replace")

    def name_of(self, what: str, limit: int) -> str:
        length = self.u64()
        if not 0 < length <= limit:
            raise self.broken(f"has a {what} of {length} bytes")
        return self.raw(length).decode(errors="replace")

    def skip(self, length: int) -> None:
        self.need(self.at + length)
        self.at += length

    def skip_strings(self, count: int) -> None:
        """Pass over strings: the one loop that runs hundreds of thousands of times, so it does nothing but add."""
        self._strings += count
        if self._strings > STRING_LIMIT:
            raise self.broken(f"claims an array of {count} strings")
        unpack = _U64.unpack_from
        data, at, first = self._data, self.at, 0
        while first < count:
            try:
                for number in range(first, count):
                    first = number
                    at += 8 + unpack(data, at)[0]
                break
            except (struct.error, OverflowError):  # beyond what was read, or beyond any file
                self.need(at + 8)
        self.need(at)
        self.at = at

    def array(self) -> Value:
        kind = self.u32()
        count = self.u64()
        if kind == _STRING:
            self.skip_strings(count)
            return Skipped(count)
        form = _SCALARS.get(kind)
        if form is None:
            raise self.broken(f"has an array of type {kind}")
        end = self.at + count * form.size
        if count > ARRAY_LIMIT:
            self.skip(count * form.size)
            return Skipped(count)
        self.need(end)
        found = struct.unpack_from(f"<{count}{form.format[1:]}", self._data, self.at)
        self.at = end
        return found


def _version(reader: _Reader) -> int:
    name = reader.name
    if reader.size < 4 or reader.raw(4) != b"GGUF":
        raise WeightsError(
            Trouble.WRONG_FORMAT, f"{name} is not a GGUF file", "name a .gguf file, or convert the model"
        )
    version = reader.u32()
    if version & 0xFFFF == 0 and version:
        raise WeightsError(Trouble.UNSUPPORTED, f"{name} is in big-endian byte order", "use a little-endian copy of it")
    if version not in (2, 3):
        raise WeightsError(
            Trouble.UNSUPPORTED, f"{name} is GGUF version {version}, known are 2 and 3", "convert the model again"
        )
    return version


def _values(reader: _Reader, count: int) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for _ in range(count):
        key = reader.name_of("key", 65_535)
        if key in values:
            raise reader.broken(f"has the key {key[:80]!r} twice")
        kind = reader.u32()
        if kind == _STRING:
            values[key] = reader.text(TEXT_LIMIT)
        elif kind == _ARRAY:
            values[key] = reader.array()
        elif form := _SCALARS.get(kind):
            values[key] = reader.scalar(form)
        else:
            raise reader.broken(f"gives {key[:80]!r} the type {kind}, which does not exist")
    return values


def _tensor(reader: _Reader) -> Tensor:
    name = reader.name_of("tensor name", 256)
    dimensions = reader.u32()
    if dimensions > DIMENSIONS:
        raise reader.broken(f"gives the tensor {name!r} {dimensions} dimensions")
    shape = tuple(reader.u64() for _ in range(dimensions))
    kind = reader.u32()
    offset = reader.u64()
    format = FORMATS.get(kind)
    if format is None:
        raise WeightsError(
            Trouble.UNSUPPORTED,
            f"the tensor {name!r} of {reader.name} has the number format {kind}, which is not known",
            "use another quantisation of the model",
        )
    elements = 1
    for count in shape:
        elements *= count
    if shape and shape[0] % format.block:
        raise reader.broken(f"gives the tensor {name!r} rows of {shape[0]} elements in blocks of {format.block}")
    return Tensor(name, shape, kind, offset, format.bytes(elements))


def _check_data(reader: _Reader, values: Mapping[str, Value], tensors: tuple[Tensor, ...]) -> None:
    """Say how many bytes are missing, if the file ends before its last tensor does."""
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment <= 0 or alignment & (alignment - 1):
        raise reader.broken("has an alignment that is no power of two")
    start = -(-reader.at // alignment) * alignment
    end = start + max((tensor.offset + tensor.size for tensor in tensors), default=0)
    if tensors and end > reader.size:
        missing = end - reader.size
        raise WeightsError(
            Trouble.TRUNCATED,
            f"{reader.name} is cut off: {missing} of {end} bytes are missing",
            "the download did not finish; download it again",
        )
