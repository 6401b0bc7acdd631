"""Names that our file takes, made of names that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

_FITS = re.compile(r"[A-Za-z0-9._:/@-]{1,200}")
_LONGEST = 160
"""Characters of a name that more is put behind."""


def fits(name: str) -> bool:
    """Whether a model or an alias may be called so."""
    return bool(_FITS.fullmatch(name)) and all(part not in ("", ".", "..") for part in name.split("/"))


def fitting(name: str, longest: int = 200) -> str:
    """`name`, or the nearest that fits: other characters become `-`; a long one is cut, and told apart by a hash."""
    if fits(name) and len(name) <= longest:
        return name
    plain = re.sub(r"-+", "-", re.sub(r"[^A-Za-z0-9._:/@-]", "-", name))
    plain = "/".join(part for part in plain.split("/") if part.strip(".-")).strip("-")
    if not plain:
        return f"unnamed-{_mark(name)}"
    return plain if len(plain) <= longest else f"{plain[: longest - 9].rstrip('/.')}-{_mark(name)}"


def _mark(name: str) -> str:
    return sha256(name.encode("utf-8", "replace")).hexdigest()[:8]


class Names:
    """Names that are given away once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def reserve(self, name: str) -> None:
        self._taken.add(name)

    def take(self, wish: str) -> str:
        """`wish` when it is free and fits, else with `-2`, `-3` … behind it."""
        base = fitting(wish, _LONGEST + 30)
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base}-{count}"
        self._taken.add(name)
        return name
