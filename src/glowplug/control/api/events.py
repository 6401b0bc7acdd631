"""`/admin/events`: server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.events import Broadcaster, Event
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services

_HEARTBEAT_SECONDS = 15.0


def frame(event: Event) -> bytes:
    """One event as server-sent events write it."""
    return b"event: %s\ndata: %s\n\n" % (event.kind.encode(), msgspec.json.encode(event))


async def stream(broadcaster: Broadcaster, heartbeat: float = _HEARTBEAT_SECONDS) -> AsyncIterator[bytes]:
    """Frames as they come, comments in between so that nobody takes the connection for dead."""
    listener = broadcaster.subscribe()
    try:
        yield b": listening\n\n"
        while True:
            try:
                event = await listener.next(heartbeat)
            except TimeoutError:
                yield b": alive\n\n"
                continue
            if event is None:
                break
            yield frame(event)
        if listener.dropped:
            yield b'event: dropped\ndata: {"reason": "events came faster than they were read"}\n\n'
    finally:
        broadcaster.unsubscribe(listener)


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(media="text/event-stream")
    async def events(request: Request) -> Response:
        Query(request, ())
        return StreamingResponse(stream(services.events), media_type="text/event-stream")

    return (Endpoint("GET", "/admin/events", events, "what happens, as server-sent events", Policy.ADMIN),)
