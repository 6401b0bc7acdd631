"""A catalogue of engines like the real one, and a short way to load a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from glowplug.config.catalogue import OptionProblem
from glowplug.config.kinds import OptionValue
from glowplug.config.load import Loaded, load
from glowplug.domain.model import Capability
from glowplug.errors import ConfigError, Problem


class Catalogue:
    """Five engines; all know the same few options."""

    known: Mapping[str, type] = {"ctx_size": int, "gpu_layers": int, "parallel": int, "num_ctx": int}
    commands: Mapping[str, tuple[str, ...]] = {
        "llamacpp": ("llama-server",), "vllm": ("vllm", "serve"), "sglang": ("sglang",), "ollama": ("ollama", "serve"),
        "command": (),
    }  # fmt: skip
    needed: Mapping[str, tuple[str, ...]] = {
        "llamacpp": ("path",), "vllm": ("path|id",), "sglang": ("path|id",), "ollama": ("id",),
        "command": ("command|unit", "ready"),
    }  # fmt: skip

    def names(self) -> Sequence[str]:
        return tuple(self.commands)

    def command(self, engine: str) -> tuple[str, ...]:
        return self.commands[engine]

    def needs(self, engine: str) -> Sequence[str]:
        return self.needed[engine]

    def capabilities(self, engine: str) -> tuple[Capability, ...]:
        return (Capability.CHAT,) if engine == "command" else (Capability.CHAT, Capability.COMPLETIONS)

    def hosted(self, engine: str) -> bool:
        return engine == "ollama"

    def request_options(self, engine: str, options: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        return {"num_ctx": 4096, **options} if engine == "ollama" else {}

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        found = []
        for name, value in options.items():
            if name not in self.known:
                found.append(OptionProblem(name, f"{engine} has no such option"))
            elif type(value) is not self.known[name]:
                found.append(OptionProblem(name, "must be a whole number"))
        return found


@pytest.fixture
def load_text(tmp_path: Path) -> Callable[..., Loaded]:
    def run(text: str, **env: str) -> Loaded:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return load(path, env={"HOME": "/home/u", **env}, engines=Catalogue())

    return run


@pytest.fixture
def problems_of(load_text: Callable[..., Loaded]) -> Callable[..., list[Problem]]:
    def run(text: str, **env: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, **env)
        return list(caught.value.problems)

    return run
