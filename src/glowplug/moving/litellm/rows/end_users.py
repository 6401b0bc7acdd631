"""People whom a client asks for, by the `user` of its requests: `LiteLLM_EndUserTable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted(
    "LiteLLM_EndUserTable",
    ("user_id",),
    ("user_id", "alias", "spend", "budget_id", "blocked", "default_model", "allowed_model_region", "models"),
)


@dataclass(frozen=True)
class EndUser:
    id: str
    name: str
    spent: int
    """Nano-dollars."""
    budget: str
    """By id."""
    blocked: bool
    default_model: str
    region: str
    """The only region whose models may answer."""
    models: tuple[str, ...]


def read_end_user(values: Mapping[str, object], reading: Reading) -> EndUser:
    row = Row(WANTED.table, str(values.get("user_id")), values, reading)
    return EndUser(
        row.text("user_id"),
        row.text("alias"),
        row.spent(),
        row.text("budget_id"),
        row.flag("blocked"),
        row.text("default_model"),
        row.text("allowed_model_region"),
        row.names("models"),
    )
