"""Foreign values → values of our document, or None when they are none."""

from __future__ import annotations

import math
import re

from glowplug.config.readers.foreign import Value
from glowplug.units import parse_duration

_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,2})?")
_SECRET = re.compile(r"auth|key|token|secret|password|cookie", re.IGNORECASE)
_LONGEST = 10 * 365 * 86400.0
"""Seconds; the configuration takes no longer ones."""


def as_dict(value: Value) -> dict[str, Value]:
    """`value` when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Value) -> list[Value]:
    """`value` when it is a list, else a list of it; nothing is an empty one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def as_text(value: Value) -> str:
    """Text as it is, a number as it is written; anything else is an empty one."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def as_words(value: Value) -> list[str]:
    """The texts of a list, or the one."""
    return [text for item in as_list(value) if (text := as_text(item))]


def number(value: Value) -> float | None:
    """A finite number, also one that is written as text (`"1e-6"`)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, int):
        return float(value) if abs(value) < 1 << 63 else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def whole(value: Value, least: int, most: int) -> int | None:
    """A whole number in these bounds."""
    found = number(value)
    if found is None or not math.isfinite(found) or found != int(found) or not least <= found <= most:
        return None
    return int(found)


def seconds(value: Value, *, zero: bool = False) -> float | int | None:
    """A duration in seconds, written as a number or as `30s`; without 0 unless `zero`."""
    found: float | None = number(value)
    if found is None and isinstance(value, str):
        try:
            found = parse_duration(value)
        except ValueError:
            return None
    if found is None or not math.isfinite(found) or found > _LONGEST or found < (0 if zero else 0.001):
        return None
    return int(found) if found == int(found) else round(found, 3)


def sayable(value: Value) -> bool:
    """Whether all texts in it can be written down: without zero bytes and halves of characters."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(sayable(key) and sayable(item) for key, item in value.items())
    return all(sayable(item) for item in value) if isinstance(value, list) else True


def secretive(name: str) -> bool:
    """Whether a header field of this name probably carries a secret."""
    return bool(_SECRET.search(name))


def is_true(value: Value) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def escaped(text: str) -> str:
    """`text` so that our file says just that: `${` begins a reference there."""
    return text.replace("${", "$${")


def member(value: Value) -> str | int | float | bool | None:
    """A single value for `request_defaults` or an engine's `options`."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else None
    return value if isinstance(value, float) and math.isfinite(value) else None
