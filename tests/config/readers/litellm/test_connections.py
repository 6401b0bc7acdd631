"""Whom a deployment asks, where, and with which key."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome

from .reading import loaded, notes, one, only, read_text


@pytest.mark.parametrize(
    ("params", "provider", "id"),
    [
        ("model: openai/gpt-4o, api_key: os.environ/K", {"api_key": "${K}"}, "gpt-4o"),
        ("model: gpt-4o", {}, "gpt-4o"),
        ("model: openai/x, api_base: 'http://10.0.0.5:5000/v1'", {"base_url": "http://10.0.0.5:5000/v1"}, "x"),
        ("model: openai/x, api_base: 'https://api.openai.com/v1', api_key: os.environ/K", {"api_key": "${K}"}, "x"),
        ("model: openai/responses/gpt-5", {}, "gpt-5"),
        ("model: azure/dep, api_base: os.environ/BASE, api_key: os.environ/K",
         {"type": "azure", "base_url": "${BASE}/openai/v1", "api_key": "${K}"}, "dep"),
        ("model: anthropic/claude, api_base: 'https://proxy.example', api_key: os.environ/K",
         {"type": "anthropic", "base_url": "https://proxy.example/v1", "api_key": "${K}"}, "claude"),
        ("model: gemini/gemini-2.5-pro, api_key: os.environ/GEMINI_API_KEY", {"api_key": "${GEMINI_API_KEY}"},
         "gemini-2.5-pro"),
        ("model: together_ai/meta/x", {}, "meta/x"),
        ("model: bedrock/openai.gpt-oss-20b, aws_region_name: eu-west-1, api_key: os.environ/K",
         {"region": "eu-west-1", "api_key": "${K}"}, "openai.gpt-oss-20b"),
        ("model: ollama_chat/m, api_base: 'https://ollama.com', api_key: os.environ/K", {"api_key": "${K}"}, "m"),
        ("model: huggingface/org/m, api_base: 'https://x.endpoints.huggingface.cloud', api_key: os.environ/K",
         {"base_url": "https://x.endpoints.huggingface.cloud/v1", "api_key": "${K}"}, "org/m"),
        ("model: huggingface/org/m, api_key: os.environ/K", {"api_key": "${K}"}, "org/m"),
        ("model: bedrock/m, aws_region_name: os.environ/NOT_SET, api_key: os.environ/K",
         {"region": "${NOT_SET}", "api_key": "${K}"}, "m"),
        ("model: ollama/m", {"base_url": "http://localhost:11434/v1"}, "m"),
        ("model: novita/x, api_key: os.environ/K",
         {"api_key": "${K}"}, "x"),
        ("model: databricks/x, api_base: 'https://d.example/v1'", {"base_url": "https://d.example/v1"}, "x"),
        ("model: meta/x, api_base: 'https://d.example/v1'", {"base_url": "https://d.example/v1"}, "meta/x"),
        ("model: 'openai/a${b}', api_key: os.environ/K", {"api_key": "${K}"}, "a$${b}"),
    ],
)  # fmt: skip
def test_connections(params: str, provider: dict[str, object], id: str) -> None:
    read = one(params, K="key", BASE="https://r.openai.azure.com")
    assert only(read, "providers") == provider
    assert only(read, "models")["id"] == id
    loaded(read, K="key", BASE="https://r.openai.azure.com")


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ("model: vertex_ai/gemini", "Google Cloud signs requests"),
        ("model: bedrock/x, aws_region_name: us-east-1, aws_access_key_id: a", "not signed with AWS keys"),
        ("model: bedrock/x, api_key: k", "its aws_region_name is missing"),
        ("model: azure/x, api_key: k", "its api_base is missing"),
        ("model: nobody-knows", "nothing says whose model it is"),
        ("model: databricks/x", "databricks is not in the catalogue"),
        ("model: openai/", "nothing stands behind its provider"),
        ("model: [x]", "names a provider and a model"),
        ("model: openai/x, api_base: ftp://h", "no http:// or https:// URL"),
        ("model: openai/x, api_base: 'http://u:p@h'", "user or password"),
        ("model: openai/x, api_key: 'sk with space'", "characters in it that cannot be sent"),
        ("model: openai/x, api_key: os.environ/odd-name", "the variable odd-name of its key is not set"),
        ("model: auto_router/x", "part of LiteLLM"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(params: str, why: str) -> None:
    read = one(params)
    (found,) = notes(read, Outcome.REFUSED).values()
    assert why in found
    assert "models" not in read.document


def test_secrets_that_are_written_down_have_a_name_instead() -> None:
    read = one("model: openai/x, api_key: sk-1, extra_headers: {X-Api-Token: hush, X-Team: lab, X-F: 'file:/etc/x'}")
    entry = only(read, "providers")
    assert entry["api_key"] == "secret:litellm-openai-1"
    assert entry["headers"] == {
        "X-Api-Token": "secret:litellm-openai-header-1", "X-Team": "lab", "X-F": "secret:litellm-openai-header-2",
    }  # fmt: skip
    assert {name: secret.reveal() for name, secret in read.secrets.items()} == {
        "litellm-openai-1": "sk-1", "litellm-openai-header-1": "hush", "litellm-openai-header-2": "file:/etc/x",
    }  # fmt: skip
    assert "sk-1" not in repr(read)


def test_headers_that_cannot_be_sent_are_left() -> None:
    read = one(
        "model: openai/x, api_key: k, extra_headers: {Host: a, 'x y': b, X-Z: os.environ/Z, X-E: os.environ/E}", E="1"
    )
    assert only(read, "providers")["headers"] == {"X-Z": "${Z}", "X-E": "${E}"}
    assert len(notes(read, Outcome.LEFT)) == 2


def test_a_word_instead_of_a_key_is_left_out_nearby_only() -> None:
    assert "api_key" not in only(one("model: openai/x, api_base: 'http://localhost:1/v1', api_key: none"), "providers")
    assert "api_key" in only(one("model: openai/x, api_base: 'https://h.example/v1', api_key: none"), "providers")


def test_keys_of_the_environment_go_to_their_own_provider() -> None:
    read = one("model: anthropic/x, api_base: 'https://proxy.example'", ANTHROPIC_API_KEY="a")
    assert "api_key" not in only(read, "providers")
    assert any("goes to its own provider" in why for why in notes(read, Outcome.CHANGED).values())
    assert only(one("model: together_ai/x", TOGETHERAI_API_KEY="t"), "providers") == {
        "api_key": "${TOGETHERAI_API_KEY}"
    }
    assert only(one("model: groq/x", GROQ_API_KEY="g"), "providers") == {}
    own = one("model: groq/x", "environment_variables: {GROQ_API_KEY: g}")
    assert only(own, "providers") == {"api_key": "secret:litellm-groq-1"}


def test_a_variable_that_is_not_set_stays_one() -> None:
    read = one("model: azure/x, api_base: os.environ/BASE, api_key: os.environ/K")
    assert only(read, "providers") == {"type": "azure", "base_url": "${BASE}/openai/v1", "api_key": "${K}"}
    (route,) = loaded(read).routes
    assert "BASE is not set" in route.unavailable


def test_the_address_of_a_variable_that_litellm_goes_by_is_taken() -> None:
    read = one("model: openai/x, api_key: k", OPENAI_API_BASE="http://10.0.0.1:9/v1")
    assert only(read, "providers")["base_url"] == "${OPENAI_API_BASE}"


def test_models_with_the_same_connection_share_a_provider() -> None:
    read = read_text("""model_list:
- {model_name: a, litellm_params: {model: openai/a, api_key: one}}
- {model_name: b, litellm_params: {model: openai/b, api_key: one}}
- {model_name: c, litellm_params: {model: openai/c, api_key: two}}
""")
    assert list(read.document["providers"]) == ["openai", "openai-2"]  # type: ignore[arg-type]
    assert [model["provider"] for model in read.document["models"].values()] == [  # type: ignore[union-attr,index,call-overload]
        "openai", "openai", "openai-2",
    ]  # fmt: skip
