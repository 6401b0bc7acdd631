"""What a deployment says of its model, and what it could be as a model of an engine here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from glowplug.config.readers.foreign import LocalOffer, Outcome
from glowplug.config.readers.litellm.keys_model import CAPABILITIES
from glowplug.domain.model import Capability

from .reading import loaded, notes, one, only, read_text


def model(params: str, rest: str = "", **env: str) -> dict[str, object]:
    read = one(f"model: openai/x, api_key: k{params and ', ' + params}", rest, **env)
    loaded(read, **env)
    return {key: value for key, value in only(read, "models").items() if key not in ("provider", "id", "former_ids")}


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ("", {}),
        ("rpm: 5, tpm: '7', max_parallel_requests: 2", {"rpm": 5, "tpm": 7, "max_concurrency": 2}),
        ("rpm: os.environ/N", {"rpm": "${N}"}),
        ("rpm: os.environ/NOT_SET", {}),
        ("rpm: os.environ/WORD", {}),
        ("rpm: 0, tpm: many", {}),
        ("timeout: 60", {"first_byte_timeout": 60}),
        ("timeout: 60, stream_timeout: 2.5", {"first_byte_timeout": 2.5}),
        ("temperature: 0.2, max_tokens: 100, stop: [a], seed: null",
         {"request_defaults": {"temperature": 0.2, "max_tokens": 100}}),
        ("extra_body: {top_k: 3, nested: {a: 1}, model: y, 'odd name': 1}, top_p: 1",
         {"request_defaults": {"top_k": 3, "top_p": 1}}),
        ("input_cost_per_token: 1e-6", {"price": {"prompt": 1}}),
        ("input_cost_per_token: os.environ/COST", {"price": {"prompt": 2}}),
        ("tags: [a, b]", {}),
    ],
)  # fmt: skip
def test_parameters(params: str, fields: dict[str, object]) -> None:
    assert model(params, N="9", WORD="x", COST="0.000002") == fields


def test_tags_count_where_litellm_goes_by_them() -> None:
    assert model("tags: [a, b, a, default]", "router_settings: {enable_tag_filtering: true}") == {
        "tags": ["a", "b", "default"]
    }


def test_defaults_of_the_router_stand_below_the_deployments_own() -> None:
    rest = "router_settings: {default_litellm_params: {temperature: 1, rpm: 4}, default_max_parallel_requests: 6}"
    assert model("rpm: 5", rest) == {"rpm": 5, "request_defaults": {"temperature": 1}, "max_concurrency": 6}


@pytest.mark.parametrize(
    ("mode", "capabilities"),
    [
        ("chat", None),
        ("embedding", ["embeddings"]),
        ("rerank", ["rerank"]),
        ("ocr", None),
        ("batch", ["chat", "files"]),
    ],
)
def test_modes(mode: str, capabilities: list[str] | None) -> None:
    text = f"model_list: [{{model_name: m, litellm_params: {{model: groq/x}}, model_info: {{mode: {mode}}}}}]"
    read = read_text(text)
    assert only(read, "models").get("capabilities") == capabilities
    loaded(read)
    assert ("model_list[0].model_info.mode" in notes(read, Outcome.LEFT)) is (mode == "ocr")


def test_every_mode_is_an_endpoint() -> None:
    assert {word for words in CAPABILITIES.values() for word in words} <= {item.value for item in Capability}


def test_what_litellm_knows_of_a_model() -> None:
    read = read_text(
        "model_list: [{model_name: m, litellm_params: {model: groq/x}, model_info: {id: old, max_input_tokens: 8192,"
        " output_vector_size: 768, input_cost_per_token: 1e-6, supports_vision: true, colour: blue}}]"
    )
    entry = only(read, "models")
    assert (entry["former_ids"], entry["context_window"], entry["price"]) == (["old"], 8192, {"prompt": 1})
    assert entry["dimensions"] == 768
    left = notes(read, Outcome.LEFT)
    assert "model_list[0].model_info.supports_vision" in left
    assert left["model_list[0].model_info.colour"] == "nothing goes by it here"


def offers(params: str) -> tuple[LocalOffer, ...]:
    return one(params).offers


def test_an_ollama_is_offered_with_its_context_and_idle_time() -> None:
    (offer,) = offers("model: ollama_chat/hermes3:8b, num_ctx: 8192, keep_alive: 10m, rpm: 3")
    assert (offer.model, offer.engine, offer.base_url) == ("m-ollama", "ollama", "http://localhost:11434/v1")
    managed = dict(offer.managed)
    assert len(managed.pop("former_ids")) == 1  # type: ignore[arg-type]
    assert managed == {
        "engine": "ollama", "id": "hermes3:8b", "options": {"num_ctx": 8192}, "keep_alive": 600, "rpm": 3,
    }  # fmt: skip
    assert offers("model: ollama/x, keep_alive: -1")[0].managed["keep_alive"] == -1
    assert offers("model: ollama/x, keep_alive: '-1m'")[0].managed["keep_alive"] == -1
    assert "keep_alive" not in offers("model: ollama/x, keep_alive: soon")[0].managed


def test_offers_load_in_the_place_of_the_upstream() -> None:
    read = one("model: ollama_chat/hermes3:8b, num_ctx: 8192, temperature: 0.5")
    (offer,) = read.offers
    document = {**read.document, "models": {offer.model: dict(offer.managed)}}
    (local,) = loaded(replace(read, document=document)).local_models
    assert (local.id, local.options) == ("hermes3:8b", {"num_ctx": 8192})


@pytest.mark.parametrize(
    ("params", "engine", "id"),
    [
        ("model: hosted_vllm/Qwen/Q, api_base: 'http://10.0.0.5:9000/v1'", "vllm", "Qwen/Q"),
        ("model: openai/x, api_base: 'http://localhost:8080/v1'", "llamacpp", None),
        ("model: openai/x, api_base: 'http://vllm:8000/v1'", "vllm", "x"),
        ("model: llamafile/x", "llamacpp", None),
        ("model: openai/x, api_base: 'http://localhost:5555/v1'", "command", None),
    ],
)
def test_engines_nearby_are_recognised(params: str, engine: str, id: str | None) -> None:
    (offer,) = offers(params)
    assert (offer.engine, offer.managed["engine"], offer.managed.get("id")) == (engine, engine, id)


@pytest.mark.parametrize(
    "params",
    [
        "model: openai/x",
        "model: ollama_chat/x, api_base: 'https://ollama.com'",
        "model: litellm_proxy/x, api_base: 'http://10.0.0.1:4000/v1', api_key: k",
        "model: openai/x, api_base: 'https://h.example/v1'",
    ],
)
def test_providers_are_not_offered(params: str) -> None:
    assert offers(params) == ()


@pytest.mark.parametrize(
    "entry",
    [
        "rpm: 5, litellm_params: {model: groq/x}",
        "model_info: {rpm: 5}, litellm_params: {model: groq/x}",
        "rpm: 9, litellm_params: {model: groq/x, rpm: 5}",
    ],
)
def test_limits_that_stand_beside_the_parameters(entry: str) -> None:
    read = read_text(f"model_list: [{{model_name: m, {entry}}}]")
    assert only(read, "models")["rpm"] == 5
    assert notes(read, Outcome.LEFT) == {}
