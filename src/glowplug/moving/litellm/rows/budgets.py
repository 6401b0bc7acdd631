"""Budgets that keys, members, organisations, end users and tags share by id: `LiteLLM_BudgetTable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows import allowance
from glowplug.moving.litellm.rows.allowance import Allowance
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted(
    "LiteLLM_BudgetTable",
    ("budget_id",),
    ("budget_id", "allowed_models", "temp_budget_increase", *allowance.COLUMNS),
    ("temp_budget_expiry", *allowance.MOMENTS),
)


@dataclass(frozen=True)
class Budget:
    id: str
    allowance: Allowance
    models: tuple[str, ...] = ()
    """Models a member with this budget may use; empty: what the team may."""
    more: int | None = None
    """Nano-dollars on top, for a while."""
    more_until: float | None = None


def read_budget(values: Mapping[str, object], reading: Reading) -> Budget:
    row = Row(WANTED.table, str(values.get("budget_id")), values, reading)
    return Budget(
        row.text("budget_id"),
        allowance.read_allowance(row),
        row.names("allowed_models"),
        row.money("temp_budget_increase"),
        row.moment("temp_budget_expiry"),
    )
