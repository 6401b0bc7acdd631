"""An instance: one running engine process serving a model; it has exactly one state."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """`stopped → queued → starting → loading → ready ⇄ busy → draining → stopping → releasing → stopped`; `failed`."""

    STOPPED = "stopped"
    QUEUED = "queued"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    DRAINING = "draining"
    STOPPING = "stopping"
    RELEASING = "releasing"
    ASLEEP = "asleep"
    FAILED = "failed"

    @property
    def alive(self) -> bool:
        """A process exists (or may still exist) in this state."""
        return self not in (State.STOPPED, State.QUEUED, State.FAILED)


class FailureKind(StrEnum):
    """Why a start or a running engine failed; each has its own remedy."""

    CRASH = "crash"
    HANG = "hang"
    MISSING_FILE = "missing_file"
    MISSING_PROGRAM = "missing_program"
    BAD_FLAG = "bad_flag"
    PORT_TAKEN = "port_taken"
    OUT_OF_MEMORY = "out_of_memory"
    BAD_MODEL = "bad_model"
    TOO_LARGE = "too_large"
    """It would not fit with everything else unloaded."""
    NO_ROOM = "no_room"
    """It does not fit now, and what is in the way may not be unloaded for this request."""
    DRIVER_LOST = "driver_lost"
    """The device or its driver is not there any more (suspend, reset, update)."""
    CPU_FALLBACK = "cpu_fallback"
    """It loaded without the device it was given."""
    STOPPED = "stopped"
    """Somebody stopped it while requests waited: nothing is broken."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong with an instance, in words a client can be shown."""

    kind: FailureKind
    message: str
    """One sentence: what happened to what."""
    hint: str = ""
    log_tail: tuple[str, ...] = ()
    """The engine's last log lines, oldest first."""
    until: float = 0.0
    """Unix seconds before which no new start is tried; 0 when the next request may try."""
    permanent: bool = False
    """No request starts it again before the configuration or a file it uses changes (a person's start does)."""

    def again_now(self, now: float) -> bool:
        """Whether a request may start it again at once (`now` in unix seconds): it had worked and ended unasked."""
        return self.kind not in _NOT_BROKEN and not self.permanent and self.until <= now


_NOT_BROKEN = (FailureKind.STOPPED, FailureKind.NO_ROOM, FailureKind.TOO_LARGE)
"""Asking again at once would get the same answer."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a granted instance listens and with which key.  Never leaves this machine or the link socket."""

    instance: str
    model: str
    host: str
    port: int
    key: str
    prefix: str = "/v1"
    """What its API's paths begin with."""


class InstanceView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `glowplug ps` and of `GET /admin/instances`."""

    model: str
    engine: str
    state: State
    instance: str = ""
    pid: int | None = None
    port: int | None = None
    since: float = 0.0
    """Unix seconds when this state began."""
    leases: int = 0
    """Workers that are using it now (each worker counts its own requests)."""
    waiting: int = 0
    """Requests that wait for it to become ready."""
    keep_alive: float | None = 0.0
    """Seconds that it is kept without requests; None: for ever."""
    idle_until: float | None = None
    """Unix seconds when it will be stopped if nothing happens; None while busy or when kept for ever."""
    memory: int | None = None
    """Resident bytes of the process group, or None when unknown."""
    load_seconds: float | None = None
    """How long the last load took."""
    loading: float | None = None
    """0..1 while loading, when known."""
    failure: Failure | None = None
    claim: dict[str, int] = {}
    """Bytes reserved for it, by device."""
    measured: dict[str, int] = {}
    """Bytes it was seen to hold when it became ready, by device."""
    peak: dict[str, int] = {}
    """The most it was seen to hold, by device."""
    queue_position: int | None = None
    """1 for the next to be given memory; None when it does not queue."""
    why: str = ""
    """What it waits for, or what is odd about it (a context that was shrunk, layers on the CPU)."""
    launcher: str = ""
    unit: str = ""
    """The systemd unit or container it runs in."""
    leaving: str = ""
    """While it is on its way out: `idle`, `evicted` (another needs its memory), `asked`, `reconfigured`, `failed` …"""
    pinned: bool = False
    """Never unloaded to make room for another."""
