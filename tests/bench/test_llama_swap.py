"""The configuration and command line for llama-swap, whose program is not here."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml
from bench.engine import PORT, Launch
from bench.llama_swap import command, config
from bench.programs import BenchError

LAUNCH = Launch(
    ("/opt/py thon", "-m", "engine", "--port", PORT, "--alias", 'a "quoted" name', "-m", "/x/it's.gguf"),
    {"PATH": "/bin", "LLAMA_API_KEY": "sk-1", "NAME": "a: b #c"},
    "sk-1",
)


def test_the_same_command_and_environment_without_the_key() -> None:
    read = yaml.safe_load(config(LAUNCH, "chat: a", 12345))
    (name, model), *rest = read["models"].items()
    assert (name, rest) == ("chat: a", [])
    assert shlex.split(model["cmd"]) == ["${PORT}" if word == PORT else word for word in LAUNCH.argv]
    assert model["env"] == ["PATH=/bin", "NAME=a: b #c"]
    assert (model["checkEndpoint"], model["ttl"]) == ("/health", 0)
    assert model["proxy"] == "http://127.0.0.1:${PORT}"
    assert read["startPort"] == 12345
    assert read["healthCheckTimeout"] >= 15  # less is taken as 15


@pytest.mark.parametrize("launch", [Launch(("x", PORT, "${HOME}"), {}), Launch(("x", PORT), {"A": "${PORT}"})])
def test_what_would_be_a_macro_is_refused(launch: Launch) -> None:
    with pytest.raises(BenchError, match="macro"):
        config(launch, "m", 1)


def test_it_listens_on_loopback_only() -> None:
    assert command(Path("/opt/llama-swap"), Path("/w/c.yaml"), 4711) == [
        "/opt/llama-swap", "--config", "/w/c.yaml", "--listen", "127.0.0.1:4711",
    ]  # fmt: skip
