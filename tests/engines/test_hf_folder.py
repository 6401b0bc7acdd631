from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines import hf_folder
from glowplug.engines.hf_folder import GIB, Weights, hub_folder, kv_bytes, measure, missing

LLAMA = {
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "hidden_size": 256,
    "max_position_embeddings": 2048,
}


def folder(path: Path, config: object = LLAMA, **files: int) -> Path:
    """A folder with files of these sizes (`_` stands for the dot)."""
    path.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (path / "config.json").write_text(json.dumps(config))
    for name, size in files.items():
        (path / name.replace("_", ".")).write_bytes(bytes(size))
    return path


@pytest.mark.parametrize(
    ("config", "per_token", "context"),
    [
        (LLAMA, 2 * 4 * 2 * 32, 2048),
        ({**LLAMA, "head_dim": 64}, 2 * 4 * 2 * 64, 2048),
        ({**LLAMA, "num_key_value_heads": None}, 2 * 4 * 8 * 32, 2048),
        ({"model_type": "vision", "text_config": LLAMA}, 2 * 4 * 2 * 32, 2048),
        ({"model_type": "mamba"}, None, None),
        (None, None, None),
    ],
)
def test_what_one_token_needs(tmp_path: Path, config: object, per_token: int | None, context: int | None) -> None:
    found = measure(folder(tmp_path, config, a_safetensors=100, b_safetensors=50))
    assert found == Weights(size=150, per_token=per_token, context=context)


def test_weights_that_are_there_twice_are_counted_once(tmp_path: Path) -> None:
    found = measure(folder(tmp_path, None, model_safetensors=100, pytorch_bin=100))
    assert found is not None and found.size == 100


def test_a_single_file_is_weights_too_and_nothing_is_none(tmp_path: Path) -> None:
    found = measure(folder(tmp_path, None, model_gguf=70) / "model.gguf")
    assert found == Weights(size=70)
    assert measure(tmp_path / "gone") is None and measure(folder(tmp_path / "empty", LLAMA)) is None


def test_the_cache_is_planned_for_whole_sequences_up_to_a_limit() -> None:
    weights = Weights(size=1, per_token=1024, context=1000)
    one = 1024 * 2 * 1000
    assert kv_bytes(weights, context=None, sequences=8, element=2, most=GIB) == 8 * one
    assert kv_bytes(weights, context=500, sequences=8, element=1, most=GIB) == 8 * one // 4
    assert kv_bytes(weights, context=None, sequences=8, element=2, most=3 * one) == 3 * one
    assert kv_bytes(weights, context=None, sequences=8, element=2, most=1) == one, "one has to fit"
    assert kv_bytes(Weights(size=1), context=500, sequences=8, element=2, most=4 * GIB) == 2 * GIB


def cached(root: Path) -> Path:
    repository = root / "models--org--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc\n")
    return folder(repository / "snapshots" / "abc", LLAMA, model_safetensors=10)


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"HF_HUB_CACHE": "{}/c", "HF_HOME": "/no"}, "c"),
        ({"HF_HOME": "{}/h"}, "h/hub"),
        ({"XDG_CACHE_HOME": "{}/x"}, "x/huggingface/hub"),
        ({}, ".cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_engine_will_look(tmp_path: Path, variables: dict[str, str], where: str) -> None:
    env = {name: value.format(tmp_path) for name, value in variables.items()}
    assert hub_folder("org/name", env, tmp_path) is None
    snapshot = cached(tmp_path / where)
    assert hub_folder("org/name", env, tmp_path) == snapshot
    assert hub_folder("org/other", env, tmp_path) is None
    (snapshot.parents[1] / "refs" / "main").write_bytes(b"\xff")
    assert hub_folder("org/name", env, tmp_path) is None


def local(**more: object) -> LocalModel:
    return LocalModel(**{"name": "m", "engine": "vllm", **more})  # type: ignore[arg-type]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    env = {"HF_HUB_CACHE": str(tmp_path)}
    gone = missing(local(path=str(tmp_path / "gone")), offline=True)
    assert gone is not None and gone.kind is FailureKind.MISSING_FILE and "do not exist" in gone.message
    nothing = missing(local(), offline=True)
    assert nothing is not None and "names no weights" in nothing.message
    bare = missing(local(path=str(folder(tmp_path / "bare", None))), offline=True)
    assert bare is not None and bare.kind is FailureKind.BAD_MODEL and "config.json" in bare.message
    assert missing(local(path=str(folder(tmp_path / "good"))), offline=True) is None
    assert missing(local(path=str(folder(tmp_path, None, one_gguf=1) / "one.gguf")), offline=True) is None
    uncached = missing(local(id="org/name", env=env), offline=True)
    assert uncached is not None and "not in the hub's cache" in uncached.message
    assert missing(local(id="org/name", env=env), offline=False) is None, "it may fetch it"
    snapshot = cached(tmp_path)
    assert missing(local(id="org/name", env=env), offline=True) is None
    assert hf_folder.locate(local(id="org/name", env=env)) == snapshot
