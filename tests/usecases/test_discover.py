"""Lists and folders as lines of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.catalogue import PROVIDERS
from glowplug.usecases import discover
from glowplug.usecases.discover import Found, document, identity, in_folders, in_hub_cache, listed, named, scalar


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"object": "list", "data": [{"id": "a"}, {"id": "b/c", "x": 1}, {"id": "a"}]}, ["a", "b/c"]),
        ({"models": [{"name": "qwen3:8b", "size": 1}]}, ["qwen3:8b"]),
        ({"data": [{"id": "models/gemini-x"}]}, ["gemini-x"]),
        ({"data": [{"id": ""}, {"id": "a\nb"}]}, []),
        ({}, []),
    ],
)
def test_lists(body: object, ids: list[str]) -> None:
    assert listed(json.dumps(body).encode()) == ids


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": {}}', b'{"data": [{"id": 1}]}'])
def test_what_is_no_list(body: bytes) -> None:
    with pytest.raises(ValueError):
        listed(body)


@pytest.mark.parametrize(
    ("model", "where", "name"),
    [
        ("llama-3.3-70b-versatile", "groq", "chat-llama-3.3-70b-versatile-groq"),
        ("meta-llama/Llama-3.3-70B", "together", "chat-llama-3.3-70b-together"),
        ("nomic-embed-text:v1.5", "ollama", "embed-nomic-embed-text-v1.5-ollama"),
        ("BAAI/bge-m3", "vllm", "embed-bge-m3-vllm"),
        ("..", "x", "chat-model-x"),
    ],
)
def test_names(model: str, where: str, name: str) -> None:
    found = named(model, where, id=model)
    assert found.name == name
    assert ("capabilities" in found.entry) is name.startswith("embed")


def test_files_below_folders(tmp_path: Path) -> None:
    for name in (
        "a/Qwen3-8B-Q4_K_M.gguf",
        "big-00001-of-00002.gguf",
        "big-00002-of-00002.gguf",
        "mmproj-x.gguf",
        "n.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list(in_folders([tmp_path, tmp_path / "none"]))
    assert [one.name for one in found] == ["chat-big-llamacpp", "chat-qwen3-8b-q4-k-m-llamacpp"]
    assert found[1].entry == {"engine": "llamacpp", "path": str(tmp_path / "a/Qwen3-8B-Q4_K_M.gguf")}


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", None])
def test_the_cache_of_the_hub(tmp_path: Path, variable: str | None) -> None:
    below = {"HF_HUB_CACHE": "", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub", None: ".cache/huggingface/hub"}
    hub = tmp_path / below[variable]
    for name, file in (("models--Qwen--Qwen3-8B", "config.json"), ("models--x--gguf-only", "a.gguf")):
        (hub / name / "snapshots" / "r1").mkdir(parents=True)
        (hub / name / "snapshots" / "r1" / file).touch()
        (hub / name / "refs").mkdir()
        (hub / name / "refs" / "main").write_text("r1")
    env = {variable: str(tmp_path)} if variable else {}
    (found,) = in_hub_cache(env, tmp_path)
    assert found == Found("chat-qwen3-8b-vllm", {"engine": "vllm", "id": "Qwen/Qwen3-8B"})


def test_the_lines_are_a_configuration(tmp_path: Path) -> None:
    found = [
        *discover.of_provider(b'{"data":[{"id":"a/b"},{"id":"on"},{"id":"x: {y}"}]}', "groq"),
        *discover.of_provider(b'{"data":[{"id":"e5-small"}]}', "lmstudio"),
        *discover.of_ollama(b'{"models":[{"name":"qwen3:8b"}]}'),
    ]
    path = tmp_path / "config.yaml"
    path.write_text("\n".join(document(found, {"groq": "", "lmstudio": "http://127.0.0.1:1234/v1"})))
    loaded = load(path, env={"HOME": "/", "GROQ_API_KEY": "k"}, engines=Catalogue(), providers=PROVIDERS)
    given = loaded.config.models
    assert {identity({"provider": m.provider, "engine": m.engine, "id": m.id}) for m in given.values()} == {
        one.identity for one in found
    }
    assert [str(one) for one in given["embed-e5-small-lmstudio"].capabilities or ()] == ["embeddings"]


@given(st.text())
def test_any_text_is_read_back(text: str) -> None:
    from ruamel.yaml import YAML

    if text.isprintable():
        assert YAML(typ="safe").load(f"{{a: {scalar(text)}}}") == {"a": text}
