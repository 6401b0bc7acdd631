"""Files and options of models that were added through an API (see also tests/config/test_managed.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.check_managed import FILES, NEVER
from glowplug.config.load import Loaded, load
from glowplug.config.managed import ManagedFile
from glowplug.engines import llamacpp_options, sglang_options, vllm_options
from glowplug.engines.catalogue import Catalogue

HARMLESS = {
    "draft_type", "tensor_split", "reasoning_format", "quantization", "kv_cache_dtype", "tool_call_parser",
    "reasoning_parser", "tokenizer_mode", "limit_mm_per_prompt", "attention_backend",
}  # fmt: skip


def test_every_option_of_free_text_was_looked_at() -> None:
    """A new one must be decided on: does it name a file, hold a template, or neither?"""
    free = {
        name
        for options in (llamacpp_options.OPTIONS, vllm_options.OPTIONS, sglang_options.OPTIONS)
        for name, option in options.items()
        if option.kind is str and not option.choices
    }
    assert free <= HARMLESS | FILES | NEVER, free - HARMLESS - FILES - NEVER
    assert not HARMLESS & (FILES | NEVER)


def of(folder: Path, entry: str, folders: str) -> Loaded:
    config, layer = folder / "config.yaml", folder / "managed.yaml"
    config.write_text(f"server: {{model_folders: {folders}}}\n")
    layer.write_text(f"models:\n  m: {{engine: llamacpp, {entry}}}\n")
    return load(config, env={"HOME": str(folder)}, engines=Catalogue(), managed=ManagedFile(layer))


@pytest.mark.parametrize(
    ("entry", "works"),
    [
        ("path: D/m.gguf", True),
        ("path: D/deep/m.gguf", True),
        ("path: D/link.gguf", False),
        ("path: D-other/m.gguf", False),
        ("path: D/m.gguf, options: {mmproj: D/p.gguf, ctx_size: 512}", True),
        ("path: D/m.gguf, options: {mmproj: /etc/passwd}", False),
        ("path: D/m.gguf, options: {lora: 'D/a,/etc/passwd'}", False),
        ("path: D/m.gguf, options: {draft_model: D/d.gguf}", True),
        ("path: D/m.gguf, options: {chat_template: '{{ x }}'}", False),
        ("path: D/m.gguf, options: {chat_template_file: D/t}", False),
    ],
)
def test_weights_lie_below_a_declared_folder(tmp_path: Path, entry: str, works: bool) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "link.gguf").symlink_to("/etc/passwd")
    loaded = of(tmp_path, entry.replace("D", str(data)), "[~/data]")
    assert (("models", "m") in loaded.managed) == works


def test_without_a_folder_the_error_says_what_to_declare(tmp_path: Path) -> None:
    loaded = of(tmp_path, "path: /data/m.gguf", "[]")
    (warning,) = [one for one in loaded.warnings if one.file]
    assert "no folder of models is declared" in warning.message
    assert "model_folders" in warning.hint
