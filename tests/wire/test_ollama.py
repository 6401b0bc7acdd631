"""Ollama's names and bodies."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire import ollama

LISTED = b"""{"models":[{"name":"mistral:latest","model":"mistral:latest","size":5137025024,"digest":"2ae6",
"details":{"family":"llama"},"expires_at":"2318-06-04T14:38:31Z","size_vram":5000000000,"context_length":4096}]}"""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mistral", "mistral:latest", True),
        ("Mistral:7B", "mistral:7b", True),
        ("library/mistral", "registry.ollama.ai/library/mistral:latest", True),
        ("https://registry.ollama.ai/library/mistral", "mistral", True),
        ("hf.co/a/b:q4", "hf.co/A/B:Q4", True),
        ("mistral:7b", "mistral", False),
        ("me/mistral", "mistral", False),
        ("hf.co/library/mistral", "mistral", False),
        ("localhost:5000/library/mistral", "mistral", False),
    ],
)
def test_names_are_matched_as_ollama_does(one: str, other: str, same: bool) -> None:
    assert ollama.same_model(one, other) is same
    assert ollama.same_model(other, one) is same


@pytest.mark.parametrize(
    ("name", "cloud"),
    [
        ("qwen3-coder:480b-cloud", True), ("glm-4.6:cloud", True), ("GPT-OSS:120B-CLOUD", True),
        ("me/cloud", False), ("cloud:7b", False), ("cloud", False), ("x:cloudy", False),
    ],
)  # fmt: skip
def test_cloud_names_are_told_by_their_tag(name: str, cloud: bool) -> None:
    assert ollama.is_cloud(name) is cloud


def test_what_is_loaded_is_found_by_any_of_its_names() -> None:
    listed = ollama.read_process(LISTED)
    assert listed is not None
    entry = listed.find("MISTRAL")
    assert entry is not None and (entry.size, entry.size_vram, entry.context_length) == (5137025024, 5000000000, 4096)
    assert listed.find("mistral:7b") is None
    assert ollama.read_process(b"hello") is None
    assert ollama.read_process(b"[]") is None


def test_only_members_that_are_set_are_sent() -> None:
    call = ollama.Call(model="m", stream=False, keep_alive=-1, options={"num_ctx": 8})
    assert msgspec.json.decode(msgspec.json.encode(call)) == {
        "model": "m", "stream": False, "keep_alive": -1, "options": {"num_ctx": 8},
    }  # fmt: skip


def test_errors_are_read_and_strangers_recognised() -> None:
    assert ollama.read_error(b'{"error":"model \'x\' not found"}') == "model 'x' not found"
    assert ollama.read_error(b"502 Bad Gateway\n") == "502 Bad Gateway"
    assert ollama.read_version(b'{"version":"0.33.2"}') == "0.33.2"
    assert ollama.read_version(b"<html>") == ""
    with pytest.raises(ollama.NotOllama):
        ollama.read_embedded(b'{"object":"list"}')


def test_the_weights_are_named_by_the_modelfile() -> None:
    text = "# Modelfile generated\nFROM /models/blobs/sha256-ab\nTEMPLATE x"
    assert ollama.read_shown(msgspec.json.encode({"modelfile": text})).weights == "/models/blobs/sha256-ab"
    assert ollama.read_shown(b"no").weights == ""


@given(st.binary(max_size=60))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for reader in (ollama.read_error, ollama.read_version, ollama.read_process, ollama.read_shown):
        reader(data)
    for strict in (ollama.read_line, ollama.read_embedded):
        with contextlib.suppress(ollama.NotOllama):
            strict(data)
