"""The example of a whole workstation is one that loads."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from glowplug.config.jsonschema import json_schema
from glowplug.config.load import Loaded, load
from glowplug.domain.model import Capability, Cold, Dialect
from glowplug.engines.catalogue import Catalogue as Registry

from .conftest import Catalogue
from .mini_schema import errors

FILE = Path(__file__).parents[2] / "examples" / "workstation.yaml"
HERMES, CLOUD = "chat-hermes-3-llama-3.1-8b-llamacpp", "chat-qwen3-coder-480b-cloud"


class Complete(Catalogue):
    """The engines of this build, and stand-ins for those it does not have."""

    def check_options(self, engine, options):  # type: ignore[no-untyped-def]
        registry = Registry()
        return (registry if engine in registry.names() else super()).check_options(engine, options)


@pytest.fixture
def loaded() -> Loaded:
    return load(FILE, env={"HOME": "/h", "OLLAMA_API_KEY": "k"}, engines=Complete())


def test_nothing_is_wrong_with_it_but_the_weights_that_are_not_here(loaded: Loaded) -> None:
    assert errors(json_schema(), YAML(typ="safe", pure=True).load(FILE.read_text())) == []
    assert all(problem.message.endswith("will fail until it does") for problem in loaded.warnings)
    assert len(loaded.warnings) == 2


def test_it_is_the_machine_with_six_models_on_four_engines(loaded: Loaded) -> None:
    assert [(model.name, model.engine) for model in loaded.local_models] == [
        (HERMES, "llamacpp"),
        ("chat-qwen2.5-0.5b-vllm", "vllm"),
        ("chat-mistral-7b-ollama", "ollama"),
        ("vision-qwen3-vl-4b-ollama", "ollama"),
        ("embed-arctic-m-llamacpp", "llamacpp"),
    ]
    assert {model.keep_alive for model in loaded.local_models} == {300.0}
    routes = {route.name: route for route in loaded.routes}
    assert len(routes) == 6
    assert all(10 <= (route.rpm or 0) <= 60 for route in routes.values())
    vision = routes["vision-qwen3-vl-4b-ollama"]
    assert (vision.dialect, vision.upstream_model) == (Dialect.OLLAMA, "qwen3-vl:4b")
    assert vision.request_defaults == {"max_tokens": 4096}
    assert routes["embed-arctic-m-llamacpp"].capabilities == (Capability.EMBEDDINGS,)
    cloud = routes[CLOUD]
    assert (cloud.local, cloud.base_url, cloud.api_key) == (False, "https://ollama.com/v1", "k")


def test_its_aliases_answer_from_the_cloud_while_the_first_target_is_cold(loaded: Loaded) -> None:
    chat, embeddings = loaded.aliases
    assert (chat.name, chat.targets, chat.cold, chat.timeout) == (
        "chat-default", (HERMES, CLOUD), Cold.CLOUD_WHILE_COLD, 120.0,
    )  # fmt: skip
    assert (embeddings.name, embeddings.targets, embeddings.timeout) == (
        "embeddings-default", ("embed-arctic-m-llamacpp",), 120.0,
    )  # fmt: skip


def test_without_the_key_only_the_cloud_model_is_unavailable() -> None:
    loaded = load(FILE, env={"HOME": "/h"}, engines=Complete())
    assert [route.name for route in loaded.routes if route.unavailable] == [CLOUD]
