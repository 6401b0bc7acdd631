"""LiteLLM's prices, in dollars a token → ours, in dollars a million tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.keys_model import PRICES
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import number

_TIER = re.compile(r"(input|output)_cost_per_token_above_([1-9][0-9]{0,5})k_tokens")
_MOST = 9_000_000
"""Dollars a million tokens; more is a mistake."""


def price(where: str, sources: Mapping[str, Mapping[str, Value]], notes: Notes) -> dict[str, Value]:
    """`price` of a model; empty when nothing is said.  `sources`: place → keys, the first wins."""
    found: dict[str, Value] = {}
    tiers: dict[int, dict[str, Value]] = {}
    for place, keys in sources.items():
        for key, value in keys.items():
            tier = _TIER.fullmatch(key)
            if value is None or not (key in PRICES or tier):
                continue
            dollars = _dollars(value, 1 if key == "input_cost_per_request" else 1_000_000)
            if dollars is None:
                notes.left(f"{where}.{place}.{key}", "no price", "it is no amount of dollars")
            elif tier:
                field = "prompt" if tier[1] == "input" else "completion"
                tiers.setdefault(int(tier[2]) * 1000, {}).setdefault(field, dollars)
            else:
                found.setdefault(PRICES[key], dollars)
    if tiers:
        steps = [(above, rates) for above, rates in sorted(tiers.items())]
        found["tiers"] = [
            {"above": above, **{field: rates.get(field, found.get(field, 0)) for field in ("prompt", "completion")}}
            for above, rates in steps
        ]
    return found


def _dollars(value: Value, tokens: int) -> float | int | None:
    if number(value) is None:
        return None
    amount = (Decimal(str(value).strip()) * tokens).quantize(Decimal("1e-9"))
    if not 0 <= amount <= _MOST:
        return None
    return int(amount) if amount == int(amount) else float(amount)
