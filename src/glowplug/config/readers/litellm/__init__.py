"""LiteLLM's `config.yaml`, and what its database lays over it: `read`.

Its sections, keys and precedence are those of versions 1.72 to 1.109.
"""

from glowplug.config.readers.litellm.reader import LiteLLM, read
from glowplug.config.readers.litellm.source import Include, Overlay

__all__ = ["Include", "LiteLLM", "Overlay", "read"]
