from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.engines import safetensors
from glowplug.engines.safetensors import Config, Folder
from glowplug.engines.weights import Trouble, WeightsError

QWEN = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_attention_heads": 14,
    "num_hidden_layers": 24,
    "num_key_value_heads": 2,
    "vocab_size": 151_936,
    "max_position_embeddings": 32_768,
    "sliding_window": 32_768,
    "use_sliding_window": False,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}


def tensors(**sizes: tuple[str, int]) -> dict[str, Any]:
    out: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, size) in sizes.items():
        out[name] = {"dtype": dtype, "shape": [size], "data_offsets": [at, at + size]}
        at += size
    return out


def write(path: Path, header: Any, *, cut: int = 0) -> None:
    raw = json.dumps(header).encode()
    data = max((e["data_offsets"][1] for k, e in header.items() if k != "__metadata__"), default=0)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + data - cut)


def folder(path: Path, config: Any = QWEN, **files: dict[str, Any]) -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config))
    for name, header in files.items():
        write(path / f"{name.replace('_', '-')}.safetensors", header)
    return path


def test_one_file(tmp_path: Path) -> None:
    found = safetensors.read(folder(tmp_path, model=tensors(a=("BF16", 1000), b=("F32", 24), c=("BF16", 1 << 40))))
    assert dict(found.by_dtype) == {"BF16": 1000 + (1 << 40), "F32": 24}
    assert (found.files, found.tensors, found.size) == (("model.safetensors",), 3, 1024 + (1 << 40))
    assert found.config == Config(
        architecture="Qwen2ForCausalLM",
        layers=24,
        heads=14,
        kv_heads=2,
        head_dim=64,
        hidden=896,
        ffn=4864,
        vocabulary=151_936,
        context=32_768,
        tied=True,
        dtype="bfloat16",
    )
    assert found.config.cache_per_token() == 2 * 24 * 2 * 64 * 2
    assert found.config.cache_per_token(1) == 2 * 24 * 2 * 64


def test_an_index_names_the_files(tmp_path: Path) -> None:
    folder(tmp_path, part_1=tensors(a=("F16", 10)), part_2=tensors(b=("F16", 20)), other=tensors(c=("F16", 99)))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}}))
    assert safetensors.read(tmp_path).size == 30
    (tmp_path / "part-2.safetensors").unlink()
    error = trouble(tmp_path)
    assert error.trouble is Trouble.MISSING and "1 of 2 files" in error.message
    assert "part-2.safetensors" in error.message


def test_the_same_weights_in_another_layout_are_not_counted(tmp_path: Path) -> None:
    path = folder(tmp_path, model_1=tensors(a=("F16", 10)), model_2=tensors(a=("F16", 10)), consolidated=tensors())
    assert safetensors.read(path).size == 20
    assert len(safetensors.read(folder(tmp_path / "b", consolidated=tensors(a=("F16", 5)))).files) == 1


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"sliding_window": 512, "num_hidden_layers": 4}, {"window": 512, "windowed_layers": 4}),
        (
            {"sliding_window": 512, "num_hidden_layers": 3, "layer_types": ["sliding_attention", "full_attention"]},
            {"window": 512, "windowed_layers": 1},
        ),
        (
            {"sliding_window": 512, "num_hidden_layers": 12, "sliding_window_pattern": 6},
            {"window": 512, "windowed_layers": 10},
        ),
        ({"sliding_window": None, "num_hidden_layers": 4}, {"window": 0}),
        (
            {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "num_hidden_layers": 2},
            {"kv_lora_rank": 512, "qk_rope_head_dim": 64, "latent": True},
        ),
        ({"text_config": {"hidden_size": 8}, "hidden_size": 4, "model_type": "vl"}, {"hidden": 8}),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, {"quantization": "awq", "bits": 4}),
        ({"quantization_config": {"quant_method": "fp8"}}, {"quantization": "fp8", "bits": 0}),
        ({"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}, {"layers": 12, "head_dim": 64}),
        ({"head_dim": 256, "num_attention_heads": 8, "hidden_size": 2048}, {"head_dim": 256, "kv_heads": 8}),
        ({"hidden_size": "big", "num_hidden_layers": True, "vocab_size": -1}, {"hidden": 0, "layers": 0}),
        ({"architectures": [], "model_type": "x"}, {"architecture": "x"}),
    ],
)
def test_configurations(tmp_path: Path, config: dict[str, Any], expected: dict[str, Any]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = safetensors.read_config(tmp_path / "config.json")
    assert {name: getattr(found, name) for name in expected} == expected


def test_latent_attention_keeps_one_vector_a_layer() -> None:
    assert Config(layers=61, kv_lora_rank=512, qk_rope_head_dim=64).cache_per_token() == 61 * 576 * 2


def trouble(path: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        safetensors.read(path)
    assert caught.value.hint
    return caught.value


def _index(name: str) -> Any:
    def spoil(path: Path) -> None:
        (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))

    return spoil


def _header(raw: bytes, length: int | None = None) -> Any:
    def spoil(path: Path) -> None:
        (path / "model.safetensors").write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda path: (path / "config.json").unlink(), Trouble.MISSING, "has no config.json"),
        (lambda path: (path / "model.safetensors").unlink(), Trouble.MISSING, "has no *.safetensors"),
        (lambda path: (path / "config.json").write_text("{"), Trouble.BROKEN, "is not what it should be"),
        (lambda path: (path / "config.json").write_text("[" * 100_000), Trouble.BROKEN, "is not what it should be"),
        (lambda path: (path / "config.json").write_text('{"a":' * 100_000), Trouble.BROKEN, "is not what it should be"),
        (lambda path: (path / "model.safetensors").write_bytes(b"123"), Trouble.TRUNCATED, "it has 3 bytes"),
        (lambda path: write(path / "model.safetensors", tensors(a=("F16", 100)), cut=7), Trouble.TRUNCATED, "7 of"),
        (_header(b"{}", 5000), Trouble.TRUNCATED, "4998 bytes are missing"),
        (_header(b"<html>"), Trouble.WRONG_FORMAT, "is not a safetensors file"),
        (_header(b"", 2**63), Trouble.WRONG_FORMAT, "is not a safetensors file"),
        (_header(b'{"a":1}'), Trouble.BROKEN, "is not what it should be"),
        (_header(b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[9,1]}}'), Trouble.BROKEN, "at 9 to 1"),
        (_header(b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[-9,1]}}'), Trouble.BROKEN, "at -9 to 1"),
        (
            _header(b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,9223372036854775807]}}'),
            Trouble.TRUNCATED,
            "bytes are missing",
        ),
        (_index("../../secrets.safetensors"), Trouble.BROKEN, "not a file beside it"),
        (_index("model.bin"), Trouble.BROKEN, "not a file beside it"),
        (_index("gone.safetensors"), Trouble.MISSING, "gone.safetensors"),
    ],
)
def test_wrong_folders_are_named(tmp_path: Path, spoil: Any, kind: Trouble, words: str) -> None:
    folder(tmp_path, model=tensors(a=("F16", 10)))
    spoil(tmp_path)
    error = trouble(tmp_path)
    assert (error.trouble, words in error.message) == (kind, True), error


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert trouble(tmp_path / "file").trouble is Trouble.MISSING
    assert trouble(tmp_path / "none").trouble is Trouble.MISSING
    folder(tmp_path)
    os.mkfifo(tmp_path / "model.safetensors")
    assert "is not a regular file" in trouble(tmp_path).message


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("fuzz"), model=tensors(a=("F16", 10)))


NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none(), st.text(max_size=3))
JSON = st.recursive(NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(
    config=st.dictionaries(st.sampled_from([*QWEN, "layer_types", "text_config", "quantization_config"]), JSON),
    entry=st.fixed_dictionaries({"dtype": JSON, "shape": JSON, "data_offsets": JSON | st.tuples(NUMBERS, NUMBERS)}),
)
def test_hostile_json_only_costs_an_error(scratch: Path, config: Any, entry: Any) -> None:
    (scratch / "config.json").write_text(json.dumps(config))
    raw = json.dumps({"a": entry}).encode()
    (scratch / "model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw)
    try:
        found = safetensors.read(scratch)
    except WeightsError:
        return
    assert isinstance(found, Folder) and found.config.cache_per_token() >= 0
