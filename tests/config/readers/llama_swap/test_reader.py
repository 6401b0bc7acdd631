"""Whole files of llama-swap's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glowplug.config.load import Loaded, load_bytes
from glowplug.config.readers.foreign import Foreign, Outcome
from glowplug.config.readers.llama_swap import read
from glowplug.config.readers.llama_swap.keys import MODEL, TOP
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.providers.catalogue import PROVIDERS
from tests.support.nested import nested

SAMPLE = (Path(__file__).parent / "samples" / "workstation.yaml").read_text()


def loaded(read: Foreign) -> Loaded:
    text = json.dumps(read.document).encode()
    return load_bytes(text, path=None, env={"HOME": "/h"}, engines=Catalogue(), providers=PROVIDERS)


def why(read: Foreign, outcome: Outcome) -> dict[str, str]:
    return {note.where: note.why for note in read.notes if note.outcome is outcome}


def test_a_workstation() -> None:
    found = read(SAMPLE)
    document: Any = found.document
    result = loaded(found)
    assert [model.name for model in result.local_models] == ["embed", "qwen-vl", "docker-llama", "fixed", "hub"]
    assert document["models"]["hermes"] == {
        "engine": "llamacpp", "path": "${HOME}/models/hermes.gguf", "command": ["/opt/llama.cpp/llama-server"],
        "args": ["--ctx-size", "4096", "-ngl", "99", "--jinja"],
        "env": {"CUDA_VISIBLE_DEVICES": "0", "TOKEN": "${HF_TOKEN}"}, "keep_alive": 60, "max_concurrency": 4,
        "request_defaults": {"temperature": 0.7, "seed": 4096},
    }  # fmt: skip
    assert document["defaults"] == {"keep_alive": 600, "load_ceiling": 500}
    assert document["groups"] == {"big": {"members": ["hermes", "qwen-vl"], "most": 1}}
    assert document["models"]["embed"]["pinned"] is True
    assert {name: alias["targets"] for name, alias in document["aliases"].items()} == {
        "gpt-4o-mini": ["hermes"], "chat": ["hermes"], "z-ai/glm-4.7": ["openrouter/z-ai/glm-4.7"],
        "only-here": ["box/only-here"], "coding": ["hermes", "qwen-vl"], "first": ["hermes"],
        "spill": ["hermes", "docker-llama"],
    }  # fmt: skip
    assert document["providers"]["box"] == {"base_url": "http://192.168.1.23/v1", "api_key": "secret:llama-swap-box-1"}
    assert found.secrets["llama-swap-box-1"].reveal() == "sk-box"
    assert [key.reveal() for key in found.api_keys] == ["sk-hunter2"]
    assert set(why(found, Outcome.REFUSED)) == {
        "models.elsewhere", "models.broken", "models.unknown-macro", "peers.tail", "groups.big.members",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("group", "entry"),
    [
        ("", {"members": ["a", "b"], "most": 1, "exclusive": True}),
        ("swap: false, ", {"members": ["a", "b"], "most": 2, "exclusive": True}),
        ("exclusive: false, ", {"members": ["a", "b"], "most": 1}),
        ("swap: false, exclusive: false, ", None),
    ],
)
@pytest.mark.parametrize("place", ["groups: {{{}}}", "routing: {{router: {{settings: {{groups: {{{}}}}}}}}}"])
def test_groups(group: str, entry: object, place: str) -> None:
    models = "models: {a: {cmd: 'x ${PORT}'}, b: {cmd: 'x ${PORT}'}, c: {cmd: 'x ${PORT}'}}\n"
    found = read(models + place.format(f"g: {{{group}members: [a, b]}}"))
    assert found.document.get("groups") == (None if entry is None else {"g": entry})
    loaded(found)


def test_without_groups_it_is_said_that_models_stand_side_by_side() -> None:
    found = read("models: {a: {cmd: 'x ${PORT}'}}\nrouting: {scheduler: {settings: {fifo: {priority: {a: 500}}}}}")
    assert "groups" in why(found, Outcome.CHANGED)
    assert found.document["models"]["a"]["priority"] == 100  # type: ignore[index,call-overload]
    assert found.document["defaults"]["keep_alive"] == -1  # type: ignore[index,call-overload]


def test_ports_that_two_have_are_refused() -> None:
    ports = {"a": 9, "b": 9, "c": 4000}
    text = "\n".join(f" {name}: {{cmd: x, proxy: 'http://localhost:{port}'}}" for name, port in ports.items())
    found = read(f"models:\n{text}")
    assert why(found, Outcome.REFUSED) == {
        "models.b": "its port 9 is that of a too", "models.c": "its port 4000 is that of Glowplug itself too",
    }  # fmt: skip
    loaded(found)


def test_names_of_two_are_refused_to_the_second() -> None:
    text = "models: {a: {cmd: 'x ${PORT}', aliases: [b, z]}, b: {cmd: 'x ${PORT}', aliases: [z]}}\n"
    found = read(text + "peers: {p: {proxy: 'http://h', models: [z, y], apiKey: 'a b'}}")
    assert [note.where for note in found.notes if note.outcome is Outcome.REFUSED] == [
        "peers.p.apiKey", "models.a.aliases", "models.b.aliases",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["models: {a: ", "- a", "models:\n  a:\n   cmd: |\n  x\n y: ["])
def test_what_cannot_be_read_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(ConfigError, match="line"):
        read(text)


_words = st.one_of(
    st.sampled_from(["a", "b c", "${PORT}", "${m}", "llama-server -m /x --port ${PORT}", "x ${PORT}", "${env.X}", "'",
                     "http://127.0.0.1:9/", "http://h:99999", "http://[", "none", "/up", "*", "A=b", "-1", "${", "a/..",
                     "4000"]),
    st.text(max_size=6),
)  # fmt: skip
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _words)
_values = nested(_leaves, _words)
_runs = st.sampled_from(["llama-server -m /x --port ${PORT}", "x ${PORT}", "vllm serve a/b --port ${PORT}", "x -p 9"])
_models = st.one_of(
    st.builds(lambda cmd, some: {"proxy": "http://localhost:9", **some, "cmd": cmd}, _runs,
              st.dictionaries(st.sampled_from(sorted(MODEL)), _values, max_size=4)), _values)  # fmt: skip
_groups = st.dictionaries(
    _words, st.fixed_dictionaries({"members": st.lists(st.sampled_from(["a", "b c", "c"]), max_size=3)},
                                  optional={"swap": _leaves, "exclusive": _leaves, "persistent": _leaves}),
    max_size=2,
)  # fmt: skip
_peer = st.fixed_dictionaries({"proxy": st.one_of(st.just("http://h"), _values),
                               "models": st.lists(_words, max_size=3)},
                              optional={"apiKey": _words, "filters": _values, "timeouts": _values})  # fmt: skip
_selector = st.fixed_dictionaries({"targets": st.lists(_words, max_size=3)})
_files = st.builds(
    lambda some, more: {**some, **more},
    st.dictionaries(st.sampled_from(sorted(TOP)), _values, max_size=3),
    st.fixed_dictionaries(
        {"models": st.dictionaries(st.one_of(st.sampled_from(["a", "b c", "c"]), _words), _models, max_size=4)},
        optional={"groups": _groups, "peers": st.dictionaries(_words, _peer, max_size=2),
                  "selectors": st.dictionaries(_words, _selector, max_size=2)},
    ),
)  # fmt: skip


@given(_files)
@example({"globalTTL": 315360001.0, "models": {"a": {"ttl": 315360001}}})
@settings(max_examples=150, deadline=None)
def test_whatever_a_file_says_the_document_loads(file: dict[str, Any]) -> None:
    try:
        found = read(json.dumps(file))
    except ConfigError as error:
        assert error.problems
        return
    loaded(found)
