"""How many extra attempts one worker makes: a share of its requests, so that retries do not bury what fails.

What counts: every attempt of a request after its second one, whoever it goes to, because the next target is usually
somebody's last resort too.  What does not: leaving the first target for another one.  That target gets no request it
would not get if the first one had never been listed, and a target that fails is left alone by its breaker before long;
a burst of failures at one place must cost nobody an answer that another place has.
"""

from __future__ import annotations

from collections import deque
from typing import Final

RATIO: Final = 0.2
WINDOW: Final = 10.0
FLOOR: Final = 10
_EVERY: Final = 0.25


class RetryBudget:
    """At most `floor + ratio * requests` extra attempts within any `window` seconds.

    `total` is how many requests there have been since the start; it is sampled, so that requests themselves are not
    slowed down by being counted here.  `now` in monotonic seconds, never going back.
    """

    __slots__ = ("_floor", "_ratio", "_samples", "_spent", "_window")

    def __init__(self, ratio: float = RATIO, window: float = WINDOW, floor: int = FLOOR) -> None:
        self._ratio = ratio
        self._window = window
        self._floor = floor
        self._samples: deque[tuple[float, int]] = deque()
        self._spent: deque[float] = deque()

    def sample(self, now: float, total: int) -> None:
        """Note how many requests there have been; called now and then."""
        samples = self._samples
        if not samples or now - samples[-1][0] >= _EVERY:
            samples.append((now, total))
        while samples and samples[0][0] <= now - self._window:
            samples.popleft()

    def left(self, now: float, total: int) -> int:
        """Extra attempts that may still be made now.  Counts too few requests rather than too many."""
        self.sample(now, total)
        spent = self._spent
        while spent and spent[0] <= now - self._window:
            spent.popleft()
        return self.seen(now, total)

    def seen(self, now: float, total: int) -> int:
        """As `left`, but nothing is noted: for who explains."""
        begin = now - self._window
        spent = sum(at > begin for at in self._spent)
        before = next((count for at, count in self._samples if at > begin), total)
        return max(0, self._floor + int(self._ratio * (total - before)) - spent)

    def spend(self, now: float, total: int) -> bool:
        """Take one; False when there is none left."""
        if not self.left(now, total):
            return False
        self._spent.append(now)
        return True
