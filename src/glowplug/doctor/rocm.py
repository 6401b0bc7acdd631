"""Which versions of ROCm AMD's driver is made for.  Pure.

AMD promises that driver and ROCm go together for releases up to a year apart, before ROCm 6.4 for two releases in each
direction, and lists them.  The module itself says another number, the one of the kernel it was taken from; which
release that is stands in the version of the package it comes in: `amdgpu-dkms 6.10.5.60300`, `6.14.14.30100000`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SOURCE: Final = "https://instinct.docs.amd.com/projects/amdgpu-docs/en/latest/compatibility/compatibility-matrix.html"
"""Where AMD lists them."""
_NUMBERS: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(?=[.-]|$)", re.ASCII)

Minor = tuple[int, int]


@dataclass(frozen=True)
class Range:
    """A release of the driver, and the versions of ROCm it goes with."""

    driver: str
    first: Minor
    last: Minor | None
    """None: the list still grows at this end."""

    def __str__(self) -> str:
        least = ".".join(map(str, self.first))
        return f"ROCm {least} or later" if self.last is None else f"ROCm {least} to {'.'.join(map(str, self.last))}"


_RANGES: Final[dict[Minor, Range]] = {
    (6, 2): Range("5.7", (5, 5), (6, 1)),
    (6, 3): Range("6.0", (5, 6), (6, 2)),
    (6, 7): Range("6.1", (5, 7), (6, 4)),
    (6, 8): Range("6.2", (6, 0), (7, 0)),
    (6, 10): Range("6.3", (6, 1), (7, 0)),
    (6, 12): Range("6.4", (6, 1), (7, 2)),
    (6, 14): Range("30.10", (6, 2), None),
    (6, 16): Range("30.20 or 30.30", (6, 3), None),
    (6, 19): Range("31.40", (7, 0), None),
}
"""By the first two numbers of the module; one that is not here is not known, and nothing is said of it."""


def outside(module: str, rocm: str) -> Range | None:
    """What the driver goes with, where this ROCm is none of it; None where it is, or nobody can say.

    `module`: what the module says of itself; the one that comes with the kernel says nothing.
    """
    ours, theirs = _minor(module), _minor(rocm)
    found = _RANGES.get(ours) if ours is not None else None
    if found is None or theirs is None:
        return None
    fits = found.first <= theirs and (found.last is None or theirs <= found.last)
    return None if fits else found


def _minor(version: str) -> Minor | None:
    match = _NUMBERS.match(version)
    return (int(match[1]), int(match[2])) if match else None
