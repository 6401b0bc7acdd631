"""Footprints that were measured: what earlier runs of a model really took.

instances/<model>.runs     JSON list of `Run`, newest last

A run counts for the next one only while the key is the same: the files, the arguments, the engine's build, the device.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec

from glowplug.domain.footprint import Footprint, Source
from glowplug.lifecycle.records import file_name, write_whole

log = logging.getLogger(__name__)

KEPT = 20
COUNTED = 5
"""Runs of one key that are looked at."""
EDGE = 64 << 10
"""Bytes at both ends of a file that stand for it: the header, and the end that a download that stopped does not
have."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One load, as it went.  Bytes; `device`: on accelerators together, `host`: of the machine's own memory."""

    key: str
    at: float
    """Unix seconds when it became ready."""
    estimate_device: int
    estimate_host: int
    source: Source
    ready_device: int | None
    """None where the driver does not say."""
    ready_host: int | None
    peak_device: int | None = None
    peak_host: int | None = None
    seconds: float = 0.0
    """How long it took to load."""
    short: bool = False
    """It found the memory full and ended: nothing was measured, and `peak_device` or `peak_host` is what the next
    attempt asks for."""

    @property
    def device(self) -> int | None:
        """The most it was seen to hold on accelerators."""
        seen = [size for size in (self.ready_device, self.peak_device) if size is not None]
        return max(seen, default=None)

    @property
    def host(self) -> int | None:
        seen = [size for size in (self.ready_host, self.peak_host) if size is not None]
        return max(seen, default=None)

    def grown_to(self, seen: Run) -> Run:
        """This run with the peaks of `seen` where they are higher."""
        return msgspec.structs.replace(
            self,
            peak_device=_most(self.peak_device, seen.peak_device),
            peak_host=_most(self.peak_host, seen.peak_host),
        )

    def outgrew(self, before: Run) -> bool:
        """By more than a sixteenth: a file need not be written for less."""
        pairs = ((self.device or 0, before.device or 0), (self.host or 0, before.host or 0))
        return any(now * 16 > then * 17 for now, then in pairs)

    @property
    def error(self) -> float | None:
        """By how much the estimate was off, as a share of what was measured: 0.1 for 10 % too much."""
        measured = None if self.short else self.device or self.host
        # Without an accelerator the host holds what was meant for one.
        estimate = self.estimate_device + (0 if self.device else self.estimate_host)
        return None if not measured else (estimate - measured) / measured


def _most(one: int | None, other: int | None) -> int | None:
    return max((size for size in (one, other) if size is not None), default=None)


def file_digest(path: Path) -> str:
    """Identity of a file's content, from its size and both ends: cheap for any size, and the same after a move."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            start = file.read(EDGE)
            file.seek(max(size - EDGE, 0))
            end = file.read(EDGE)
    except OSError:
        return "-"
    return sha256(b"%d:" % size + start + end).hexdigest()[:32]


def key_of(command: str, files: Sequence[str], build: str, devices: Sequence[str]) -> str:
    """What has to be the same for an earlier run to tell about the next one."""
    return sha256(msgspec.json.encode([command, sorted(files), build, sorted(devices)])).hexdigest()[:32]


def footprint(runs: Sequence[Run], key: str, *, accelerators: bool = False) -> Footprint | None:
    """What the last runs under `key` say, or None when there was none that could be measured.

    Of an engine that takes what it is told to take nothing can be learned, and nothing of a run that was meant for
    `accelerators` whose drivers did not say what it held there.
    """

    def tells(run: Run) -> bool:
        if run.key != key or run.short or run.source is Source.POLICY:
            return False
        if run.device is None and accelerators and run.estimate_device:
            return False
        return run.device is not None or run.host is not None

    known = [run for run in runs if tells(run)][-COUNTED:]
    if not known:
        return None
    devices = [run.device or 0 for run in known]
    hosts = [run.host or 0 for run in known]
    # One run may have been an odd one; each further run that agrees makes the bar shorter.
    spread = max((max(sizes) - min(sizes)) / max(*sizes, 1) for sizes in (devices, hosts))
    return Footprint(
        device=max(devices),
        host=max(hosts),
        error=max(0.10 / len(known), min(spread, 0.5), 0.02),
        source=Source.LEARNED,
        detail=f"{len(known)} run{'s' if len(known) > 1 else ''}",
    )


def raised(found: Footprint, runs: Sequence[Run], key: str) -> Footprint:
    """A footprint after an attempt that found the memory full, until one succeeds: what is asked for then."""
    last = next((run for run in reversed(runs) if run.key == key), None)
    if last is None or not last.short:
        return found
    return msgspec.structs.replace(
        found,
        device=max(found.device, last.device or 0),
        host=max(found.host, last.host or 0),
        error=0.0,
        detail=f"more than at the last attempt, which found the memory full; before: {found.detail or found.source}",
    )


def _nothing() -> None:
    """Nothing was written."""


class RunBook:
    """The runs of all models, one file each (`Paths.instances`)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def runs(self, model: str) -> list[Run]:
        """The last runs of a model, oldest first; none when there is no readable file."""
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode(self._path(model).read_bytes(), type=list[Run])
        return []

    def add(self, model: str, run: Run) -> None:
        """Remember a run."""
        self._write(model, [*self.runs(model), run][-KEPT:])

    def update(self, model: str, run: Run) -> None:
        """Put `run` in the place of the last one, which it continues."""
        self._write(model, [*self.runs(model)[:-1], run])

    def copy(self, old: str, new: str) -> Callable[[], None]:
        """Let a model that has another name now begin with what is known of it; what comes back takes that back."""
        known, path = self.runs(old), self._path(new)
        if not known:
            return _nothing
        before = path.read_bytes() if path.exists() else None
        self._write(new, known)
        return partial(path.unlink, missing_ok=True) if before is None else partial(write_whole, path, before)

    def _write(self, model: str, runs: list[Run]) -> None:
        write_whole(self._path(model), msgspec.json.encode(runs))

    def _path(self, model: str) -> Path:
        return self._directory / f"{file_name(model)}.runs"
