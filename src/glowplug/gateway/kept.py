"""Responses of this worker that clients may go on from: the last ones in memory, all of them told to control."""

from __future__ import annotations

from collections import OrderedDict, deque
from time import time
from typing import TYPE_CHECKING, Final

from glowplug.gateway.quirked import QuirkedWatch
from glowplug.gateway.roads import Journey
from glowplug.translate.responses_to_chat import ResponsesToChat
from glowplug.wire import responses
from glowplug.wire.link import KeepResponse

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt
    from glowplug.gateway.grants import Uplink

MOST: Final = 16 << 20
"""Bytes of conversations in a worker's memory; control has them all."""
LONGEST: Final = 8 << 20
"""Bytes of one conversation; a longer one is not kept."""
UNSENT: Final = 256
"""Responses that wait for control to come back, at most; the oldest are forgotten."""


class Kept:
    """The kept responses of one worker."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._memory: OrderedDict[tuple[str, str], KeepResponse] = OrderedDict()
        self._bytes = 0
        self._unsent: deque[KeepResponse] = deque(maxlen=UNSENT)

    def put(self, kept: KeepResponse, *, connected: bool) -> None:
        """Keep one; when control is away it is told later."""
        size = _size(kept)
        if size > LONGEST:
            return
        self.forget(kept.key, kept.id)
        self._memory[kept.key, kept.id] = kept
        self._bytes += size
        while self._bytes > MOST:
            self._bytes -= _size(self._memory.popitem(last=False)[1])
        if connected:
            self._uplink.send(kept)
        else:
            self._unsent.append(kept)

    def find(self, key: str, response_id: str) -> KeepResponse | None:
        """The response, when it is in memory."""
        found = self._memory.get((key, response_id))
        if found is not None:
            self._memory.move_to_end((key, response_id))
        return found

    def holder(self, key: str, item: str) -> KeepResponse | None:
        """The last response in memory in which there may be an item of this id."""
        text = f'"{item}"'.encode()
        for kept in reversed(self._memory.values()):
            if kept.key == key and (text in kept.response or text in kept.input):
                return kept
        return None

    def forget(self, key: str, response_id: str) -> None:
        """It is not in memory any more."""
        found = self._memory.pop((key, response_id), None)
        if found is not None:
            self._bytes -= _size(found)

    def resend(self) -> None:
        """Control is back: tell it what it missed."""
        while self._unsent:
            self._uplink.send(self._unsent.popleft())


def _size(kept: KeepResponse) -> int:
    return len(kept.response) + len(kept.input)


def keep(attempt: Attempt) -> None:
    """Keep the response of a good attempt, when its client wants that."""
    call, target, way = attempt.call, attempt.target, attempt.way
    response = asked = b""
    native = False
    if isinstance(way, Journey):
        step = way.first
        if isinstance(step, ResponsesToChat) and step.stores and step.finished:
            response, asked = step.kept()
    else:
        watch = attempt.watch
        watch = watch.inner if isinstance(watch, QuirkedWatch) else watch
        whole = responses.response_in(watch.final) if isinstance(watch, responses.ResponsesWatch) else attempt.whole
        items = responses.input_of(call.body.data) if whole else None
        if items is not None:
            response, asked, native = whole, items, not target.route.local
    name = responses.id_of(response) if response else ""
    if not name:
        return
    said = (b"", b"[]") if native else (response, asked)
    kept = KeepResponse(call.key.route.id, name, target.name, native, time(), *said)
    call.plane.kept.put(kept, connected=call.plane.control_connected)
