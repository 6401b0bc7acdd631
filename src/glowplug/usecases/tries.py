"""How often something may be tried: a sliding window for each name, in bounded memory.  Pure; times come in."""

from __future__ import annotations

from collections import OrderedDict, deque


class Tries:
    """At most `limit` tries of one name within `window` seconds.

    A try counts from its start, so that many at the same time cannot pass the limit together; `forgive` takes back the
    one that succeeded.  Of more than `most` names the one that was tried longest ago is forgotten.
    """

    def __init__(self, limit: int, window: float, most: int = 4096) -> None:
        self._limit = limit
        self._window = window
        self._most = most
        self._names: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._names)

    def wait(self, name: str, now: float) -> float:
        """Seconds until the next try is free; 0 when it is."""
        times = self._names.get(name)
        if times is None:
            return 0.0
        while times and times[0] <= now - self._window:
            times.popleft()
        return times[0] + self._window - now if len(times) >= self._limit else 0.0

    def begin(self, name: str, now: float) -> None:
        """Count a try."""
        times = self._names.setdefault(name, deque(maxlen=self._limit))
        times.append(now)
        self._names.move_to_end(name)
        while len(self._names) > self._most:
            self._names.popitem(last=False)

    def forgive(self, name: str) -> None:
        """The last try of this name succeeded: it does not count."""
        times = self._names.get(name)
        if times:
            times.pop()
