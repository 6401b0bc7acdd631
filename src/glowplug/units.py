"""Durations and sizes as people write them: `5m`, `1h30m`, `-1`, `14GiB`; energy as they read it.

The duration syntax is the one Ollama's `keep_alive` made common (Go's `time.ParseDuration` plus bare seconds).
"""

from __future__ import annotations

import math
import re

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SIZE_UNITS = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1000, "m": 1000**2, "mb": 1000**2, "g": 1000**3, "gb": 1000**3, "t": 1000**4, "tb": 1000**4,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4,
}  # fmt: skip
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")


def parse_duration(text: str | int | float) -> float:
    """Seconds from `"5m"`, `"1h30m"`, `"250ms"`, `300` or `"300"`; negative means for ever (`math.inf`).

    Raises ValueError that says what is accepted.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return math.inf if text < 0 else float(text)
    raw = str(text).strip()
    negative = raw.startswith("-")
    body = raw[1:] if negative else raw
    if re.fullmatch(r"\d+(\.\d+)?", body):
        seconds = float(body)
    else:
        parts = _DURATION_PART.findall(body)
        if not parts or "".join(n + u for n, u in parts) != body:
            raise ValueError(f"{raw!r} is not a duration; write for example 30s, 5m, 1h30m, 0, or -1 for ever")
        seconds = sum(float(n) * _DURATION_UNITS[u] for n, u in parts)
    return math.inf if negative else seconds


def format_duration(seconds: float) -> str:
    """`5m`, `1h30m`, `45s`, `250ms`, `for ever`: the shortest form that reads back to the same whole milliseconds."""
    if math.isinf(seconds):
        return "for ever"
    millis = round(seconds * 1000)
    if millis < 1000:
        return f"{millis}ms" if millis else "0s"
    out = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            out.append(f"{count}{unit}")
    return "".join(out)


def parse_size(text: str | int) -> int:
    """Bytes from `"14GiB"`, `"512 MB"` or a number.  Raises ValueError that says what is accepted."""
    if isinstance(text, int) and not isinstance(text, bool):
        if text < 0:
            raise ValueError(f"{text} is not a size; it must not be negative")
        return text
    match = _SIZE.fullmatch(str(text).strip())
    unit = match.group(2).lower() if match else "?"
    if match is None or unit not in _SIZE_UNITS:
        raise ValueError(f"{text!r} is not a size; write for example 512MiB, 14GiB or a number of bytes")
    return int(float(match.group(1)) * _SIZE_UNITS[unit])


def format_size(count: int) -> str:
    """Bytes for people, binary units, three digits: `1.46 GiB`."""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.3g} {unit}"


def format_energy(millijoules: int) -> str:
    """Watt-hours for people, with three digits that matter: `27.8 mWh`, `12.3 Wh`, `1.23 kWh`."""
    hours = millijoules / 3_600_000
    for least, unit in ((999.5, "kWh"), (0.9995, "Wh")):
        if hours >= least:
            return f"{hours / (1000 if unit == 'kWh' else 1):.3g} {unit}"
    return f"{hours * 1000:.3g} mWh"
