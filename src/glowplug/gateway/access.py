"""What a key may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glowplug.domain.access import allows_route
from glowplug.errors import Forbidden

if TYPE_CHECKING:
    from glowplug.gateway.tables import Key


def may_use(key: Key, name: str) -> bool:
    """Whether a key may ask for a model or alias: all when it lists none; `openai/*` lists what begins so."""
    allowed = key.route.models
    return (
        not allowed or name in allowed or any(entry.endswith("*") and name.startswith(entry[:-1]) for entry in allowed)
    )


def check_route(key: Key, path: bytes) -> None:
    """Ask this only where a key has routes.  Raises Forbidden for an endpoint that is none of them."""
    text = path.decode("latin-1")
    if not allows_route(key.route.routes, text):
        raise Forbidden(
            f"This API key may not use {text}",
            hint=f"it may use {', '.join(key.route.routes)}",
            code="route_not_allowed",
        )
