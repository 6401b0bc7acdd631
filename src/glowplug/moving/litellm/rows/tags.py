"""Tags with a budget: `LiteLLM_TagTable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted("LiteLLM_TagTable", ("tag_name",), ("tag_name", "description", "models", "spend", "budget_id"))


@dataclass(frozen=True)
class Tag:
    name: str
    description: str
    models: tuple[str, ...]
    spent: int
    """Nano-dollars."""
    budget: str
    """By id."""


def read_tag(values: Mapping[str, object], reading: Reading) -> Tag:
    row = Row(WANTED.table, str(values.get("tag_name")), values, reading)
    return Tag(row.text("tag_name"), row.text("description"), row.names("models"), row.spent(), row.text("budget_id"))
