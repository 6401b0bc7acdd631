"""What loading a model would do, who holds which memory, and memory that is lent to other programs.

Bytes by device id; moments in Unix seconds; lengths of time in seconds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.instance import Failure, State


class Verdict(StrEnum):
    """What would become of a load that is asked for now."""

    READY = "ready"
    """It is loaded, or loading."""
    FITS = "fits"
    """There is room beside what is loaded."""
    AFTER_EVICTING = "after_evicting"
    """There is room once others are unloaded, and they may be."""
    WAITS = "waits"
    """There would be room, and what is in the way may not be unloaded yet."""
    NEVER = "never"
    """It would not fit with everything else unloaded, or may not be loaded here at all."""


class EvictionView(msgspec.Struct, frozen=True, kw_only=True):
    """A model that would be unloaded to make room."""

    model: str
    why: str
    """Why this one, in words: `idle for 4m, loads again in 6 s`."""
    frees: dict[str, int] = {}
    state: State = State.READY
    reload_seconds: float | None = None
    """How long its last load took; None when it is not known."""


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the memory of one device now.  None: unknown, which is not 0."""

    id: str
    name: str = ""
    total: int | None = None
    used: int | None = None
    """In use by anybody, as its driver shows it."""
    ours: dict[str, int] = {}
    """Claimed, by the name of the model."""
    others: int | None = None
    """Held by programs that are not ours."""
    other_names: tuple[str, ...] = ()
    leases: dict[str, int] = {}
    """Lent to other programs, by the id of the lease."""
    reserve: int = 0
    """Kept free (`memory.reserve`)."""
    free: int | None = None
    """What a model could be given now: the reserve and all claims are taken off."""
    problem: str = ""
    """Why something is unknown, for people."""

    @property
    def most(self) -> int | None:
        """The most that models could ever be given."""
        return None if self.total is None else max(self.total - self.reserve, 0)


class MemoryView(msgspec.Struct, frozen=True, kw_only=True):
    """All devices; the answer of `GET /admin/memory`."""

    data: tuple[DeviceView, ...] = ()
    problems: tuple[str, ...] = ()
    """What could not be read at all."""


class PlanView(msgspec.Struct, frozen=True, kw_only=True):
    """What a load would do; the answer of `GET /admin/plan/{model}`."""

    model: str
    """Empty where the plan is for a lease."""
    verdict: Verdict
    why: str
    """One sentence with the numbers."""
    claim: dict[str, int] = {}
    """What would be reserved, by device."""
    footprint: Footprint = Footprint()
    evict: tuple[EvictionView, ...] = ()
    eta_s: float | None = None
    """Until it is ready, from earlier loads; None when nothing is known."""
    queue_position: int | None = None
    """1 for the next to be given memory; None when it does not queue."""
    devices: tuple[DeviceView, ...] = ()
    failure: Failure | None = None
    """The last failure, as long as it stands: no request starts it before that is over, whatever its memory."""
    estimate_error: float | None = None
    """By how much estimates of this model were off in the middle, as a share; None before one was measured."""


class RunView(msgspec.Struct, frozen=True, kw_only=True):
    """One load of a model: what was expected and what it took.  Bytes; `device` is all accelerators together."""

    at: float
    """Unix seconds when it became ready."""
    estimate_device: int
    estimate_host: int
    source: Source
    """Who estimated."""
    measured_device: int | None
    """The most it was seen to hold; None where nothing was measured."""
    measured_host: int | None
    error: float | None
    """By how much the estimate was off, as a share of what was measured: 0.1 for 10 % too much."""
    seconds: float
    """How long it took to load."""
    short: bool
    """It found the memory full and ended."""


class LeaseState(StrEnum):
    WAITING = "waiting"
    """Models are being unloaded for it."""
    HELD = "held"


class LeaseView(msgspec.Struct, frozen=True, kw_only=True):
    """Memory that is kept for a program that is not ours."""

    id: str
    device: str
    """Empty while it is not decided."""
    bytes: int
    note: str = ""
    """What it is for, in the words of who asked."""
    since: float = 0.0
    """When it was asked for."""
    until: float | None = None
    """When it ends by itself; None while it waits."""
    state: LeaseState = LeaseState.HELD
