"""How much memory something takes that starts by itself, as far as it can be seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.loading import Loads
from glowplug.doctor.site import Ran
from glowplug.doctor.starters import Measure, finding, loaded_by
from tests.doctor.museum import HOME, Machine

OLLAMA = f"{HOME}/.ollama/models/manifests/registry.ollama.ai/library/qwen3/8b"
MANIFEST = """{"layers": [
  {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:aa", "size": 5120},
  {"mediaType": "application/vnd.ollama.image.params", "digest": "sha256:bb", "size": 1024}]}"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.write(f"{HOME}/m/a.gguf", b"x" * 2048)
    machine.write(f"{HOME}/m/folder/a.safetensors", b"x" * 1024)
    machine.write(OLLAMA, MANIFEST)
    machine.write(f"{HOME}/.cache/huggingface/hub/models--Qwen--Qwen3-8B/blobs/aa", b"x" * 3072)
    return machine


@pytest.mark.parametrize(("found", "size"), [
    (Loads("llama.cpp", f"{HOME}/m/a.gguf"), 2048), (Loads("llama.cpp", "~/m/a.gguf"), 2048),
    (Loads("llama.cpp", "%h/m/a.gguf"), 2048), (Loads("llama.cpp", "$HOME/m/gone.gguf"), None),
    (Loads("vLLM", f"{HOME}/m/folder"), 1024), (Loads("vLLM", "Qwen/Qwen3-8B"), 3072), (Loads("vLLM", "Qwen/x"), None),
    (Loads("Ollama", "qwen3:8b"), 6144), (Loads("Ollama", "gone:8b"), None), (Loads("Ollama"), None),
])  # fmt: skip
def test_weights(machine: Machine, found: Loads, size: int | None) -> None:
    assert Measure(machine.site).starter("x", "y", found).size == size


def test_a_part_of_an_accelerator(machine: Machine) -> None:
    takes = Loads("vLLM", "gone/x", 0.5)
    one = Measure(machine.site).starter("x", "y", takes)
    assert finding("c", one).evidence == ("y", "it takes 50% of an accelerator's memory")
    machine.write("/sys/class/drm/card0/device/mem_info_vram_total", f"{16 << 30}\n")
    one = Measure(machine.site).starter("x", "y", takes)
    assert finding("c", one).evidence[1] == "it takes 50% of an accelerator's memory: 8 GiB"
    machine.programs.known["nvidia-smi"] = lambda argv: Ran(code=0, out="24576\n8192\n")
    measure = Measure(machine.site)
    assert [measure.starter("x", "y", takes).share for _ in range(2)] == [12 << 30] * 2
    assert len([argv for argv in machine.programs.ran if argv[0] == "nvidia-smi"]) == 3, "asked once each"


@pytest.mark.parametrize(("script", "found"), [
    ("#!/bin/sh\nexec llama-server -m a.gguf\n", True), ("#!/usr/bin/env -S bash -e\nvllm serve a/b\n", True),
    ("#!/bin/sh\n  # llama-server -m a.gguf\n", False), ("#!/usr/bin/python3\nrun('vllm serve x')\n", False),
    ("llama-server -m a.gguf\n", False), ("#!/bin/sh\n" + "#" * 70_000 + "\nvllm serve x\n", False),
])  # fmt: skip
def test_scripts_of_the_shell_are_read(machine: Machine, script: str, found: bool) -> None:
    machine.write(f"{HOME}/bin/start", script, 0o755)
    assert (loaded_by(machine.site, "/usr/bin/nice ~/bin/start 'x") is not None) is found
