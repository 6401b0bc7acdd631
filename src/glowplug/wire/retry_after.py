"""`Retry-After` in answers of upstreams (RFC 9110 §10.2.3): seconds or a date, and what some send instead.  Pure."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

_FIELD = re.compile(rb"\r\n(retry-after(?:-ms)?):[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_NUMBER = re.compile(rb"\d{1,12}(?:\.\d{1,9})?")
ABSURD: Final = 86_400.0
"""Seconds beyond which the value is taken for a mistake (a moment written as seconds, say)."""


def seconds(value: bytes, unix: float) -> float | None:
    """Seconds from now (`unix`) that a value asks for; None when it says nothing that makes sense.  A moment that has
    passed is 0.0."""
    if _NUMBER.fullmatch(value):
        found = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value.decode("ascii"))
        except (ValueError, UnicodeDecodeError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        found = max(moment.timestamp() - unix, 0.0)
    return found if found <= ABSURD else None


def of_head(head: bytes, unix: float) -> float | None:
    """What a response head asks for.  `Retry-After-Ms`, which OpenAI and Azure send, is the finer of the two."""
    plain = None
    for name, value in _FIELD.findall(head):
        if name.lower() == b"retry-after":
            plain = seconds(value, unix)
        elif _NUMBER.fullmatch(value) and (fine := float(value) / 1000.0) <= ABSURD:
            return fine
    return plain
