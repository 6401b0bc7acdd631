"""`{port}`, `{host}`, `{model}`, `{path}` and `{key}` in words of the configuration, filled in at a launch.  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine

KEY = "{key}"

_PLACEHOLDER = re.compile(r"\{(port|host|model|path|key)\}")


def values(model: LocalModel, endpoint: Endpoint) -> dict[str, str]:
    """What a command line may hold: everything but the key, which other users could read there."""
    return {"port": str(endpoint.port), "host": endpoint.host, "model": model.name, "path": model.path}


def fill(text: str, known: Mapping[str, str]) -> str:
    """`text` with the placeholders of `known` filled in, in one pass: what comes in is not looked at again.  Other
    braces stay, so that JSON needs no escaping."""
    return _PLACEHOLDER.sub(lambda match: known.get(match[1], match[0]), text)


def launch_environment(
    engine: Engine, model: LocalModel, endpoint: Endpoint, place: Place | None = None
) -> dict[str, str]:
    """All that one launch adds to the clean environment: the engine's variables, the model's own with their
    placeholders filled in (the key included), and the variable that carries the key."""
    known = {**values(model, endpoint), "key": endpoint.key}
    own = {name: fill(value, known) for name, value in model.env.items()}
    return {**engine.env(model, place), **own, **engine.secrets(endpoint)}
