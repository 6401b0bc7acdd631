"""What a client is told of a rate that it meets, in the header fields of its own wire.  Pure.

OpenAI: https://platform.openai.com/docs/guides/rate-limits (a span such as `6m0s`), Anthropic:
https://docs.anthropic.com/en/api/rate-limits (a moment, RFC 3339).
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Final, Literal

Wire = Literal["openai", "anthropic"]
Unit = Literal["requests", "tokens"]

_OPENAI: Final = b"x-ratelimit-limit-%b: %%d\r\nx-ratelimit-remaining-%b: %%d\r\nx-ratelimit-reset-%b: %%b\r\n"
_ANTHROPIC: Final = (
    b"anthropic-ratelimit-%b-limit: %%d\r\nanthropic-ratelimit-%b-remaining: %%d\r\n"
    b"anthropic-ratelimit-%b-reset: %%b\r\n"
)
_LINES: Final[dict[str, dict[str, bytes]]] = {
    wire: {unit.decode(): pattern % (unit, unit, unit) for unit in (b"requests", b"tokens")}
    for wire, pattern in (("openai", _OPENAI), ("anthropic", _ANTHROPIC))
}


def lines(wire: Wire, limit: int, remaining: int, reset_s: float, unix: float, unit: Unit = "requests") -> bytes:
    """Header lines for a limit of which `remaining` are left, whole again in `reset_s` seconds from `unix`."""
    left = remaining if 0 <= remaining <= limit else max(0, min(remaining, limit))
    if reset_s < 1.0 and wire == "openai":
        return _soon(limit, left, ceil(reset_s * 1000) if reset_s > 0.0 else 0, unit)
    reset_s = max(reset_s, 0.0)
    if wire == "anthropic":
        reset = datetime.fromtimestamp(ceil(unix + reset_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        reset = span(reset_s)
    return _LINES[wire][unit] % (limit, left, reset.encode())


def _soon(limit: int, left: int, reset_ms: int, unit: Unit) -> bytes:
    """OpenAI's, when the rate is whole again within a second: nearly always, so the patterns stand here, where they are
    compiled."""
    if unit == "requests":
        return (
            b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\n"
            b"x-ratelimit-reset-requests: %dms\r\n" % (limit, left, reset_ms)
        )
    return b"x-ratelimit-limit-tokens: %d\r\nx-ratelimit-remaining-tokens: %d\r\nx-ratelimit-reset-tokens: %dms\r\n" % (
        limit,
        left,
        reset_ms,
    )


def span(seconds: float) -> str:
    """`120ms`, `6m0s`, `1h2m3s`: as OpenAI writes a span, never less than it is."""
    if seconds < 1.0:
        return f"{ceil(seconds * 1000)}ms"
    whole = ceil(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"
