"""What one run of an engine is seen to hold: when it became ready, at most, and what it did not give back.  Bytes."""

from __future__ import annotations

from collections.abc import Mapping, Set

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.hardware import HOST, Reading
from glowplug.lifecycle import accounting
from glowplug.lifecycle.learned import Run

SLACK = 1.03
"""What a claim keeps above what was measured: drivers round, and a first long prompt takes a little more."""

MORE = 1.25
"""By how much more is asked for after an attempt that found the memory full."""


class Measure:
    """Of one run.  `ready` and `peak`: bytes by device, the host's included."""

    def __init__(self) -> None:
        self.ready: dict[str, int] = {}
        self.peak: dict[str, int] = {}
        self.pids: frozenset[int] = frozenset()
        self.private = 0
        """Host memory without what is mapped from files, when it was looked at last."""
        self._before: dict[str, int | None] = {}

    def begin(self, reading: Reading) -> None:
        """Before anything is started."""
        self._before = {device.id: accounting.unaccounted(device) for device in reading.devices}

    def seen(
        self,
        reading: Reading,
        pids: Set[int],
        resident: int | None,
        private: int,
        told: Mapping[str, int] | None = None,
    ) -> dict[str, int]:
        """Look once; what it holds now.  Keeps the most of each device.  `told`: what it says itself, where its
        processes do not tell."""
        self.pids, self.private = self.pids | pids, private
        held = accounting.held_by(reading, pids) | dict(told or {})
        if resident:
            held[HOST] = resident
        for id, bytes_ in held.items():
            self.peak[id] = max(bytes_, self.peak.get(id, 0))
        return held

    def missing(self, reading: Reading) -> dict[str, int]:
        """What it has not given back although its processes are gone, by device."""
        held = {id: bytes_ for id, bytes_ in self.peak.items() if id != HOST}
        return accounting.missing(self._before, reading, self.pids, held)

    def run(self, key: str, footprint: Footprint, at: float, seconds: float) -> Run:
        """What is remembered of it."""
        return Run(
            key=key,
            at=round(at, 1),
            estimate_device=footprint.device,
            estimate_host=footprint.host,
            source=footprint.source,
            ready_device=_device(self.ready),
            ready_host=self.ready.get(HOST),
            peak_device=_device(self.peak),
            peak_host=self.peak.get(HOST),
            seconds=round(seconds, 3),
        )


def shortage(
    key: str, at: float, footprint: Footprint, claim: Mapping[str, int], peak: Mapping[str, int], most: int
) -> Run:
    """What is remembered of an attempt that found the memory full: the next one asks for more, never for more than
    `most` (see `placement.most`), for it may be that others took what it had been given."""
    held = {id: max(bytes_, peak.get(id, 0)) for id, bytes_ in claim.items()}
    device = _device(held)
    host = held.get(HOST)
    if device is not None:
        device = max(min(int(device * MORE), most), device)
    elif host is not None:
        host = max(min(int(host * MORE), most), host)
    return Run(
        key=key,
        at=round(at, 1),
        estimate_device=footprint.device,
        estimate_host=footprint.host,
        source=footprint.source,
        ready_device=None,
        ready_host=None,
        peak_device=device,
        peak_host=host,
        short=True,
    )


def _device(held: Mapping[str, int]) -> int | None:
    sizes = [bytes_ for id, bytes_ in held.items() if id != HOST]
    return sum(sizes) if sizes else None


def settled(claim: Mapping[str, int], peak: Mapping[str, int], footprint: Footprint) -> dict[str, int]:
    """The claim of a run that was measured: what it holds and a little more, on accelerators.

    Of the host it is only raised: weights that are mapped from a file become resident as they are used.  An engine that
    takes what it is told to take keeps what it was told.  One of which nothing was known, and which was given
    nothing, is given what it holds.
    """
    if not claim:
        return {id: int(bytes_ * SLACK) for id, bytes_ in peak.items() if bytes_}
    after = dict(claim)
    for id in claim:
        bytes_ = int(peak.get(id, 0) * SLACK)
        if id == HOST:
            after[id] = max(claim[id], peak.get(id, 0))
        elif bytes_ and (footprint.source is not Source.POLICY or bytes_ > claim[id]):
            after[id] = bytes_
    return after
