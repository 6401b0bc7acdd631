"""Who is asked what."""

from __future__ import annotations

import pytest

from glowplug.errors import NotFound
from glowplug.smoke.plan import chosen, known, probes_for, tasks

OURS = {"data": [
    {"id": "chat-a-llamacpp", "capabilities": ["chat"], "state": "cold"},
    {"id": "vision-qwen-vl-ollama", "capabilities": ["chat"], "state": "loaded"},
    {"id": "embed-a-llamacpp", "capabilities": ["embeddings"], "state": "cold"},
    {"id": "chat-b-openai", "capabilities": ["chat", "responses"]},
    {"id": "openai/*", "capabilities": ["chat"]},
    {"id": "speech-x", "capabilities": ["speech"]},
    {"id": "chat-default", "capabilities": ["chat"], "targets": ["chat-a-llamacpp", "chat-b-openai"]},
    {"id": "chat-cloud", "capabilities": ["chat"], "targets": ["chat-b-openai"]},
]}  # fmt: skip


def names(models: list[object]) -> list[str]:
    return [model.name for model in models]  # type: ignore[attr-defined]


def test_without_names_only_what_costs_nothing_is_asked() -> None:
    models = known(OURS)
    assert "openai/*" not in names(models)  # type: ignore[arg-type]
    local = chosen(models, (), everything=False)
    assert names(local) == ["chat-a-llamacpp", "vision-qwen-vl-ollama", "embed-a-llamacpp", "chat-default"]  # type: ignore[arg-type]
    assert len(chosen(models, (), everything=True)) == len(models) == 7
    assert names(chosen(models, ["chat-cloud", "chat-cloud"], everything=False)) == ["chat-cloud"]  # type: ignore[arg-type]
    with pytest.raises(NotFound, match="no model 'nobody'"):
        chosen(models, ["nobody"], everything=False)
    with pytest.raises(NotFound):
        chosen([], ["nobody"], everything=False)


def test_what_each_promises() -> None:
    by_name = {model.name: [probe.name for probe in probes_for(model)] for model in known(OURS)}
    assert by_name["chat-a-llamacpp"] == ["chat", "streamed chat", "tools"]
    assert by_name["vision-qwen-vl-ollama"] == ["chat", "streamed chat", "tools", "vision"]
    assert by_name["embed-a-llamacpp"] == ["embeddings"]
    assert by_name["speech-x"] == []


@pytest.mark.parametrize(("name", "probes"), [
    ("text-embedding-3-small", ["embeddings"]), ("bge-m3", ["embeddings"]), ("bge-reranker-v2", ["embeddings"]),
    ("whisper-1", ["transcription"]), ("dall-e-3", []), ("gpt-4o-mini-tts", []), ("cohere-rerank", ["rerank"]),
    ("gpt-5", ["chat", "streamed chat", "tools"]), ("llava:13b", ["chat", "streamed chat", "tools", "vision"]),
])  # fmt: skip
def test_of_other_servers_the_name_says_it(name: str, probes: list[str]) -> None:
    (model,) = known({"data": [{"id": name, "object": "model"}]})
    assert [probe.name for probe in probes_for(model)] == probes


def test_an_alias_is_asked_once_and_once_without_its_first_target() -> None:
    models = chosen(known(OURS), ["chat-default", "chat-cloud"], everything=False)
    found = [(task.model, task.title, task.skip, task.expected) for task in tasks(models, fallbacks=True)]
    assert found == [
        ("chat-default", "chat", "", ()),
        ("chat-default", "chat without chat-a-llamacpp", "chat-a-llamacpp", ("chat-b-openai",)),
        ("chat-cloud", "chat", "", ()),
    ]
    assert len(tasks(models, fallbacks=False)) == 2


@pytest.mark.parametrize("document", [{}, {"data": None}, {"data": [{}]}, {"data": [{"id": None}]}])
def test_lists_without_models(document: dict[str, object]) -> None:
    assert known(document) == []


def test_what_the_list_promises_is_what_is_tested() -> None:
    rows = [
        {"id": "a", "capabilities": ["embeddings"], "dimensions": 4, "unit_vectors": True},
        {"id": "b", "capabilities": ["embeddings"], "dimensions": "4", "unit_vectors": 1},
        {"id": "c", "capabilities": ["embeddings"], "targets": ["a", "b"], "dimensions": 4},
    ]
    found = tasks(known({"data": rows}), fallbacks=True)
    assert [(one.model, one.promise.dimensions, one.promise.unit) for one in found] == [
        ("a", 4, True), ("b", None, False), ("c", 4, False), ("c", 4, False),
    ]  # fmt: skip
