"""Models that are kept for ever."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_kept_forever import KeptForever
from glowplug.doctor.examine import look
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

FOREVER = MODEL + "    keep_alive: -1  # always there\n"
LISTED = "model_list:\n- {model_name: x, litellm_params: {model: ollama/x, timeout: 9, rpm: 9, keep_alive: %s}}\n"

EXHIBITS = [
    Exhibit("a model is kept", "models-kept-forever", lambda m: m.models(model=FOREVER), ("chat-hermes-llamacpp",),
            healthy=lambda m: m.models(model=MODEL + "    keep_alive: 5m\n")),
    Exhibit("all models are kept", "models-kept-forever", lambda m: m.models("defaults:\n  keep_alive: -1\n"),
            ("chat-hermes-llamacpp",), healthy=lambda m: m.models()),
    Exhibit("LiteLLM's Ollama model is kept", "models-kept-forever", lambda m: m.litellm_config(LISTED % "-1"),
            ("model_list[0] (x)",), repaired=False, healthy=lambda m: m.litellm_config(LISTED % "5m")),
]  # fmt: skip


def test_a_pinned_model_is_meant_to_stay(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=FOREVER + "    pinned: true\n")
    assert look(KeptForever(), machine.site)[0].findings == ()


def test_what_the_environment_says_is_not_edited(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models()
    machine.site.env = {"GLOWPLUG_DEFAULTS__KEEP_ALIVE": "-1"}
    looked, remedy = look(KeptForever(), machine.site)
    assert len(looked.findings) == 1 and remedy is None


def test_the_edit_keeps_comments(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=FOREVER)
    _, remedy = look(KeptForever(), machine.site)
    assert remedy is not None and remedy.actions[0].do(machine.hands)
    assert 'keep_alive: "30m"  # always there\n' in machine.path(CONFIG).read_text()
