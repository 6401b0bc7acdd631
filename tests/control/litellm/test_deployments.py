"""Deployments of LiteLLM's ↔ entries of ours, without a process around them."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.control.litellm.deployments import (
    Wanted,
    entries,
    joined,
    laid_over,
    left,
    params_of,
    provider_over,
    said,
    written_over,
)
from glowplug.errors import RequestError
from glowplug.providers.catalogue import PROVIDERS


@pytest.mark.parametrize(
    ("params", "provider", "id"),
    [
        ({"model": "openai/gpt-5-mini", "api_key": "k1"}, {"type": "openai", "api_key": "k1"}, "gpt-5-mini"),
        ({"model": "openai/gpt-5-mini"}, {"type": "openai"}, "gpt-5-mini"),
        ({"model": "anthropic/claude", "api_key": "k1"}, {"type": "anthropic", "api_key": "k1"}, "claude"),
        ({"model": "hosted_vllm/q", "api_base": "http://h:8000/v1"}, {"base_url": "http://h:8000/v1"}, "q"),
        ({"model": "ollama_chat/q:8b", "api_base": "http://h:11434"}, {"base_url": "http://h:11434/v1"}, "q:8b"),
        ({"model": "q", "custom_llm_provider": "openai", "api_key": "k1"}, {"type": "openai", "api_key": "k1"}, "q"),
    ],
)
def test_there_and_back(params: dict[str, Any], provider: dict[str, Any], id: str) -> None:
    made = entries(Wanted("name", params), "one", PROVIDERS)
    assert (made.provider, made.model["id"], made.model["former_ids"]) == (provider, id, ["one"])
    assert "k1" not in repr(made)
    back = params_of("m", {**made.model, "provider": "p"}, made.provider, PROVIDERS)
    assert "api_key" not in back.params
    again = entries(Wanted("name", back.params, back.info), "one", PROVIDERS)
    assert {**again.provider, **({"api_key": "k1"} if "api_key" in params else {})} == provider
    assert again.model == made.model


def test_a_secret_header_is_refused_without_its_value() -> None:
    params: dict[str, Any] = {"model": "openai/x", "extra_headers": {"X-Api-Key": "sk-v3ry"}}
    with pytest.raises(RequestError, match="X-Api-Key") as caught:
        entries(Wanted("name", params), "one", PROVIDERS)
    assert "v3ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("alias", "weight", "expected"),
    [
        ({}, None, {"targets": ["n"]}),
        ({}, 3, {"targets": ["n"], "policy": "weight", "weights": {"n": 3}}),
        ({"targets": ["a"]}, None, {"targets": ["a", "n"], "policy": "weight"}),
        ({"targets": ["a"], "policy": "latency"}, None, {"targets": ["a", "n"], "policy": "latency"}),
        ({"targets": ["a", "b"]}, None, {"targets": ["a", "b", "n"]}),
        ({"targets": ["n"], "rpm": 1}, None, {"targets": ["n"], "rpm": 1}),
    ],
)
def test_one_more_target(alias: dict[str, Any], weight: int | None, expected: dict[str, Any]) -> None:
    assert joined(alias, "n", weight) == expected


def test_one_target_less() -> None:
    assert left({"targets": ["a"]}, "a") is None
    two = {"targets": ["a", "b"], "policy": "weight", "weights": {"a": 2}}
    assert left(two, "a") == {"targets": ["b"], "policy": "weight"}
    assert left(two, "b") == {"targets": ["a"], "policy": "weight", "weights": {"a": 2}}


def test_what_says_nothing() -> None:
    sent = {"rpm": 0, "temperature": 0, "tags": [], "a": False, "b": None, "c": "", "d": {}, "e": True}
    assert said(sent) == {"temperature": 0, "e": True}


def test_a_change_over_what_is_there() -> None:
    now, change = Wanted("n", {"a": 1, "b": 2}, {"mode": "chat"}), Wanted("", {"b": None, "c": 3})
    assert laid_over(now, change) == Wanted("n", {"a": 1, "c": 3}, {"mode": "chat"})
    made = entries(Wanted("n", {"model": "openai/x"}), "one", PROVIDERS)
    old = {"id": "old", "rpm": 5, "quirks": ["-x"], "capabilities": ["chat", "responses"]}
    assert written_over(old, made, {}) == {
        "provider": "openai", "id": "x", "former_ids": ["one"], "quirks": ["-x"], "capabilities": ["chat", "responses"],
    }  # fmt: skip
    assert "capabilities" not in written_over(old, made, {"mode": "chat"})


def test_a_key_stays_at_its_address() -> None:
    made = entries(Wanted("n", {"model": "openai/x"}), "one", PROVIDERS)
    kept = provider_over({"type": "openai", "api_key": "secret:p", "idle_timeout": 9}, made)
    assert kept == {"type": "openai", "api_key": "secret:p", "idle_timeout": 9}
    with pytest.raises(RequestError, match="another address"):
        provider_over({"base_url": "http://h/v1", "api_key": "secret:p"}, made)
    assert provider_over({"base_url": "http://h/v1"}, made) == {"type": "openai"}
