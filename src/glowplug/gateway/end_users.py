"""Keys as they count while somebody asks through them: with the budgets and limits of that end user, too.

Only for keys that may say who asks (`end_users`): those of a front end that the operator trusts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from glowplug.gateway.limiting import Closed, Guard

if TYPE_CHECKING:
    from glowplug.gateway.tables import Key
    from glowplug.routing.budgets import Meter

Bounds = tuple[Guard | None, tuple["Meter", ...]]
"""Limits and budgets."""


class EndUsers:
    """Those of one snapshot who are limited.  Others pass as their key does."""

    __slots__ = ("_bounds", "_made")

    def __init__(self, bounds: Mapping[str, Bounds]) -> None:
        self._bounds = bounds
        self._made: dict[tuple[Key, str], Key] = {}

    def key(self, key: Key, name: str) -> Key:
        """The key while this one asks; `name` has its prefix (`wire.end_user`)."""
        if name not in self._bounds:
            return key
        made = self._made.get((key, name))
        if made is None:
            guard, meters = self._bounds[name]
            made = self._made[key, name] = key.within(_joined(key.guard, guard), meters)
        return made


def _joined(one: Guard | None, other: Guard | None) -> Guard | None:
    """A guard of both, over the same counters."""
    if one is None or other is None or isinstance(other, Closed):
        return other or one
    return Guard(one.rates + other.rates, one.tokens + other.tokens, one.slots + other.slots, one.meters + other.meters)
