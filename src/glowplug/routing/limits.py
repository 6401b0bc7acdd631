"""Requests per minute as a generic cell rate algorithm (ITU-T I.371): one float a limiter, no windows to reset."""

from __future__ import annotations


class RateLimit:
    """Lets `rpm` requests through a minute, in a burst of up to `rpm`.

    `take(now)` is 0.0 when the request may pass (and counts it), else the seconds until one may.
    """

    __slots__ = ("_due", "_step", "_window", "rpm")

    def __init__(self, rpm: int) -> None:
        self.rpm = rpm
        self._step = 60.0 / rpm if rpm > 0 else 0.0
        self._window = 60.0 - self._step
        self._due = 0.0

    def wait(self, now: float) -> float:
        """Seconds until a request may pass; 0.0 = now.  Counts nothing.  `now` in monotonic seconds."""
        if self.rpm <= 0:
            return 60.0
        over = self._due - now - self._window
        # A rounding error of nanoseconds must not turn the last request of a full burst away.
        return over if over > 1e-6 else 0.0

    def take(self, now: float) -> float:
        """As `wait`, but a request that may pass is counted."""
        due = self._due
        if due <= now:  # the usual case: nothing is owed
            if self.rpm <= 0:
                return 60.0
            self._due = now + self._step
            return 0.0
        over = self.wait(now)
        if over == 0.0:
            self._due = due + self._step
        return over
