"""Models without bounds."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_unbounded import Unbounded
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, MODEL, Exhibit, Machine

VISION = MODEL.replace("chat-hermes-llamacpp", "vision-hermes-llamacpp")
LIMITED = "{model: ollama/x, timeout: 60, rpm: 9}"


def listed(params: str, info: str = "{}") -> str:
    return f"model_list:\n- {{model_name: x, litellm_params: {params}, model_info: {info}}}\n"


EXHIBITS = [
    Exhibit("a model for as many as come", "models-unbounded",
            lambda m: m.models(model=MODEL.replace("    max_concurrency: 4\n", "")), ("chat-hermes-llamacpp",),
            Severity.NOTE, repaired=False, healthy=lambda m: m.models()),
    Exhibit("a vision model that may talk for ever", "models-unbounded", lambda m: m.models(model=VISION),
            ("vision-hermes-llamacpp",),
            healthy=lambda m: m.models(model=VISION + "    request_defaults: {max_tokens: 100}\n")),
    Exhibit("LiteLLM's local model", "models-unbounded", lambda m: m.litellm_config(listed("{model: ollama/x}")),
            ("model_list[0] (x)",), repaired=False, healthy=lambda m: m.litellm_config(listed(LIMITED))),
    Exhibit("a local model of LiteLLM's database", "models-unbounded",
            lambda m: m.wing.model("m-x", m.wing.sealer.row({"model": "ollama/x", "timeout": 60})),
            ("LiteLLM's stored model m-x (m-x)",), repaired=False, healthy=lambda m: m.install_litellm() and None),
    Exhibit("LiteLLM's vision model", "models-unbounded",
            lambda m: m.litellm_config(listed("{model: openai/x}", "{supports_vision: true}")), ("model_list[0] (x)",),
            repaired=False,
            healthy=lambda m: m.litellm_config(listed("{model: openai/x, max_tokens: 5}", "{supports_vision: true}"))),
]  # fmt: skip


def test_what_is_said_for_all_models_counts(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.litellm_config(listed("{model: ollama/x, rpm: 5}") + "litellm_settings: {request_timeout: 30}\n")
    assert look(Unbounded(), machine.site)[0].findings == ()


def test_the_edit_keeps_comments(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=VISION)
    _, remedy = look(Unbounded(), machine.site)
    assert remedy is not None
    assert remedy.actions[0].do(machine.hands)
    text = machine.path(CONFIG).read_text()
    assert "# at home" in text and "    request_defaults: {max_tokens: 4096}\n" in text
