"""What versions of prices meant: one row for each that was ever in force for a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from sqlalchemy import Connection, select

from glowplug.domain.price import Price
from glowplug.store.tables import price_versions


def note(connection: Connection, prices: Mapping[str, Price], now: float) -> int:
    """Remember the prices that are in force, by model; returns how many were new.

    A version that is there keeps its meaning: versions name what they say.
    """
    known = {
        (row.model, row.version) for row in connection.execute(select(price_versions.c.model, price_versions.c.version))
    }
    new = [
        {"model": model, "version": price.version, "price": msgspec.to_builtins(price), "since": now}
        for model, price in prices.items()
        if (model, price.version) not in known
    ]
    if new:
        connection.execute(price_versions.insert(), new)
    return len(new)


def every(connection: Connection) -> dict[tuple[str, str], Price]:
    """Price by model and version."""
    rows = connection.execute(select(price_versions))
    return {(row.model, row.version): msgspec.convert(row.price, Price) for row in rows}


def latest(connection: Connection, models: Iterable[str]) -> dict[str, Price]:
    """The price that came into force last, by model."""
    query = (
        select(price_versions).where(price_versions.c.model.in_(sorted(set(models)))).order_by(price_versions.c.since)
    )
    return {row.model: msgspec.convert(row.price, Price) for row in connection.execute(query)}


def named(connection: Connection, versions: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Price]:
    """Those of these versions that are written down, by model and version."""
    wanted = set(versions)
    query = select(price_versions).where(price_versions.c.model.in_(sorted({model for model, _ in wanted})))
    rows = [row for row in connection.execute(query) if (row.model, row.version) in wanted]
    return {(row.model, row.version): msgspec.convert(row.price, Price) for row in rows}
