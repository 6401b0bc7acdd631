"""Computes the lines of the ledger anew and says which are not as they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, func, select

from glowplug.domain.energy import energy_cost
from glowplug.domain.price import IMPORTED, LOCAL, REPORTED, Price, Tokens, attempt_cost
from glowplug.domain.usage import AttemptClosed
from glowplug.store import prices, rollups
from glowplug.store.attempts import closed_figures, lines_of
from glowplug.store.lines import CLOSED, OPEN
from glowplug.store.tables import attempts, spend

_AT_ONCE = 1000


class Wrong(NamedTuple):
    """A line that is not as it should be."""

    request: str
    attempt: int
    what: str


class Stretch(NamedTuple):
    """Some hours of the ledger, looked at in one transaction."""

    then: int | None
    """The hour behind them; None when there is nothing behind them."""
    lines: int
    sums: int
    costs: tuple[Wrong, ...]
    """The first of those whose cost is not what the version of their price makes of their tokens."""
    differing: tuple[tuple[rollups.Place, rollups.Sum, rollups.Sum], ...]
    """The first of the sums that are not those of their lines: which, as the lines make it, as it is stored."""
    problems: tuple[int, int]
    """How many of both there are."""


def stretch(connection: Connection, hour: int, most: int, lines: int = _AT_ONCE) -> Stretch:
    """Compute settled lines and sums again, from this hour (Unix time divided by 3600) on, until whole hours with so
    many lines have been looked at; at most `most` of what is wrong is told.

    A line and its sums move in one transaction, so within one they must fit.  Memory is that of one hour's sums.
    """
    known = prices.every(connection)
    wrong: list[Wrong] = []
    differing: list[tuple[rollups.Place, rollups.Sum, rollups.Sum]] = []
    seen = places = wrongs = differences = 0
    at: int | None = hour
    while seen < lines and at is not None and (at := _next_hour(connection, at)) is not None:
        sums: rollups.Sums = {}
        for row in _lines_of_hour(connection, at):
            seen += 1
            rollups.count(sums, row)
            if what := _cost(row, known.get((row["model"], row["price"]))):
                wrongs += 1
                if wrongs <= most:
                    wrong.append(Wrong(row["request"], row["attempt"], what))
        computed = {place: one for place, one in sums.items() if any(one)}
        places += len(computed)
        for difference in rollups.differences(computed, rollups.stored(connection, at)):
            differences += 1
            if differences <= most:
                differing.append(difference)
        at += 1
    return Stretch(at, seen, places, tuple(wrong), tuple(differing), (wrongs, differences))


def _next_hour(connection: Connection, hour: int) -> int | None:
    """The first hour from this one on in which there is a line or a sum."""
    row = attempts.c
    line = select(row.started).where(row.started >= hour * rollups.HOUR, row.state != OPEN)
    started = connection.execute(line.order_by(row.started).limit(1)).scalar()
    summed = connection.execute(select(func.min(spend.c.hour)).where(spend.c.hour >= hour)).scalar()
    found = [summed] if summed is not None else []
    if started is not None:
        found.append(int(started // rollups.HOUR))
    return min(found, default=None)


def _lines_of_hour(connection: Connection, hour: int) -> Iterator[RowMapping]:
    row = attempts.c
    start, end = hour * rollups.HOUR, (hour + 1) * rollups.HOUR
    query = select(attempts).where(row.started >= start, row.started < end, row.state != OPEN)
    yield from connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings()


def _cost(row: RowMapping, price: Price | None) -> str:
    """What is wrong with the cost of a line; empty when nothing is."""
    version = row["price"]
    if version in (REPORTED, IMPORTED):
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
