"""How much memory an instance needs, who says so, and where it was given.  Bytes throughout."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from glowplug.domain.hardware import HOST


class Source(StrEnum):
    """The rungs of the ladder, best first: who says what an instance needs."""

    LEARNED = "learned"
    """Measured in earlier runs of the same files, arguments, build and device."""
    ENGINE = "engine"
    """The engine's own estimator."""
    HEADER = "header"
    """Arithmetic over the header of the weights."""
    POLICY = "policy"
    """The engine takes what it is told to take (vLLM's and SGLang's share)."""
    DECLARED = "declared"
    """`memory:` in the configuration."""
    SIZE = "size"
    """The files' size x 1.2 + 0.6 GiB."""
    NOTHING = "nothing"
    """Nobody knows; admitted as if it needed nothing, and measured."""


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """What one instance needs, before anybody decided where.  `device` + `host` is the whole."""

    device: int = 0
    """On accelerators, all of them together; on a machine without any it is needed of the host as well."""
    host: int = 0
    """Of the machine's own memory, weights that are mapped from a file included."""
    error: float = 0.2
    """The error bar as a share of the whole: 0.1 says that ±10 % are likely."""
    source: Source = Source.NOTHING
    shards: int = 0
    """How many accelerators the device part is divided over in equal shares, where the engine was told so (tensor
    parallelism); 0: as it fits."""
    parts: dict[str, int] = {}
    """`weights`, `kv`, `compute`, `context`, `projector`, `draft` …: what the device part is made of, for people."""
    detail: str = ""
    """How it was found, in words: `3 runs, newest 2026-11-02`, `declared in the configuration`."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an instance runs: bytes by device id.  What is not named here it may not use."""

    claim: dict[str, int] = {}
    """Reserved bytes by device id, margin included."""
    totals: dict[str, int] = {}
    """All the memory of each claimed device, for engines that take a share of it."""
    free: dict[str, int] = {}
    """What was free on each claimed accelerator when this was decided, where it is known: for engines that take a share
    of that (SGLang)."""
    indexes: dict[str, int] = {}
    """The vendor's number of each claimed accelerator (see `Device.index`)."""
    kind: str = ""
    """The accelerators' kind (`nvidia`, `amd`), or empty for none."""

    @property
    def accelerators(self) -> tuple[str, ...]:
        """The claimed accelerators, in order."""
        return tuple(id for id in self.claim if id != HOST)
