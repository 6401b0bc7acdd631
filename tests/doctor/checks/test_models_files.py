"""Weights that are not there, or not all of them."""

from __future__ import annotations

import os
from pathlib import Path

from glowplug.doctor.checks.models_files import Files
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.checks.test_models_context import LIBRARY, ollama, vllm
from tests.doctor.museum import HOME, MODEL, WEIGHTS, Exhibit, Machine

HUB = f"{HOME}/.cache/huggingface/hub/models--a--big"
BLOB = f"{LIBRARY}/blobs/sha256-ab"


def exhibit(name: str, healthy: str, path: str, damage: str, subject: str) -> Exhibit:
    def plant(machine: Machine) -> None:
        if damage == "gone":
            machine.path(path).unlink()
        else:
            machine.write(path, machine.path(path).read_bytes()[:-100])

    makes = {
        "llama": lambda m: m.models(), "ollama": lambda m: ollama(m, 8192), "vllm": lambda m: vllm(m, 4096),
    }  # fmt: skip
    return Exhibit(name, "models-files", plant, (subject,), Severity.ERROR, repaired=False, healthy=makes[healthy])


def cached(machine: Machine) -> None:
    """A repository in the hub's cache."""
    machine.models(model="  chat-big-vllm: {engine: vllm, id: a/big, max_concurrency: 4}\n")
    machine.write(f"{HUB}/refs/main", "rev1")
    machine.write(f"{HUB}/blobs/aa", b"\x02\0\0\0\0\0\0\0{}")
    machine.write(f"{HUB}/blobs/bb", "{}")
    machine.link(f"{HUB}/snapshots/rev1/model.safetensors", "../../blobs/aa")
    machine.link(f"{HUB}/snapshots/rev1/config.json", "../../blobs/bb")


def half(machine: Machine, age: float = 3600.0) -> None:
    file = machine.write(f"{HUB}/blobs/cc.incomplete", b"x" * 4096)
    then = machine.clock.unix() - age
    os.utime(file, (then, then))


EXHIBITS = [
    Exhibit("a download of the hub's stopped", "models-files", half, ("chat-big-vllm",), Severity.ERROR, repaired=False,
            healthy=cached),
    Exhibit("a blob of the hub's cache is gone", "models-files", lambda m: m.path(f"{HUB}/blobs/aa").unlink(),
            ("chat-big-vllm",), Severity.ERROR, repaired=False, healthy=cached),
    exhibit("weights are gone", "llama", WEIGHTS, "gone", "chat-hermes-llamacpp"),
    exhibit("a download stopped", "llama", WEIGHTS, "cut", "chat-hermes-llamacpp"),
    exhibit("a blob of Ollama's is gone", "ollama", BLOB, "gone", "chat-mistral-ollama"),
    exhibit("a blob of Ollama's is cut off", "ollama", BLOB, "cut", "chat-mistral-ollama"),
    exhibit("a model is not pulled", "ollama", f"{LIBRARY}/manifests/registry.ollama.ai/library/mistral/latest",
            "gone", "chat-mistral-ollama"),
    exhibit("a folder has no weights", "vllm", f"{HOME}/models/big/model.safetensors", "gone", "chat-big-vllm"),
]  # fmt: skip


def test_what_was_cut_off_is_said_with_the_machines_own_path(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models()
    machine.gguf(WEIGHTS, cut=7)
    (finding,) = look(Files(), machine.site)[0].findings
    assert f"{WEIGHTS} is cut off: 7 of" in finding.summary


def test_a_download_that_goes_on_is_waited_for(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    cached(machine)
    half(machine, 60.0)
    assert look(Files(), machine.site)[0].findings == ()


def test_a_repository_that_is_not_there_will_be(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    cached(machine)
    machine.path(f"{HUB}/refs/main").unlink()
    assert look(Files(), machine.site)[0].findings == ()


def test_a_projector_is_weights_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=MODEL.replace("{ctx", f"{{mmproj: {HOME}/eyes.gguf, ctx"))
    (finding,) = look(Files(), machine.site)[0].findings
    assert "eyes.gguf does not exist" in finding.summary


def test_a_library_that_cannot_be_seen_is_not_judged(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model="  chat-mistral-ollama: {engine: ollama, id: mistral, max_concurrency: 4}\n")
    assert look(Files(), machine.site)[0].findings == ()


def test_weights_in_an_older_format_are_not_judged(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    vllm(machine, 4096)
    machine.path(f"{HOME}/models/big/model.safetensors").unlink()
    machine.write(f"{HOME}/models/big/pytorch_model.bin", b"x")
    assert look(Files(), machine.site)[0].findings == ()
