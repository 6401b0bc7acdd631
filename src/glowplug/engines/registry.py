"""The engines there are.  To add one: write its file and add its row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glowplug.engines.base import Engine
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.ollama import Ollama

ENGINES: Mapping[str, Engine] = MappingProxyType({"llamacpp": LlamaCpp(), "ollama": Ollama()})
