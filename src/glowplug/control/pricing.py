"""Which price each model has: its own from the configuration, else that of the list, and none where neither knows.

Prices that are in force are written down by version, so that the check of the ledger can compute every line again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

import msgspec

from glowplug.clock import Clock
from glowplug.domain.price import LOCAL, Price
from glowplug.domain.snapshot import ModelRoute, Snapshot
from glowplug.errors import StoreError
from glowplug.ledger.price_table import PriceTable
from glowplug.ledger.prices import Pair
from glowplug.store import prices
from glowplug.store.database import Database

_log = logging.getLogger(__name__)
_HERE = re.compile(r"https?://(localhost|127\.[0-9.]+|\[::1\])([:/]|$)", re.IGNORECASE)


class Pricing:
    """Puts prices into snapshots.  `models` are those of the configuration in force, `changed` sends a new snapshot."""

    def __init__(
        self,
        table: PriceTable,
        database: Database,
        clock: Clock,
        models: Callable[[], tuple[ModelRoute, ...]],
        changed: Callable[[], None],
    ) -> None:
        self._table = table
        self._database = database
        self._clock = clock
        self._models = models
        self._changed = changed
        self._one_at_a_time = asyncio.Lock()

    def extend(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with a price in every model that has one."""
        return msgspec.structs.replace(snapshot, models=tuple(self._priced(model) for model in snapshot.models))

    async def refresh(self) -> None:
        """Look up what is missing, write down what is in force.  What cannot be done is logged; requests go on."""
        async with self._one_at_a_time:
            missing = self._table.lacks(_pair(model) for model in self._models() if _listed(model))
            if missing:
                try:
                    await asyncio.to_thread(self._table.fill, missing)
                except StoreError as error:
                    _log.error("%s; models without a price of their own cost nothing in the ledger", error)
                else:
                    self._changed()
            found = {model.name: self._priced(model) for model in self._models()}
            in_force = {name: price for name, model in found.items() if (price := price_in_force(model)) is not None}
            unpriced = [name for name, model in found.items() if name not in in_force and _listed(model)]
            if unpriced:
                _log.warning("no price is known for %s; give it `price` in the configuration", ", ".join(unpriced))
            try:
                await self._database.run(lambda c: prices.note(c, in_force, self._clock.unix()))
            except StoreError as error:
                _log.error("the prices in force could not be written down: %s", error)

    def _priced(self, model: ModelRoute) -> ModelRoute:
        if not _listed(model):
            return model
        price = self._table.find(_pair(model))
        return model if price is None else msgspec.structs.replace(model, price=price)


def price_in_force(model: ModelRoute) -> Price | None:
    """What lines of this model are computed with; None when nobody knows."""
    if model.price is None and model.local:
        return Price(version=LOCAL)
    return model.price


def _listed(model: ModelRoute) -> bool:
    """Whether the list is asked for it: it has no price of its own, and is not served on this machine."""
    return model.price is None and not model.local and not _HERE.match(model.base_url)


def _pair(model: ModelRoute) -> Pair:
    return model.base_url, model.upstream_model
