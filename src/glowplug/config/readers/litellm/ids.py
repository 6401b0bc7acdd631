"""The id LiteLLM gives a deployment: what its spend logs and `x-litellm-model-id` call it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from glowplug.config.readers.foreign import Value


def deployment_id(name: str, params: Mapping[str, Value], info: Mapping[str, Value]) -> str:
    """`model_info.id`, else the SHA-256 of the name and of every parameter's name and value in their order
    (`Router._generate_model_id`, versions 1.72 to 1.109).  `params` are those of the file with variables resolved."""
    given = info.get("id")
    if given is not None and given != "":
        return str(given)
    parts = [name]
    for key, value in params.items():
        parts += (
            key,
            value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else str(value),
        )
    return sha256("".join(parts).encode("utf-8", "replace")).hexdigest()
