"""Computes the lines of the ledger anew and says which are not as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, select

from glowplug.domain.energy import energy_cost
from glowplug.domain.price import LOCAL, REPORTED, Price, Tokens, attempt_cost
from glowplug.domain.usage import AttemptClosed
from glowplug.store import prices
from glowplug.store.attempts import CLOSED, OPEN, closed_figures, lines_of
from glowplug.store.tables import attempts

_AT_ONCE = 1000


class Wrong(NamedTuple):
    """A line that is not as it should be."""

    request: str
    attempt: int
    what: str


def costs(connection: Connection) -> Iterator[Wrong | None]:
    """Every settled line in turn: None when its cost is what the version of its price makes of its tokens."""
    known = prices.every(connection)
    query = select(attempts).where(attempts.c.state != OPEN).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query).mappings():
        what = _cost(row, known.get((row["model"], row["price"])))
        yield Wrong(row["request"], row["attempt"], what) if what else None


def _cost(row: RowMapping, price: Price | None) -> str:
    """What is wrong with the cost of a line; empty when nothing is."""
    version = row["price"]
    if version == REPORTED:
        return ""  # its provider said so; that the line says the same as the journal is looked at elsewhere
    if price is None:
        if version not in ("", LOCAL):
            return f"its price {version!r} is written down nowhere"
        price = Price(version=version)
    tokens = Tokens(
        prompt=row["prompt_tokens"],
        completion=row["completion_tokens"],
        cached=row["cached_tokens"],
        cache_written=row["cache_written"],
        reasoning=row["reasoning"],
        prompt_audio=row["prompt_audio"],
        completion_audio=row["completion_audio"],
    )
    wanted = attempt_cost(price, tokens, row["status"], row["started"]) + energy_cost(price.energy, row["energy_mj"])
    return "" if row["cost"] == wanted else f"it costs {row['cost']} nano-dollars, and its price makes {wanted}"


def records(connection: Connection, closed: Sequence[AttemptClosed]) -> Iterable[Wrong]:
    """Those of these records of the journal that are not in the ledger as they say, the first of each attempt."""
    lines = lines_of(connection, {record.request for record in closed})
    seen: set[tuple[str, int]] = set()
    for record in closed:
        identity = (record.request, record.attempt)
        if identity in seen:
            continue
        seen.add(identity)
        line = lines.get(identity)
        if line is None or line["state"] != CLOSED:
            yield Wrong(*identity, "the journal has its end, and the ledger has not")
            continue
        figures = closed_figures(record)
        if record.price == LOCAL and line["energy_mj"] is not None:
            del figures["cost"], figures["price"]  # it costs its energy, of which the journal knows nothing
        differing = [name for name, value in figures.items() if line[name] != value]
        if differing:
            yield Wrong(*identity, f"journal and ledger differ in {', '.join(differing)}")
