"""What this machine has and does not serve yet."""

from __future__ import annotations

import json
from pathlib import Path

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import UpstreamError
from glowplug.usecases.adopt import EngineFound, look

ANSWERS = {
    "http://127.0.0.1:11434/api/tags": {"models": [{"name": "qwen3:8b", "size": 5_000}]},
    "http://127.0.0.1:8000/v1/models": {"data": [{"id": "big"}]},
}


async def ask(url: str) -> bytes:
    if url not in ANSWERS:
        raise UpstreamError(f"{url} is not there")
    return json.dumps(ANSWERS[url]).encode()


async def test_what_is_found_has_settings_a_size_and_what_it_needs_first(tmp_path: Path) -> None:
    weights = tmp_path / "models"
    weights.mkdir()
    for name, size in (("one.gguf", 3), ("two-00001-of-00002.gguf", 4), ("two-00002-of-00002.gguf", 5), ("it.gguf", 1)):
        (weights / name).write_bytes(b"x" * size)
    program = tmp_path / "my-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = tmp_path / "config.yaml"
    file.write_text(f"""
server: {{model_folders: [{weights}]}}
engines: {{llamacpp: {{command: {program}}}, vllm: {{command: {tmp_path}/nowhere}}}}
models: {{chat-here: {{engine: llamacpp, path: {weights}/it.gguf}}}}
""")
    found = await look(load(file, env={}, engines=Catalogue()), Catalogue(), str(tmp_path), ask)
    assert {
        one.name: (one.settings.get("path") or one.settings["id"], one.size, one.base_url) for one in found.data
    } == {
        "chat-one-llamacpp": (f"{weights}/one.gguf", 3, ""),
        "chat-two-llamacpp": (f"{weights}/two-00001-of-00002.gguf", 9, ""),
        "chat-qwen3-8b-ollama": ("qwen3:8b", 5_000, ""),
        "chat-big-vllm": ("big", None, "http://127.0.0.1:8000/v1"),
    }
    assert found.folders == (str(weights),)
    engines = {one.name: one for one in found.engines}
    assert engines["llamacpp"] == EngineFound(name="llamacpp", program=str(program), path=str(program))
    assert engines["vllm"].path == "" and "command" not in engines


async def test_on_a_bare_machine_there_is_nothing(tmp_path: Path) -> None:
    found = await look(load(None, env={}, engines=Catalogue()), Catalogue(), str(tmp_path), nobody)
    assert (found.data, found.folders, found.lines) == ((), (), ())


async def nobody(url: str) -> bytes:
    raise UpstreamError(f"{url} is not there")
