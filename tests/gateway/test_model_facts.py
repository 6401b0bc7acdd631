"""What a route and a name say of a model."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.model_facts import Facts, facts_of
from tests.gateway.rig import cloud, local


def _facts(name: str, **more: Any) -> Facts:
    return facts_of(name, [local(name, **more)])


@pytest.mark.parametrize(("name", "family", "parameters", "quantization"), [
    ("chat-hermes-3-llama-3.1-8b-llamacpp", "llama", "8B", ""),
    ("vision-qwen3-vl-4b-ollama", "qwen", "4B", ""),
    ("mixtral-8x7b-instruct-q4_k_m", "mixtral", "8x7B", "Q4_K_M"),
    ("gemma3:270m", "gemma", "270M", ""),
    ("embed-arctic-m-llamacpp", "arctic", "", ""),
    ("chat-ab12bc-x", "", "", ""),
    ("gpt-oss:20b", "gpt-oss", "20B", ""),
    ("phi-4-fp8", "phi", "", "FP8"),
])  # fmt: skip
def test_what_a_name_says(name: str, family: str, parameters: str, quantization: str) -> None:
    facts = _facts(name)
    assert (facts.family, facts.parameters, facts.quantization) == (family, parameters, quantization)


@pytest.mark.parametrize(("name", "sees", "thinks"), [
    ("vision-qwen3-vl-4b-ollama", True, True), ("chat-mistral-7b-ollama", False, False), ("gpt-oss:20b", False, True),
    ("deepseek-r1:8b", False, True), ("claude-sonnet-5", True, False), ("visionary-7b", False, False),
])  # fmt: skip
def test_eyes_and_thoughts(name: str, sees: bool, thinks: bool) -> None:
    facts = _facts(name)
    assert (facts.sees, facts.thinks) == (sees, thinks)
    only_embeds = _facts(name, capabilities=(Capability.EMBEDDINGS,))
    assert not (only_embeds.sees or only_embeds.thinks or only_embeds.able.chats)


def test_an_alias_promises_what_every_target_keeps_and_can_what_one_of_them_can() -> None:
    one = cloud("a", context_window=8000, max_output=100, capabilities=(Capability.CHAT,))
    other = local("b", engine_options={"num_ctx": 4096}, capabilities=(Capability.EMBEDDINGS,))
    facts = facts_of("x", [one, other, cloud("c")])
    assert (facts.able.context_window, facts.able.max_output) == (4096, 100)
    assert set(facts.able.capabilities) == {Capability.CHAT, Capability.EMBEDDINGS, Capability.COMPLETIONS}
    assert facts_of("x", [cloud("c")]).able.context_window is None


def test_vectors_are_promised_where_every_target_promises_the_same() -> None:
    small, unit = cloud("a", dimensions=384), cloud("b", dimensions=384, unit_vectors=True)
    told = [(facts_of("x", routes).able.dimensions, facts_of("x", routes).able.unit_vectors) for routes in (
        [unit], [small, unit], [unit, cloud("c", dimensions=768, unit_vectors=True)], [unit, cloud("c")], [],
    )]  # fmt: skip
    assert told == [(384, True), (384, False), (None, True), (None, False), (None, False)]
