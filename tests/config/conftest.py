"""A catalogue of engines like the real one, and a short way to load a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from glowplug.config.catalogue import OptionProblem
from glowplug.config.load import Loaded, load
from glowplug.config.schema import OptionValue
from glowplug.errors import ConfigError, Problem


class Catalogue:
    """Two engines; `llamacpp` knows three options."""

    known: Mapping[str, type] = {"ctx_size": int, "gpu_layers": int, "parallel": int}

    def names(self) -> Sequence[str]:
        return ("llamacpp", "vllm")

    def command(self, engine: str) -> tuple[str, ...]:
        return {"llamacpp": ("llama-server",), "vllm": ("vllm", "serve")}[engine]

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
