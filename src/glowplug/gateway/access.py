"""What a key may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glowplug.gateway.tables import Key


def may_use(key: Key, name: str) -> bool:
    """Whether a key may ask for a model or alias: all when it lists none; `openai/*` lists what begins so."""
    allowed = key.route.models
    return (
        not allowed or name in allowed or any(entry.endswith("*") and name.startswith(entry[:-1]) for entry in allowed)
    )
