"""More context than the weights were made for."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.models_context import Context
from glowplug.doctor.examine import look
from tests.doctor.museum import CONFIG, HOME, MODEL, WEIGHTS, Exhibit, Machine

LONG = MODEL.replace("4096", "16384")
OLLAMA = """\
  chat-mistral-ollama: {engine: ollama, id: mistral, max_concurrency: 4, options: {num_ctx: %d}}
"""
VLLM = f"""\
  chat-big-vllm: {{engine: vllm, path: {HOME}/models/big, max_concurrency: 4, options: {{max_model_len: %d}}}}
"""
LIBRARY = f"{HOME}/.ollama/models"


def ollama(machine: Machine, context: int) -> None:
    manifest = '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:ab", "size": %d}]}'
    machine.models(model=OLLAMA % context)
    blob = f"{LIBRARY}/blobs/sha256-ab"
    machine.gguf(blob)
    size = machine.path(blob).stat().st_size
    machine.write(f"{LIBRARY}/manifests/registry.ollama.ai/library/mistral/latest", manifest % size)


def listed(machine: Machine, context: int) -> None:
    ollama(machine, 4096)
    params = f"{{model: ollama_chat/mistral, num_ctx: {context}, timeout: 9, rpm: 9}}"
    machine.litellm_config(f"model_list:\n- {{model_name: m, litellm_params: {params}}}\n")


def vllm(machine: Machine, context: int) -> None:
    machine.models(model=VLLM % context)
    machine.write(f"{HOME}/models/big/config.json", '{"max_position_embeddings": 4096}')
    machine.write(f"{HOME}/models/big/model.safetensors", b"\x02\0\0\0\0\0\0\0{}")


EXHIBITS = [
    Exhibit("llama.cpp's context", "models-context", lambda m: m.models(model=LONG), ("chat-hermes-llamacpp",),
            healthy=lambda m: m.models()),
    Exhibit("Ollama's context", "models-context", lambda m: ollama(m, 9000), ("chat-mistral-ollama",),
            healthy=lambda m: ollama(m, 8192)),
    Exhibit("the context that LiteLLM asks Ollama for", "models-context", lambda m: listed(m, 9000),
            ("model_list[0] (m)",), repaired=False, healthy=lambda m: listed(m, 8192)),
    Exhibit("vLLM's context", "models-context", lambda m: vllm(m, 9000), ("chat-big-vllm",),
            healthy=lambda m: vllm(m, 4096)),
]  # fmt: skip


def test_slots_share_what_they_are_given(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=LONG.replace("{ctx", "{parallel: 2, ctx"))
    assert look(Context(), machine.site)[0].findings == ()


def test_who_stretches_it_knows(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=LONG + "    args: [--rope-scale, '2']\n")
    assert look(Context(), machine.site)[0].skipped


def test_what_is_said_for_all_models_of_an_engine_is_not_edited(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    text = MODEL.replace("    options: {ctx_size: 4096}\n", "")
    machine.models("engines:\n  llamacpp: {options: {ctx_size: 16384}}\n", model=text)
    looked, remedy = look(Context(), machine.site)
    assert len(looked.findings) == 1 and remedy is None


def test_the_edit_is_one_number(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=LONG)
    before = machine.path(CONFIG).read_text()
    _, remedy = look(Context(), machine.site)
    assert remedy is not None and remedy.actions[0].do(machine.hands)
    assert machine.path(CONFIG).read_text() == before.replace("16384", "8192")


def test_weights_that_cannot_be_read_are_not_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.models(model=LONG)
    machine.path(WEIGHTS).unlink()
    assert look(Context(), machine.site)[0].findings == ()
