"""The engines there are.  To add one: write its file and add its row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glowplug.engines.base import Engine
from glowplug.engines.command import Command
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.ollama import Ollama
from glowplug.engines.sglang import Sglang
from glowplug.engines.vllm import Vllm

ENGINES: Mapping[str, Engine] = MappingProxyType(
    {"llamacpp": LlamaCpp(), "vllm": Vllm(), "sglang": Sglang(), "ollama": Ollama(), "command": Command()}
)
