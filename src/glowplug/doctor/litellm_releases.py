"""LiteLLM's releases that were published by a thief, and those with known holes.  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

STOLEN: Final = ("1.82.7", "1.82.8")
"""On PyPI for hours on 24 March 2026 (MAL-2026-2144): they send keys and tokens of the machine to somebody."""
_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(.*)")


@dataclass(frozen=True)
class Hole:
    """Something that lets people in."""

    name: str
    what: str
    first: str
    """The first version that has it; empty: all."""
    fixed: str
    """The one that has it no more."""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}; not in {self.fixed} or later"


_HOLES: Final = (
    Hole("CVE-2026-42208", "SQL by the text of a key", "1.81.16", "1.83.7"),
    Hole("CVE-2026-49468", "no key needed, by a made-up Host header", "", "1.84.0"),
    Hole("CVE-2026-35030", "somebody else's login, by OpenID tokens that begin alike", "", "1.83.0"),
)


def is_version(text: str) -> bool:
    """Whether it is one that can be compared."""
    return _NUMBERS.fullmatch(text) is not None


def holes_of(version: str) -> tuple[Hole, ...]:
    """Those that a version has."""
    here = numbers(version)
    return tuple(
        hole for hole in _HOLES if (not hole.first or here >= numbers(hole.first)) and here < numbers(hole.fixed)
    )


def least_without(holes: tuple[Hole, ...]) -> str:
    """The first version that has none of these, of which there are some."""
    return max((hole.fixed for hole in holes), key=numbers)


def numbers(version: str) -> tuple[int, int, int, int]:
    """To compare by; what is before a release (`1.83.7rc1`) is less than it."""
    match = _NUMBERS.fullmatch(version)
    if match is None:
        return (0, 0, 0, 0)
    before = re.match(r"[-.]?(?:a|b|rc|dev)", match[4]) is not None
    return int(match[1]), int(match[2]), int(match[3] or 0), 0 if before else 1
