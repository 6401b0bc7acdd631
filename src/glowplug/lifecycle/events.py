"""What can happen to an instance, and what its machine may ask for: the two vocabularies of `lifecycle.machine`.

Times are seconds on the monotonic clock; the moment of an event is given beside it (`Machine.handle(now, event)`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from glowplug.domain.instance import Failure
from glowplug.engines.base import Readiness


@dataclass(frozen=True, slots=True)
class Policy:
    """The part of a model's configuration that its machine decides with.  Times in seconds."""

    digest: str
    """Identity of the command line and environment; a running engine with another one does not fit."""
    keep_alive: float = 300.0
    load_stall: float = 60.0
    load_ceiling: float = 600.0
    stop_timeout: float = 10.0
    fixed_port: bool = False
    sleeps: bool = False
    """Let it fall asleep instead of stopping it, when it is idle or has to make room."""
    asleep_for: float = 3600.0
    """An engine that nobody woke for this long is stopped."""


class StopReason(StrEnum):
    """Why an instance is being stopped; it decides whether a new request may call the stop off."""

    IDLE = "idle"
    ASKED = "asked"
    RECONFIGURED = "reconfigured"
    ABANDONED = "abandoned"
    UNFIT = "unfit"
    FAILED = "failed"
    EVICTED = "evicted"
    """Another model needs its memory."""


# ---- events


@dataclass(frozen=True, slots=True)
class Ensure:
    """Make it ready.  `waiting` requests of `worker` wait (0: warm it); `explicit`: a person asked, back-off ends."""

    worker: str = ""
    waiting: int = 0
    explicit: bool = False
    stamp: str = ""
    """Identity of the files a launch would use (see `lifecycle.digest.file_stamp`)."""
    priority: int = 0
    """Of the keys whose requests ask."""
    evict: bool = True
    """Whether others may be unloaded for it."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """It has been given memory."""


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """It cannot have memory: nothing was started, and nothing is broken."""

    failure: Failure
    retry_at: float
    """Monotonic moment before which asking again makes no sense; `inf`: not before something changes."""


@dataclass(frozen=True, slots=True)
class EvictAsked:
    """Another model, or another program, needs its memory."""

    why: str


@dataclass(frozen=True, slots=True)
class FellAsleep:
    """Result of `Sleep`: its memory is back but for the residual, or `why` not."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Woken:
    """Result of `Wake`: it was asked to wake up (readiness is probed), or `failure`."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What the engine says of a load that became ready; `failure`: it may not be used like this."""

    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class WaitersChanged:
    worker: str
    waiting: int


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    """`held`: None when the worker holds no grant of this instance, else whether leases are active."""

    worker: str
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class WorkerLeft:
    """The worker's process is gone: it waits for nothing and holds nothing."""

    worker: str


@dataclass(frozen=True, slots=True)
class Launched:
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """Nothing was started."""

    failure: Failure
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A process of an earlier control process runs; `fits` when it is what the configuration asks for."""

    fits: bool
    asleep: bool = False


@dataclass(frozen=True, slots=True)
class Probed:
    readiness: Readiness
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProgressSeen:
    stage: str = ""
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Exited:
    """The leader of the process group ended; `failure` is what its exit code and last lines say."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Survivors:
    """Processes of the group that are still there; none: only its memory is not back."""

    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupGone:
    pass


@dataclass(frozen=True, slots=True)
class LeaseReport:
    """A worker's leases on the instance went 0→1 (`busy`) or 1→0."""

    worker: str
    busy: bool
    keep_alive: float | None = None
    """Seconds the last request that ended wants it kept; None: as configured."""


@dataclass(frozen=True, slots=True)
class Drained:
    worker: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A person or a removed configuration wants it stopped; `force` does not wait for leases."""

    force: bool = False
    why: str = "it was stopped by an administrator"


@dataclass(frozen=True, slots=True)
class Reconfigured:
    policy: Policy


@dataclass(frozen=True, slots=True)
class Suspected:
    """A worker had trouble with a granted instance."""

    why: str


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of `CheckAlive`; `failure` when it answered none of the probes."""

    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: deadlines are looked at."""


Event = (
    Ensure | Admitted | NotAdmitted | EvictAsked | FellAsleep | Woken | Reported | WaitersChanged
    | WorkerJoined | WorkerLeft | Launched | LaunchFailed | Adopted | Probed | ProgressSeen | Exited | Survivors
    | GroupGone | LeaseReport | Drained | StopAsked | Reconfigured | Suspected | Checked | Tick
)  # fmt: skip


# ---- effects


@dataclass(frozen=True, slots=True)
class Admit:
    """Ask for memory, or say again how urgently; answered with `Admitted` or `NotAdmitted`, sooner or later."""


@dataclass(frozen=True, slots=True)
class Withdraw:
    """It wants no memory any more."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let the engine give its memory back and report `FellAsleep`."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Let the engine take its memory again and report `Woken`."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Start the process and report `Launched` or `LaunchFailed`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Probe readiness until told otherwise by the state."""


@dataclass(frozen=True, slots=True)
class Grant:
    worker: str


@dataclass(frozen=True, slots=True)
class Revoke:
    worker: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """SIGTERM to the process group."""


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to everything that belongs to the instance."""


@dataclass(frozen=True, slots=True)
class WatchRelease:
    """Report `GroupGone` or `Survivors` until the group is gone."""


@dataclass(frozen=True, slots=True)
class CheckAlive:
    """Probe the health a few times and report `Checked`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """It became ready after `seconds`; remember that for the next estimate."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AnnounceProgress:
    pass


@dataclass(frozen=True, slots=True)
class AnnounceFailure:
    """Tell whoever waits.  `retry_at`: monotonic seconds before which no start is tried; `inf`: not by itself."""

    failure: Failure
    retry_at: float


@dataclass(frozen=True, slots=True)
class Forget:
    """The process group is gone: drop the record and let go of the process."""


Effect = (
    Admit | Withdraw | Sleep | Wake | Launch | Probe | Grant | Revoke | Terminate | Kill | WatchRelease | CheckAlive
    | Loaded | AnnounceProgress | AnnounceFailure | Forget
)  # fmt: skip
