"""What a client is told of a rate that it meets, in the header fields of its own wire.  Pure.

OpenAI: https://platform.openai.com/docs/guides/rate-limits (a span such as `6m0s`), Anthropic:
https://docs.anthropic.com/en/api/rate-limits (a moment, RFC 3339).
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Literal

Wire = Literal["openai", "anthropic"]
Unit = Literal["requests", "tokens"]


def lines(wire: Wire, limit: int, remaining: int, reset_s: float, unix: float, unit: Unit = "requests") -> bytes:
    """Header lines for a limit of which `remaining` are left, whole again in `reset_s` seconds from `unix`."""
    left = max(0, min(remaining, limit))
    reset_s = max(reset_s, 0.0)
    if wire == "anthropic":
        moment = datetime.fromtimestamp(ceil(unix + reset_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        pattern = "anthropic-ratelimit-{0}-limit: {1}\r\nanthropic-ratelimit-{0}-remaining: {2}\r\n"
        pattern += "anthropic-ratelimit-{0}-reset: {3}\r\n"
        return pattern.format(unit, limit, left, moment).encode()
    pattern = "x-ratelimit-limit-{0}: {1}\r\nx-ratelimit-remaining-{0}: {2}\r\nx-ratelimit-reset-{0}: {3}\r\n"
    return pattern.format(unit, limit, left, span(reset_s)).encode()


def span(seconds: float) -> str:
    """`120ms`, `6m0s`, `1h2m3s`: as OpenAI writes a span, never less than it is."""
    if seconds < 1.0:
        return f"{ceil(seconds * 1000)}ms"
    whole = ceil(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest}s"
