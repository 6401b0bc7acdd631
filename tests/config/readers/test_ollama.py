"""An Ollama's library as models of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glowplug.config.load import Loaded, load_bytes
from glowplug.config.readers.foreign import Foreign, Outcome
from glowplug.config.readers.ollama import read
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.providers.catalogue import PROVIDERS
from tests.support.nested import nested

TAGS = {
    "models": [
        {"name": "hermes3:8b", "model": "hermes3:8b", "details": {"family": "llama"}},
        {"name": "mistral:latest", "model": "mistral:latest", "details": {"family": "llama"}},
        {"name": "nomic-embed-text:latest", "details": {"family": "nomic-bert"}},
        {"name": "qwen3-vl:4b", "details": {"family": "qwen3vl"}},
        {"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com:443"},
        {"name": "hf.co/someone/Odd Name:Q4", "details": {}},
    ]
}
RUNNING = {
    "models": [
        {"name": "hermes3:8b", "context_length": 8192, "expires_at": "2318-03-07T10:00:00.1234567+01:00"},
        {"name": "mistral:latest", "context_length": 4096, "expires_at": "2026-11-26T10:00:00Z"},
    ]
}
SHOWN = {
    "mistral:latest": {
        "parameters": 'stop "[INST]"\nnum_ctx                        16384',
        "capabilities": ["completion"],
    },
    "qwen3-vl:4b": {"capabilities": ["completion", "vision"]},
}


def library(tags: object = TAGS, running: object = RUNNING, shown: Any = SHOWN, **more: Any) -> Foreign:
    answers = {name: json.dumps(value).encode() for name, value in shown.items()}
    return read(
        json.dumps(tags).encode(), running=json.dumps(running).encode(), shown=answers, providers=PROVIDERS, **more
    )


def loaded(found: Foreign) -> Loaded:
    text = json.dumps(found.document).encode()
    return load_bytes(text, path=None, env={"HOME": "/h"}, engines=Catalogue(), providers=PROVIDERS)


def test_a_library() -> None:
    found = library()
    assert found.document == {
        "providers": {"ollama-cloud": {}},
        "models": {
            "chat-hermes3-8b-ollama": {
                "engine": "ollama", "id": "hermes3:8b", "options": {"num_ctx": 8192}, "keep_alive": -1,
            },
            "chat-mistral-ollama": {"engine": "ollama", "id": "mistral:latest", "options": {"num_ctx": 16384}},
            "embed-nomic-embed-text-ollama": {
                "capabilities": ["embeddings"], "engine": "ollama", "id": "nomic-embed-text:latest",
            },
            "vision-qwen3-vl-4b-ollama": {"engine": "ollama", "id": "qwen3-vl:4b"},
            "chat-gpt-oss-120b-cloud": {"provider": "ollama-cloud", "id": "gpt-oss:120b"},
            "chat-hf.co-someone-Odd-Name-Q4-ollama": {"engine": "ollama", "id": "hf.co/someone/Odd Name:Q4"},
        },
        "aliases": {
            "hermes3:8b": {"targets": ["chat-hermes3-8b-ollama"]},
            "mistral": {"targets": ["chat-mistral-ollama"]},
            "nomic-embed-text": {"targets": ["embed-nomic-embed-text-ollama"]},
            "qwen3-vl:4b": {"targets": ["vision-qwen3-vl-4b-ollama"]},
            "gpt-oss:120b-cloud": {"targets": ["chat-gpt-oss-120b-cloud"]},
        },
    }  # fmt: skip
    assert len(loaded(found).local_models) == 5
    assert [note.where for note in found.notes if note.outcome is Outcome.CHANGED] == [
        "gpt-oss:120b-cloud", "hf.co/someone/Odd Name:Q4",
    ]  # fmt: skip


def test_settings_of_its_environment() -> None:
    env = {"OLLAMA_KEEP_ALIVE": "30m", "OLLAMA_CONTEXT_LENGTH": "2048", "OLLAMA_NUM_PARALLEL": "2"}
    document: Any = library(running={}, shown={}, env=env).document
    assert document["models"]["chat-hermes3-8b-ollama"]["keep_alive"] == 1800
    assert document["models"]["chat-hermes3-8b-ollama"]["options"] == {"num_ctx": 2048}
    assert document["engines"] == {"ollama": {"options": {"num_parallel": 2}}}
    loaded(library(env={**env, "OLLAMA_KEEP_ALIVE": "-1"}))


def test_another_port_and_another_machine() -> None:
    near: Any = library(url="http://localhost:11999").document
    assert near["models"]["chat-mistral-ollama"]["port"] == 11999
    far = library(url="http://10.0.0.4:11434/")
    document: Any = far.document
    assert document["providers"]["ollama"] == {"base_url": "http://10.0.0.4:11434/v1"}
    assert document["models"]["chat-mistral-ollama"] == {"provider": "ollama", "id": "mistral:latest"}
    loaded(far)


def test_without_a_catalogue_cloud_models_are_refused() -> None:
    found = read(json.dumps(TAGS).encode(), providers={})
    assert [note.where for note in found.refused()] == ["gpt-oss:120b-cloud"]


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"models": 1}', b"\xff", b"[" * 100_000])
def test_what_is_no_ollama(answer: bytes) -> None:
    with pytest.raises(ConfigError, match="nothing that an Ollama answers"):
        read(answer, providers=PROVIDERS)


_values = nested(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.sampled_from(["a:b", "x:cloud", "2400-01-01"])
    ),
    st.text(max_size=3),
)
_models = st.dictionaries(
    st.sampled_from(["name", "model", "details", "remote_host", "context_length", "expires_at"]), _values, max_size=4
)


@given(
    st.lists(st.one_of(_models, _values), max_size=4),
    st.lists(_models, max_size=3),
    st.dictionaries(st.text(max_size=3), _values, max_size=2),
)
@settings(max_examples=100, deadline=None)
def test_whatever_it_answers_the_document_loads(tags: list[Any], running: list[Any], shown: dict[str, Any]) -> None:
    loaded(library({"models": tags}, {"models": running}, shown))
