"""Calls that an admin ends by the id of their request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from glowplug.errors import Forbidden
from glowplug.gateway.call import Call

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane

_WHY: Final = "This request was cancelled by an administrator"


def cancel(plane: Plane, request: str) -> int:
    """End every call under this id (clients may give ids, so there can be several); returns how many there were.

    The error is one that clients do not answer by asking again.
    """
    going = [connection.call for connection in plane.connections]
    found = {call for call in (*going, *plane.detached) if isinstance(call, Call) and call.request_id == request}
    for call in found:
        if not call.over:
            call.end(Forbidden(_WHY, hint="ask whoever runs the gateway why", code="cancelled"))
    return len(found)
