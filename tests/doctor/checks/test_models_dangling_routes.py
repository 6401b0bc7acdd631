"""Routes that lead nowhere."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_dangling_routes import DanglingRoutes
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, STATE, Exhibit, Machine
from tests.doctor.server import serve_litellm

GOOD = "aliases:\n  chat: {targets: [chat-hermes-llamacpp, chat-gpt-openai]}\n"
LIST = "model_list:\n- {model_name: a, litellm_params: {model: openai/a}}\n- {model_name: b/*, litellm_params: {}}\n"
FOREIGN = LIST + "router_settings:\n  model_group_alias: {x: a}\n  fallbacks: [{a: [b/1]}, {x: [a]}]\n"


def exhibit(name: str, more: str, *subjects: str) -> Exhibit:
    return Exhibit(name, "models-dangling-routes", lambda m: m.models(more), subjects, Severity.ERROR, repaired=False,
                   healthy=lambda m: m.models(GOOD))  # fmt: skip


def foreign(name: str, text: str, *subjects: str) -> Exhibit:
    return Exhibit(name, "models-dangling-routes", lambda m: m.litellm_config(text), subjects, Severity.ERROR,
                   repaired=False, healthy=lambda m: m.litellm_config(FOREIGN))  # fmt: skip


def served(machine: Machine, target: str) -> None:
    """By a server whose models are in its database: its file says nothing of them."""
    entries = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("a", "b")]
    settings = {"current_values": {"fallbacks": [{"a": [target]}]}}
    serve_litellm(machine, {"/v1/models": {}, "/model/info": {"data": entries}, "/router/settings": settings})


EXHIBITS = [
    exhibit("an alias without its model", "aliases:\n  chat: {targets: [chat-gpt-openai, chat-gone]}\n",
            "aliases.chat.targets[1]"),
    exhibit("fallbacks in a circle", "aliases:\n  a: {targets: [chat-gpt-openai], fallback: [b]}\n"
            "  b: {targets: [chat-gpt-openai], fallback: [a]}\n", "aliases.a.fallback", "aliases.b.fallback"),
    exhibit("a default that is not there", "defaults:\n  fallback: [chat-gone]\n", "defaults.fallback[0]"),
    foreign("LiteLLM's fallbacks", LIST + "litellm_settings:\n  fallbacks: [{a: [gone]}, {gone: [a]}]\n"
            "  default_fallbacks: [gone]\n", "fallbacks[0]", "fallbacks[1]", "default_fallbacks"),
    Exhibit("a fallback of a LiteLLM that runs", "models-dangling-routes", lambda m: served(m, "gone"),
            ("router_settings.fallbacks[0]",), Severity.ERROR, repaired=False, healthy=lambda m: served(m, "b")),
    foreign("LiteLLM's aliases in a circle", LIST + "router_settings:\n  model_group_alias: {x: y, y: {model: x}}\n",
            "model_group_alias: x", "model_group_alias: y"),
]  # fmt: skip


def test_an_entry_that_was_added_through_the_api_is_left_out_and_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(GOOD)
    machine.write(f"{STATE}/managed.yaml", "aliases:\n  other: {targets: [chat-gone]}\n")
    (finding,) = look(DanglingRoutes(), machine.site)[0].findings
    assert (finding.subject, finding.severity) == ("aliases.other.targets[0]", Severity.WARNING)


def test_a_file_that_is_refused_for_something_else_cannot_be_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(CONFIG, "nonsense: 1\n")
    assert look(DanglingRoutes(), machine.site)[0].could_not


def test_a_name_that_may_be_in_litellms_database_is_not_judged(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.litellm_config(
        LIST + "router_settings:\n  fallbacks: [{a: [gone]}]\ngeneral_settings: {store_model_in_db: true}\n"
    )
    assert look(DanglingRoutes(), machine.site)[0].findings == ()
