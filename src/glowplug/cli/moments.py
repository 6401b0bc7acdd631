"""Moments and counts as people read them in a table.  Pure: the present is an argument."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def span(seconds: float) -> str:
    """A length of time with at most two units: `45s`, `4m12s`, `3h5m`, `12d`."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{unit}" if count else "")
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"


def ago(moment: float | None, now: float) -> str:
    """`3m12s ago`; empty when it never happened (None or 0)."""
    return f"{span(now - moment)} ago" if moment else ""


def ahead(moment: float | None, now: float) -> str:
    """`in 4m`, `now`; empty for None."""
    if moment is None:
        return ""
    return f"in {span(moment - now)}" if moment - now >= 0.5 else "now"


def count(number: float) -> str:
    """A whole number with thin groups of three: `1,234,567`."""
    return f"{number:,.0f}"
