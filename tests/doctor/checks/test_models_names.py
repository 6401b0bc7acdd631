"""Names off the convention."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_names import Names
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

EXHIBITS = [
    Exhibit("a model called by half its name", "models-names",
            lambda m: m.models(model=MODEL.replace("chat-hermes-llamacpp", "hermes")), ("model hermes",),
            Severity.NOTE, repaired=False, healthy=lambda m: m.models()),
    Exhibit("a provider's model that names another place", "models-names",
            lambda m: m.models("  chat-x-llamacpp: {provider: openai, id: x}\n"), ("chat-x-llamacpp",),
            Severity.NOTE, repaired=False, healthy=lambda m: m.models()),
]  # fmt: skip


def test_the_advice_is_the_command(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=MODEL.replace("chat-hermes-llamacpp", "hermes"))
    (finding,) = look(Names(), machine.site)[0].findings
    assert "glowplug rename hermes chat-hermes-llamacpp" in finding.advice


def test_without_models_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(CONFIG, "")
    assert look(Names(), machine.site)[0].skipped
