"""Which shape a target of each dialect has: the table that a new wire gets its row in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from glowplug.domain.model import Dialect
from glowplug.domain.snapshot import ModelRoute
from glowplug.gateway.shapes import AsIs, Shape
from glowplug.gateway.translated import OllamaWire

SHAPES: Final[dict[Dialect, Callable[[ModelRoute], Shape]]] = {Dialect.OPENAI: AsIs, Dialect.OLLAMA: OllamaWire}
"""Dialect → shape; a dialect that is not here is forwarded as it is."""


def shape_of(route: ModelRoute) -> Shape:
    """The shape of a target with this route."""
    return SHAPES.get(route.dialect, AsIs)(route)
