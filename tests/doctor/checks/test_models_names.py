"""Names off the convention."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.models_names import Names
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

OURS = {"chat-gpt-5-mini-openai": "openai/gpt-5-mini", "any/*": "openai/*"}
"""LiteLLM's, by name."""


def listed(machine: Machine, *more: str, **models: str) -> None:
    """LiteLLM's models: those that follow, these, and what else `model_list` has."""
    entries = [f"- {{model_name: {name}, litellm_params: {{model: {model}}}}}\n"
               for name, model in {**OURS, **models}.items()]  # fmt: skip
    machine.litellm_config("model_list:\n" + "".join([*entries, *(f"- {one}\n" for one in more)]))


EXHIBITS = [
    Exhibit("a model called by half its name", "models-names",
            lambda m: m.models(model=MODEL.replace("chat-hermes-llamacpp", "hermes")), ("model hermes",),
            Severity.NOTE, repaired=False, healthy=lambda m: m.models()),
    Exhibit("a provider's model that names another place", "models-names",
            lambda m: m.models("  chat-x-llamacpp: {provider: openai, id: x}\n"), ("chat-x-llamacpp",),
            Severity.NOTE, repaired=False, healthy=lambda m: m.models()),
    Exhibit("LiteLLM's names of which some follow", "models-names",
            lambda m: listed(m, gpt="openai/gpt-5", claude="claude-sonnet-5"), ("LiteLLM's names",),
            Severity.NOTE, repaired=False, healthy=listed),
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


def test_what_litellms_are_proposed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    embed = "{model_name: e, litellm_params: {model: openai/small}, model_info: {mode: embedding}}"
    listed(
        machine, embed, **{"hermes": "ollama/hermes3:8b", "chat-x-openai": "anthropic/x", "gpt": "openai/gpt-5-mini"}
    )
    (finding,) = look(Names(), machine.site)[0].findings
    assert finding.summary.startswith("do not all follow: 4 of 5 say less")
    told = {line.split(" ", 1)[0]: line.rpartition(": ")[2] for line in finding.evidence}
    assert told == {"hermes": "chat-hermes3-8b-ollama", "chat-x-openai": "chat-x-anthropic",
                    "gpt": "chat-gpt-5-mini-2-openai", "e": "embed-small-openai"}  # fmt: skip


@pytest.mark.parametrize("entry", [
    "{model_name: box, litellm_params: {model: openai/m, api_base: 'http://127.0.0.1:8080/v1'}}",
    "{model_name: '', litellm_params: {model: openai/m}}",
    "{model_name: odd, litellm_params: {model: os.environ/MODEL}}",
    "{model_name: odd, litellm_params: {model: 7, custom_llm_provider: [x]}, model_info: {mode: {}}}",
    "{model_name: odd, litellm_params: {}}", "{model_name: 'x/*', litellm_params: {model: 'openai/*'}}", "7",
    "{model_name: two, litellm_params: {model: openai/m}}\n- {model_name: two, litellm_params: {model: anthropic/m}}",
])  # fmt: skip
def test_of_what_nobody_knows_nothing_is_said(tmp_path: Path, entry: str) -> None:
    machine = Machine(tmp_path)
    listed(machine, entry)
    looked, _ = look(Names(), machine.site)
    assert (looked.findings, looked.could_not) == ((), "")


def test_a_long_list_is_cut_and_another_convention_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    many = {f"gpt-{number}": f"openai/gpt-{number}" for number in range(30)}
    listed(machine, **many)
    (finding,) = look(Names(), machine.site)[0].findings
    assert len(finding.evidence) == 11 and finding.evidence[-1] == "and 20 more"
    machine.litellm_config("model_list:\n- {model_name: gpt, litellm_params: {model: openai/gpt-5}}\n")
    assert not look(Names(), machine.site)[0].findings
