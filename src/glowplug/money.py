"""Money as whole nano-dollars (10⁻⁹ USD), so that sums are exact."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

NANO: Final = 1_000_000_000
_MOST = 1 << 53
"""Nano-dollars; some nine million dollars."""
_DOLLARS = re.compile(r"[0-9]{1,7}(\.[0-9]{0,20})?([eE][-+]?[0-9]{1,2})?|\.[0-9]{1,20}")


def parse_usd(text: str) -> int:
    """Nano-dollars of a decimal number of dollars such as `3.00` or `1e-3`.

    Raises ValueError for what is no number, for what is finer than a nano-dollar, and for what nobody pays.
    """
    if not _DOLLARS.fullmatch(text):
        raise ValueError(f"{text!r} is not a number of dollars")
    nano = Decimal(text) * NANO
    if nano != int(nano):
        raise ValueError(f"{text} is finer than a billionth of a dollar")
    if nano > _MOST:
        raise ValueError(f"{text} is more than anything costs")
    return int(nano)


def decimal_usd(nano: int) -> str:
    """Nano-dollars for programs: a plain decimal number of dollars, exact, `0.0042`."""
    sign = ""
    if nano < 0:
        sign, nano = "-", -nano
    whole, rest = nano // NANO, nano % NANO
    if not rest:
        return f"{sign}{whole}"
    digits = str(NANO + rest)  # a 1 and nine digits: a format would cost a request a microsecond
    return f"{sign}{whole}.{digits[1:].rstrip('0')}"


def format_usd(nano: int) -> str:
    """Nano-dollars for people: `$0.0042`, at least two digits after the point, no more than nine."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO)
    digits = f"{rest:09d}".rstrip("0")
    return f"{sign}${whole}.{digits.ljust(2, '0')}"
