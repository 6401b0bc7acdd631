"""The header lines that say who served a request, why, and how long each part took."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glowplug.gateway.call import Call


def identity(call: Call) -> bytes:
    """Of an answer whose head is about to go out (times in milliseconds)."""
    now = monotonic()
    attempt = call.attempt
    started = attempt.started if attempt else now
    return (
        b"x-request-id: %b\r\nx-glowplug-model: %b\r\nx-glowplug-attempts: %d\r\nx-glowplug-reason: %b\r\n"
        b"server-timing: queue;dur=%.2f, load;dur=%d, upstream;dur=%.2f\r\n"
    ) % (
        call.request_id.encode(), attempt.target.name_header if attempt else b"",
        call.attempts, call.reason,
        (started - call.t0 - call.load_time) * 1e3, call.load_time * 1e3, (now - started) * 1e3,
    )  # fmt: skip
