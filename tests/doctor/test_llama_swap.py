"""llama-swap's models that are loaded before anybody asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.llama_swap import preloaded
from glowplug.doctor.loading import Loads
from tests.doctor.museum import HOME, Machine

MODELS = "models:\n  qwen: {cmd: llama-server --port 1 -m /m/qwen.gguf}\n  odd: {cmd: ./serve}\n"
HOOK = "hooks:\n  on_startup:\n    preload: [%s]\n"
COMMAND = "/usr/local/bin/llama-swap --config %h/swap.yaml --listen :8080"


@pytest.mark.parametrize(("text", "command", "found"), [
    (MODELS + HOOK % "qwen", COMMAND, Loads("llama.cpp", "/m/qwen.gguf")),
    (MODELS + HOOK % "odd", COMMAND, Loads("llama-swap", "odd")),
    (MODELS + HOOK % "qwen", f"llama-swap -config={HOME}/swap.yaml", Loads("llama.cpp", "/m/qwen.gguf")),
    (MODELS + HOOK % "7, gone", COMMAND, Loads("llama-swap", "gone")), (MODELS + HOOK % "", COMMAND, None),
    (MODELS, COMMAND, None), ("models: [", COMMAND, None), (MODELS + HOOK % "qwen", "llama-swap", None),
    (MODELS + HOOK % "qwen", "llama-swap --config /gone.yaml", None),
    (MODELS + HOOK % "qwen", "tail /x/swap.log", None),
])  # fmt: skip
def test_the_first_of_the_hook(tmp_path: Path, text: str, command: str, found: Loads | None) -> None:
    machine = Machine(tmp_path)
    machine.write(f"{HOME}/swap.yaml", text)
    assert preloaded(machine.site, command) == found
