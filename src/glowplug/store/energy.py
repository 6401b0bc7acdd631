"""What lines of the ledger used of the energy that devices reported; told once for a line that is closed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, update

from glowplug.domain.energy import energy_cost
from glowplug.domain.price import LOCAL, Price
from glowplug.store import prices, rollups, usage_days
from glowplug.store.attempts import lines_of
from glowplug.store.lines import CLOSED
from glowplug.store.tables import attempts


def put(connection: Connection, measured: Mapping[tuple[str, int], int], price: Price | None, now: float) -> int:
    """Write millijoules into closed lines that have none yet, by request and attempt; returns into how many.

    A line whose model has no price of its own costs what `price` makes of them, and the sums move with it.
    """
    lines = lines_of(connection, {request for request, _ in measured})
    sums: rollups.Sums = {}
    changes = []
    priced: dict[str, Price] = {}
    for identity, energy in measured.items():
        line = lines.get(identity)
        if line is None or line["state"] != CLOSED or line["energy_mj"] is not None:
            continue
        cost, version = line["cost"], line["price"]
        if price is not None and version == LOCAL:
            cost, version = energy_cost(price.energy, energy), price.version
            priced[line["model"]] = price
            rollups.count(sums, line, -1)
            rollups.count(sums, {**line, "cost": cost})
        changes.append({"r": identity[0], "a": identity[1], "mj": energy, "nano": cost, "version": version})
    if not changes:
        return 0
    prices.note(connection, priced, now)
    change = (
        update(attempts)
        .where(attempts.c.request == bindparam("r"), attempts.c.attempt == bindparam("a"))
        .values(energy_mj=bindparam("mj"), cost=bindparam("nano"), price=bindparam("version"))
    )
    connection.execute(change, changes)
    rollups.move(connection, sums)
    usage_days.unmake(connection, {lines[one["r"], one["a"]]["day"] for one in changes})
    return len(changes)
