"""Secrets of the source by the names our document has for them."""

from __future__ import annotations

from glowplug.config.readers.names import fitting
from glowplug.secret import Secret


class Secrets:
    """Names are given by what they are for: `litellm-openai-1`, `litellm-openai-2`; the same value for the same has
    one name."""

    def __init__(self) -> None:
        self.taken: dict[str, Secret] = {}
        self._names: dict[tuple[str, str], str] = {}

    def put(self, purpose: str, value: str) -> str:
        """What the document says instead of `value`."""
        label = fitting(purpose, 100).replace("/", "-").replace(":", "-")
        known = self._names.get((label, value))
        if known is not None:
            return f"secret:{known}"
        number = 1
        while (name := f"litellm-{label}-{number}") in self.taken:
            number += 1
        self._names[label, value] = name
        self.taken[name] = Secret(value)
        return f"secret:{name}"
