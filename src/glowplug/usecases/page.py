"""One page of a list: `limit` rows behind the row whose id is `after`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from glowplug.errors import RequestError

Row = TypeVar("Row")

MOST = 1000


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """Rows, whether more follow, and the `after` that asks for them."""

    data: tuple[Row, ...]
    has_more: bool = False
    next: str | None = None


class Rows(msgspec.Struct, Generic[Row], frozen=True):
    """All rows of a list that is never long."""

    data: tuple[Row, ...]


def page(rows: Sequence[Row], identity: Callable[[Row], str], limit: int = MOST, after: str = "") -> Page[Row]:
    """Cut one page out of all rows.  Raises RequestError for a limit out of bounds or an unknown `after`."""
    if not 1 <= limit <= MOST:
        raise RequestError(f"limit is {limit}", hint=f"ask for 1 to {MOST} rows")
    start = 0
    if after:
        start = next((i + 1 for i, row in enumerate(rows) if identity(row) == after), 0)
        if not start:
            raise RequestError(f"there is no row {after!r} in this list", hint="begin again without after")
    cut = tuple(rows[start : start + limit])
    more = start + limit < len(rows)
    return Page(cut, more, identity(cut[-1]) if more else None)
