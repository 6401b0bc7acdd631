"""Names of what workers count together: control gives each a row of the counters, a worker finds its row by it.  Pure.

The amount is in the name, because a picture of a rate means nothing under another rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.snapshot import AliasRoute, KeyRoute, ModelRoute

RPM, TPM, CONCURRENCY = "rpm", "tpm", "concurrency"
ALIAS = "alias"


def label(unit: str, amount: int, scope: str, name: str) -> str:
    """Of a limit."""
    return f"{unit} {amount} {scope} {name}"


def period_label(budget: str, start: float) -> str:
    """Of one window of a budget."""
    return f"budget {budget} {start}"


def limit_label(unit: str, amount: int, limit: UseLimit) -> str:
    """Of a limit that is no key's and no model's own."""
    return label(unit, amount, f"limit {limit.scope}", limit.name)


def labels(
    models: Iterable[ModelRoute], aliases: Iterable[AliasRoute], keys: Iterable[KeyRoute], limits: Iterable[UseLimit]
) -> Iterator[str]:
    """Of every limit there is."""
    for model in models:
        yield from _some(Scope.MODEL, model.name, (RPM, model.rpm), (TPM, model.tpm))
    for alias in aliases:
        yield from _some(ALIAS, alias.name, (RPM, alias.rpm))
    for key in keys:
        yield from _some(Scope.KEY, key.id, (RPM, key.rpm), (TPM, key.tpm), (CONCURRENCY, key.concurrency))
    for limit in limits:
        units = ((RPM, limit.rpm), (TPM, limit.tpm), (CONCURRENCY, limit.concurrency))
        yield from (limit_label(unit, amount, limit) for unit, amount in units if amount is not None)


def _some(scope: str, name: str, *units: tuple[str, int | None]) -> Iterator[str]:
    for unit, amount in units:
        if amount is not None:
            yield label(unit, amount, scope, name)
