"""When a target or a credential is left alone: pure, times in monotonic seconds.

A breaker is closed (everything passes), open (nothing passes until a moment), or half open (that moment has passed: one
request at a time may try).  It opens after failures in a row or at a rate, longer each time it opens again without a
success between, and closes with the first success of a try.
"""

from __future__ import annotations

from typing import Final

IN_A_ROW: Final = 5
"""Failures without a success between."""
RATE: Final = 0.5
LEAST: Final = 10
"""Answers in a window before their rate says anything."""
WINDOW: Final = 30.0
"""Seconds."""
FIRST: Final = 1.0
"""Seconds it is open the first time; doubled each time after."""
MOST: Final = 60.0
HONOURED: Final = 300.0
"""The longest a `Retry-After` is honoured: somebody else's clock must not take a target away for a day."""
SHORTEST: Final = 0.5
"""Seconds a target rests after it asked for a pause, however short: some say `Retry-After: 0`."""
JITTER: Final = 0.1
"""Share of a wait that is added by chance, so that not everybody comes back in the same moment."""

_LONG_AGO: Final = float("-inf")


class Breaker:
    """The state of one target, or of one credential.  `draw` is a random number of 0..1."""

    __slots__ = ("_answers", "_failures", "_probe", "_row", "_since", "_times", "limited", "until")

    def __init__(self) -> None:
        self.until = 0.0
        """While it is not closed: when the next try may be made; 0.0 when it is closed."""
        self.limited = False
        """It is open because the upstream asked for fewer requests, not because it is broken."""
        self._probe = False
        self._times = 0
        self._row = self._failures = self._answers = 0
        self._since = _LONG_AGO

    def cools(self, now: float) -> bool:
        """Whether nothing may be sent now."""
        return self.until > 0.0 and (self._probe or now < self.until)

    def wait(self, now: float) -> float:
        """Seconds until something may be sent, as far as is known; 0.0 when it may."""
        return max(self.until - now, 0.0) if self.until else 0.0

    @property
    def trying(self) -> bool:
        """Whether a request tries it at this moment."""
        return self._probe

    def begin(self, now: float) -> bool:
        """A request is sent.  True: it is the one that tries, and `probed` must be told how it ended."""
        if not self.until or self._probe or now < self.until:
            return False
        self._probe = True
        return True

    def leave(self) -> None:
        """The try ended without telling anything (its client left)."""
        self._probe = False

    def succeeded(self, now: float, *, probe: bool) -> None:
        """An answer came.  One of a request that was under way when the breaker opened does not close it."""
        if probe:
            self._close()
        elif not self.until:
            self._row = 0
            if self._failures:
                self._roll(now)
                self._answers += 1

    def failed(self, now: float, draw: float, *, probe: bool) -> None:
        """An attempt failed in a way that speaks against the target."""
        if probe:
            self._open(now, draw)
            return
        if self.until:  # sent before it opened: it says nothing new
            return
        self._roll(now)
        self._row += 1
        self._failures += 1
        self._answers += 1
        if self._row >= IN_A_ROW or (self._answers >= LEAST and self._failures >= RATE * self._answers):
            self._open(now, draw)

    def trip(self, now: float, draw: float, seconds: float | None, *, probe: bool, limited: bool) -> None:
        """Open at once: for `seconds` where the upstream said how long (capped), else as long as its turn is."""
        if probe:
            self._probe = False
        if seconds is None:
            if not self.until or probe:
                self._open(now, draw)
                self.limited = limited
            return
        until = now + min(max(seconds, SHORTEST), HONOURED) * (1.0 + JITTER * draw)
        if until > self.until:
            self.until = until
            self.limited = limited

    @property
    def clean(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self.until or self._row or self._answers or self._times)

    def forget(self, now: float) -> None:
        """Failures that are long past do not count any more."""
        if not self.until and now - self._since > WINDOW:
            self._close()

    def _roll(self, now: float) -> None:
        if now - self._since > WINDOW:
            self._since = now
            self._failures = self._answers = 0

    def _open(self, now: float, draw: float) -> None:
        seconds = min(FIRST * 2.0 ** min(self._times, 16), MOST) * (1.0 + JITTER * draw)
        self._times += 1
        self.until = now + seconds
        self._probe = self.limited = False

    def _close(self) -> None:
        self.until = 0.0
        self._since = _LONG_AGO
        self._probe = self.limited = False
        self._times = self._row = self._failures = self._answers = 0
