"""An endpoint that a target was said to have and has not: its requests are translated instead, from this one on.

Whether a server speaks Anthropic's wire or responses depends on its version; asking is the only way to know.  What was
found out holds for an engine until it is granted anew, for a provider for an hour, in each worker by itself.  Providers
of the catalogue are not doubted: their rows say what they have.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import Outcome
from glowplug.gateway import counting
from glowplug.gateway.continuing import Continued
from glowplug.gateway.dialects import shape_of
from glowplug.gateway.roads import Road, roads_of

if TYPE_CHECKING:
    from glowplug.gateway.attempts import Attempt
    from glowplug.gateway.targets import Target

log = logging.getLogger("glowplug.worker")

ABSENT: Final = frozenset((404, 405, 501))
"""Answers of a server that does not know the path, or does not take POST there."""
PROBED: Final = {
    "messages": frozenset(("messages", "count_tokens")),
    "count_tokens": frozenset(("count_tokens",)),
    "responses": frozenset(("responses",)),
}
"""Endpoints that may be missing where others are there → what is missing with them."""
REMEMBERED: Final = 3600.0
"""Seconds after which a provider is asked again."""
_EARLIER: Final = b'"previous_response_id"'


def is_absent(attempt: Attempt, status: int, body: bytes) -> bool:
    """Whether this answer says that the target does not have the endpoint, and another road leads there."""
    call, target, way = attempt.call, attempt.target, attempt.way
    kind, route = call.kind, target.route
    if kind.name not in PROBED or call.reply.detached or not isinstance(way, Road) or way.edges:
        return False
    if not route.local and route.provider:
        return False
    # A 404 may also be about what was asked for: the model, or an earlier response.
    earlier = _EARLIER in call.body.data and not isinstance(call.body, Continued)
    if status == 404 and (earlier or b"model" in body.lower()):
        return False
    roads = roads_of(shape_of(route), route, lacking=target.lacking | PROBED[kind.name])
    return kind.counts or roads[kind.index] is not None  # who cannot count is estimated


def translate_instead(attempt: Attempt) -> None:
    """Ask the same target again, through a translation."""
    call, target, kind = attempt.call, attempt.target, attempt.call.kind
    attempt.settle(Outcome.UPSTREAM_ERROR, None)
    if kind.name not in target.lacking:
        log.info("%s has no %s; it is translated", target.name, kind.name)
        target.lacks(target.lacking | PROBED[kind.name])
        if not target.route.local:
            call.plane.loop.call_later(REMEMBERED, _forget, target, kind.name)
    call.attempt = None
    call.reason = b"no %b there; translated" % kind.name.encode()
    if kind.counts:
        counting.instead(call)
    else:
        call.step()


def _forget(target: Target, kind: str) -> None:
    target.lacks(target.lacking - PROBED[kind])
