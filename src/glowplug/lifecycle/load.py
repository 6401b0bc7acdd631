"""One load being watched: is it getting anywhere, does anybody still want it, is it the right server."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from glowplug.domain.instance import Failure, FailureKind
from glowplug.lifecycle.events import Policy

GRACE = 10.0
"""How long a load that nobody waits for any more is kept, and an engine that somebody asked for stays at least, so that
the request (or, after an adoption, the workers) can arrive."""
WRONG_FOR = 2.0
"""A stranger on the port is believed after this long; until then our own process may still win or give up."""
CANCEL_MEMORY = 600.0
"""A load that was cancelled for lack of waiters within this time is not cancelled a second time in a row."""


class Verdict(Enum):
    """What became of a load that its waiters left."""

    KEEP = "keep"
    CANCEL = "cancel"


@dataclass(slots=True)
class Load:
    """Times in monotonic seconds."""

    started: float = 0.0
    progress_at: float = 0.0
    stage: str = ""
    fraction: float | None = None
    adopted: bool = False
    waking: bool = False
    """From sleep: how long that takes says nothing about a load, and its memory nothing of how far it is."""
    kept: bool = False
    """Nobody waits for it any more, and it is worth finishing unless somebody else needs the memory."""
    abandoned_at: float | None = None
    wrong_since: float | None = None
    heard: bool = False
    """Something listens on its port."""

    def deadline(self, policy: Policy) -> float:
        """When `verdict` has something new to say at the earliest."""
        moments = [self.progress_at + policy.load_stall, self.started + policy.load_ceiling]
        if self.abandoned_at is not None:
            moments.append(self.abandoned_at + GRACE)
        return min(moments)

    def verdict(
        self, now: float, policy: Policy, expected: float | None, cancelled_at: float
    ) -> Failure | Verdict | None:
        """A failure (stall, ceiling), what to do with an abandoned load, or None to go on waiting."""
        elapsed, silent = now - self.started, now - self.progress_at
        if now >= self.started + policy.load_ceiling:
            return Failure(
                kind=FailureKind.HANG,
                message=f"it was not ready after {elapsed:.0f} s",
                hint="see its log; if it only needs longer, raise load_ceiling",
            )
        if now >= self.progress_at + policy.load_stall:
            where = "" if self.heard else ", and nothing listens on the port it was given"
            elsewhere = "" if self.heard else ": it may have taken another port"
            return Failure(
                kind=FailureKind.HANG,
                message=f"it made no progress for {silent:.0f} s while loading{where}",
                hint=f"see its log{elsewhere}; if silence is normal for it, raise load_stall",
            )
        if self.abandoned_at is not None and now >= self.abandoned_at + GRACE:
            return Verdict.KEEP if self._worth_finishing(now, expected, cancelled_at) else Verdict.CANCEL
        return None

    def _worth_finishing(self, now: float, expected: float | None, cancelled_at: float) -> bool:
        """Beyond half of the usual time; of unknown length; or cancelled before: demand that comes back is demand, and
        clients with short timeouts would else never see a load finish."""
        if expected is None or now - cancelled_at < CANCEL_MEMORY:
            return True
        return now - self.started > expected / 2 or (self.fraction or 0.0) > 0.5

    def stranger(self, now: float, detail: str) -> Failure | None:
        """Note that something else answered; the failure once that has lasted."""
        if self.wrong_since is None:
            self.wrong_since = now
        if now - self.wrong_since < WRONG_FOR:
            return None
        return Failure(
            kind=FailureKind.PORT_TAKEN,
            message=f"something else answers on the engine's port: {detail}",
            hint="choose another port for the model, or none",
        )


@dataclass(slots=True)
class Removal:
    """An instance being taken down: when to kill it, when to say that it does not die."""

    kill_at: float | None = None
    report_at: float | None = None
    left_over: tuple[int, ...] = ()
    stuck: bool = False
    """It survived SIGKILL and is still there."""

    def deadline(self) -> float:
        return min((at for at in (self.kill_at, self.report_at) if at is not None), default=math.inf)

    def unkillable(self) -> Failure:
        named = ", ".join(str(pid) for pid in self.left_over) or "its leader"
        return Failure(
            kind=FailureKind.HANG,
            message=f"processes of the engine survived SIGKILL: {named}",
            hint="they wait inside the kernel (a driver, a dead disk); a reboot may be needed",
        )
