"""A line in which nobody starves: the highest priority first, then the keys in turn, then first come.  Pure.

Within a priority each key has a line of its own, and one request of each is served in turn (deficit round robin with a
quantum of one request: M. Shreedhar and G. Varghese, 1995).  So the head of a key's line waits for at most one request
of each other key, however many those have sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar


class Waits(Protocol):
    """What stands in line; where it stands is decided when it joins."""

    @property
    def priority(self) -> int: ...
    @property
    def owner(self) -> str:
        """The key it belongs to."""


T = TypeVar("T", bound=Waits)


class Line(Generic[T]):
    """Requests in the order in which they are to be served."""

    __slots__ = ("_levels", "_places")

    def __init__(self, requests: Iterable[T] = ()) -> None:
        self._levels: dict[int, OrderedDict[str, deque[T]]] = {}
        """By priority, by key; the key that is next in turn is first."""
        self._places: dict[T, tuple[int, str]] = {}
        """The priority and the key with which each joined."""
        for request in requests:
            self.join(request)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        """In the order in which they would be served if nobody else came."""
        for priority in sorted(self._levels, reverse=True):
            turn, keys = 0, list(self._levels[priority].values())
            while keys := [waiting for waiting in keys if len(waiting) > turn]:
                yield from [waiting[turn] for waiting in keys]
                turn += 1

    def join(self, request: T) -> None:
        """Stand behind those of the same key."""
        priority, owner = self._places[request] = request.priority, request.owner
        self._levels.setdefault(priority, OrderedDict()).setdefault(owner, deque()).append(request)

    def leave(self, request: T) -> bool:
        """Stand in line no more.  False when it did not."""
        if request not in self._places:
            return False
        priority, owner = self._places[request]
        self._levels[priority][owner].remove(request)
        self._gone(request)
        return True

    def pop(self) -> T:
        """The next one.  Raises ValueError when nobody is in line."""
        keys = self._levels[max(self._levels)]
        owner, waiting = next(iter(keys.items()))
        keys.move_to_end(owner)
        request = waiting.popleft()
        self._gone(request)
        return request

    def position(self, request: T) -> int:
        """1 for the next to be served; 0 when it is not in line."""
        if request not in self._places:
            return 0
        priority, own = self._places[request]
        level = self._levels[priority]
        turn = level[own].index(request)
        before = sum(len(w) for p, keys in self._levels.items() if p > priority for w in keys.values())
        passed = False
        for owner, waiting in level.items():
            passed = passed or owner == own
            before += min(len(waiting), turn if passed else turn + 1)
        return before + 1

    def crowding(self, request: T) -> T | None:
        """Who has to go when a full line is to take one more: the last of the key that has most in line.

        None when that would be no fairer than to turn `request` away.  Those of a lower priority go first.
        """
        lowest = min(self._levels, default=request.priority)
        if lowest > request.priority:
            return None
        level = self._levels.get(lowest, OrderedDict[str, deque[T]]())
        longest: deque[T] = max(level.values(), key=len, default=deque())
        own = len(level.get(request.owner, ())) if lowest == request.priority else -1
        return longest[-1] if len(longest) > own + 1 else None

    def _gone(self, request: T) -> None:
        """It was taken out of its key's line."""
        priority, owner = self._places.pop(request)
        level = self._levels[priority]
        if not level[owner]:
            del level[owner]
            if not level:
                del self._levels[priority]
