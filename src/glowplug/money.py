"""Money as whole nano-dollars (10⁻⁹ USD), so that sums are exact."""

from __future__ import annotations

NANO = 1_000_000_000


def decimal_usd(nano: int) -> str:
    """Nano-dollars for programs: a plain decimal number of dollars, exact, `0.0042`."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def format_usd(nano: int) -> str:
    """Nano-dollars for people: `$0.0042`, at least two digits after the point, no more than nine."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO)
    digits = f"{rest:09d}".rstrip("0")
    return f"{sign}${whole}.{digits.ljust(2, '0')}"
