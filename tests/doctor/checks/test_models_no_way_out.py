"""Aliases without a way out."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_no_way_out import NoWayOut
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

HOME_ONLY = "{targets: [chat-hermes-llamacpp]}"
OUT = "{targets: [chat-hermes-llamacpp], fallback: [out]}\n  out: {targets: [chat-gpt-openai]}\n"


def exhibit(name: str, alias: str, severity: Severity) -> Exhibit:
    return Exhibit(name, "models-no-way-out", lambda m: m.models(f"aliases:\n  {alias}: {HOME_ONLY}\n"),
                   (f"alias {alias}",), severity, repaired=False,
                   healthy=lambda m: m.models(f"aliases:\n  {alias}: {OUT}"))  # fmt: skip


def foreign(machine: Machine, fallback: str) -> None:
    local = "{model: ollama/x, timeout: 9, rpm: 9}"
    machine.litellm_config(
        f"model_list:\n- {{model_name: default, litellm_params: {local}}}\n"
        "- {model_name: out, litellm_params: {model: openai/x}}\n"
        f"router_settings:\n  model_group_alias: {{fast: default}}\n  fallbacks: [{{default: [{fallback}]}}]\n"
    )


EXHIBITS = [
    exhibit("the default knows only this machine", "default", Severity.WARNING),
    Exhibit("LiteLLM's default knows only this machine", "models-no-way-out", lambda m: foreign(m, "default"),
            ("LiteLLM's default", "LiteLLM's fast"), repaired=False, healthy=lambda m: foreign(m, "out")),
    exhibit("an alias knows only this machine", "private", Severity.NOTE),
]  # fmt: skip


def test_who_has_no_provider_wants_none(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(CONFIG, f"models:\n{MODEL}aliases:\n  default: {HOME_ONLY}\n")
    assert look(NoWayOut(), machine.site)[0].skipped


def test_a_provider_whose_key_is_not_set_is_no_way_out(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models("aliases:\n  chat: {targets: [chat-hermes-llamacpp, chat-gpt-openai]}\n")
    text = machine.path(CONFIG).read_text()
    machine.write(CONFIG, text.replace("sk-x", "'${NOWHERE_SET}'"))
    (finding,) = look(NoWayOut(), machine.site)[0].findings
    assert "NOWHERE_SET" in finding.evidence[1]
