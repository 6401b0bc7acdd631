"""A model of ours as a deployment of LiteLLM's."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.notes import Notes
from glowplug.config.writers.litellm_models import Deployments, Unwritable
from glowplug.providers.catalogue import PROVIDERS


def params(model: dict[str, Any], notes: Notes | None = None, **providers: Any) -> dict[str, Any]:
    maker = Deployments({"providers": providers}, PROVIDERS, notes or Notes(), "http://127.0.0.1:4000")
    return maker.params("m", model)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "openai", "api_key": "${K}"}, {"model": "openai/x", "api_key": "os.environ/K"}),
        ({"type": "groq"}, {"model": "groq/x", "api_key": "os.environ/GROQ_API_KEY"}),
        ({"type": "together", "api_key": "secret:litellm-together-1"},
         {"model": "together_ai/x", "api_key": "os.environ/GLOWPLUG_LITELLM_TOGETHER_1"}),
        ({"type": "groq", "api_key": "gsk-literal"}, {"model": "groq/x", "api_key": "os.environ/GLOWPLUG_P_API_KEY"}),
        ({"type": "groq", "api_key": "file:/run/x"}, {"model": "groq/x", "api_key": "os.environ/GLOWPLUG_P_API_KEY"}),
        ({"type": "azure", "resource": "res", "api_key": "${K}"},
         {"model": "azure/x", "api_base": "https://res.openai.azure.com", "api_key": "os.environ/K"}),
        ({"type": "azure", "base_url": "${B}/openai/v1", "api_key": "${K}"},
         {"model": "azure/x", "api_base": "os.environ/B", "api_key": "os.environ/K"}),
        ({"type": "anthropic", "base_url": "https://p.example/v1", "api_key": "${K}"},
         {"model": "anthropic/x", "api_base": "https://p.example", "api_key": "os.environ/K"}),
        ({"type": "bedrock", "region": "eu-west-1", "api_key": "${K}"},
         {"model": "bedrock/x", "aws_region_name": "eu-west-1", "api_key": "os.environ/K"}),
        ({"base_url": "http://10.0.0.1:8000/v1"},
         {"model": "openai/x", "api_base": "http://10.0.0.1:8000/v1", "api_key": "none"}),
        ({"type": "ollama-cloud", "api_key": "${K}"},
         {"model": "ollama_chat/x", "api_base": "https://ollama.com", "api_key": "os.environ/K"}),
        ({"type": "openai", "api_key": "${K}", "headers": {"X-Team": "lab", "X-Token": "hush", "X-E": "${E}"}},
         {"model": "openai/x", "api_key": "os.environ/K", "extra_headers": {
             "X-Team": "lab", "X-Token": "os.environ/GLOWPLUG_P_X_TOKEN", "X-E": "os.environ/E"}}),
    ],
)  # fmt: skip
def test_providers(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    assert params({"provider": "p", "id": "x"}, p=entry) == expected


@pytest.mark.parametrize("entry", [{}, {"base_url": "${A}/x"}, {"type": "nobody"}])
def test_what_litellm_cannot_be_told(entry: dict[str, Any]) -> None:
    with pytest.raises(Unwritable):
        params({"provider": "p", "id": "x"}, p=entry)


def test_engines() -> None:
    ollama = {"engine": "ollama", "id": "m:7b", "options": {"num_ctx": 8192}, "keep_alive": "5m", "port": 11999}
    assert params(ollama) == {
        "model": "ollama_chat/m:7b", "api_base": "http://localhost:11999", "num_ctx": 8192, "keep_alive": "5m",
    }  # fmt: skip
    notes = Notes()
    assert params({"engine": "llamacpp", "path": "/x", "rpm": 3, "pinned": True}, notes) == {
        "model": "openai/m", "api_base": "http://127.0.0.1:4000/v1", "api_key": "os.environ/GLOWPLUG_API_KEY", "rpm": 3,
    }  # fmt: skip
    assert [(note.outcome, note.where) for note in notes.all()] == [
        (Outcome.CHANGED, "models.m"), (Outcome.LEFT, "models.m.pinned"),
    ]  # fmt: skip


def test_everything_else_of_a_model() -> None:
    model = {
        "provider": "p", "id": "a$${b}", "rpm": "${RPM}", "tpm": 5, "max_concurrency": 2, "first_byte_timeout": "30s",
        "request_defaults": {"temperature": 0.5, "mirostat": 2}, "tags": ["fast"],
        "price": {"prompt": 3, "completion": 0.15, "request": 0.01,
                  "tiers": [{"above": 200000, "prompt": 6}, {"above": 5}]},
    }  # fmt: skip
    assert params(model, p={"type": "groq", "api_key": "${K}"}) == {
        "model": "groq/a${b}", "api_key": "os.environ/K", "rpm": "os.environ/RPM", "tpm": 5, "max_parallel_requests": 2,
        "stream_timeout": 30, "temperature": 0.5, "extra_body": {"mirostat": 2}, "tags": ["fast"],
        "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-07, "input_cost_per_request": 0.01,
        "input_cost_per_token_above_200k_tokens": 6e-06,
    }  # fmt: skip


def test_what_is_known_of_a_model() -> None:
    maker = Deployments({}, PROVIDERS, Notes(), "")
    assert maker.info({"capabilities": ["embeddings"], "context_window": 512}) == {
        "mode": "embedding",
        "max_input_tokens": 512,
    }
    assert maker.info({"capabilities": ["chat", "completions"]}) == {"mode": "chat"}
    assert maker.info({}) == {}
