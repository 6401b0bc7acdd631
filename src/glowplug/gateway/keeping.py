"""What a client was sent, kept for the response cache and for the request log: only for keys that ask for it."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from glowplug.gateway.cache import Entry, name_of, passes_by
from glowplug.gateway.waiting import Wait
from glowplug.wire.link import Logged

if TYPE_CHECKING:
    from concurrent.futures import Future

    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target

_CACHED_KINDS = frozenset(("chat", "completions", "embeddings", "messages", "rerank", "moderations"))
"""Endpoints whose answers may be given again."""

PATIENCE = 0.25
"""Seconds the file that workers share may take; an answer that comes later is not worth the wait."""


class Keeper:
    """Collects an answer up to `most` bytes; beyond, only its beginning is kept and it is no answer for the cache."""

    __slots__ = ("complete", "media", "most", "name", "parts", "request", "size", "status")

    def __init__(self, most: int, request: bytes) -> None:
        self.most = most
        self.request = request
        self.parts: list[bytes] = []
        self.size = 0
        self.status = 0
        self.media = b""
        self.complete = False
        self.name: bytes | None = None
        """Where the answer goes in the cache; None when it does not."""

    def add(self, data: bytes) -> None:
        """Some more of the answer."""
        room = self.most - self.size
        self.size += len(data)
        if room > 0:
            self.parts.append(data if len(data) <= room else data[:room])

    @property
    def truncated(self) -> bool:
        return self.size > self.most


def keep(call: Call, headers: dict[bytes, bytes]) -> bool:
    """Begin to keep what this call is answered.  True: the cache has been asked, and it goes on from there."""
    key, plane = call.key.route, call.plane
    settings = plane.tables.snapshot.keeping
    keeper = call.keeper = Keeper(settings.longest, call.body.data)
    cacheable = key.cached and settings.ttl > 0 and call.kind.name in _CACHED_KINDS
    if not cacheable or passes_by(headers.get(b"cache-control")):
        return False
    keeper.name = name_of(key.id, call.kind.name, call.asked, call.body.data)
    found = plane.cache.get(keeper.name, time())
    if found is not None:
        _serve(call, found)
    elif plane.disk_cache is not None:
        wait = call.waiting = _CacheWait(call, call.targets[0], keeper.name)
        call.deadline = call.t0 + PATIENCE
        wait.begin()
    else:
        plane.metrics.cache["miss"] += 1
        return False
    return True


def _serve(call: Call, entry: Entry) -> None:
    """Answer from the cache."""
    call.plane.metrics.cache["hit"] += 1
    call.keeper = None
    age = max(0, int(time() - entry.stored))
    call.reason = b"cached"
    lines = b"x-glowplug-cache: hit\r\nage: %d\r\nx-glowplug-model: %b\r\nx-glowplug-attempts: 0\r\n" % (
        age,
        entry.model.encode(),
    )
    call.cached(entry.media, lines, entry.body, stream=entry.stream)


class _CacheWait(Wait):
    """For the file that workers share."""

    __slots__ = ("_asked", "_name")

    reason = b"first"
    loads = False
    looks = False

    def __init__(self, call: Call, target: Target, name: bytes) -> None:
        super().__init__(call, target)
        self._name = name
        self._asked: Future[Entry | None] | None = None

    def begin(self) -> None:
        plane = self.call.plane
        assert plane.disk_cache is not None
        self._asked = plane.disk_cache.get(self._name, time())
        self._asked.add_done_callback(lambda done: plane.loop.call_soon_threadsafe(self._found, done))

    def leave(self) -> None:
        self._asked = None

    def said(self) -> str:
        return "glowplug looks into its cache"

    def expire(self, now: float) -> None:
        """The disk is slow: go on without it."""
        self.leave()
        self.call.go_on(self)

    def _found(self, done: Future[Entry | None]) -> None:
        call = self.call
        if self._asked is None or call.over:
            return
        entry = done.result()
        if entry is None:
            call.plane.metrics.cache["miss"] += 1
            call.go_on(self)
            return
        call.waited(self)
        call.plane.cache.put(self._name, entry)
        _serve(call, entry)


def finish(call: Call) -> None:
    """The call is over: put the answer where it is wanted."""
    keeper, plane, key = call.keeper, call.plane, call.key.route
    assert keeper is not None
    served = call.attempt.target.name if call.attempt is not None else ""
    if keeper.name is not None and keeper.complete and keeper.status == 200 and not keeper.truncated:
        entry = Entry(
            keeper.media or call.kind.envelope.media, served, call.body.stream, b"".join(keeper.parts), time()
        )
        plane.cache.put(keeper.name, entry)
        if plane.disk_cache is not None:
            plane.disk_cache.put(keeper.name, entry)
    if key.log_bodies:
        plane.log_bodies(
            Logged(
                request=call.request_id,
                key=key.id,
                at=time(),
                kind=call.kind.name,
                asked=call.asked,
                model=served,
                status=keeper.status,
                sent=keeper.request[: keeper.most],
                answered=b"".join(keeper.parts),
                truncated=keeper.truncated or len(keeper.request) > keeper.most,
            )
        )
