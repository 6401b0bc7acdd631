"""Finding the files of a model in Ollama's library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.domain.model import LocalModel
from glowplug.engines.ollama_library import layers_of, manifests_of, weights_file


def library(root: Path, name: str = "registry.ollama.ai/library/mistral/7b", size: int = 1000) -> Path:
    """A library with one model of `size` bytes and a projector of 24."""
    manifest = root / "manifests" / name
    manifest.parent.mkdir(parents=True)
    kinds = {"model": size, "projector": 24, "template": 7}
    layers = [
        {"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{kind}", "size": size}
        for kind, size in kinds.items()
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    (root / "blobs").mkdir()
    (root / "blobs" / "sha256-model").write_bytes(b"GGUF")
    return root


def model(root: Path, id: str = "mistral:7b") -> LocalModel:
    return LocalModel(name="m", engine="ollama", id=id, env={"OLLAMA_MODELS": str(root)})


def test_files_are_found_by_the_manifest(tmp_path: Path) -> None:
    library(tmp_path)
    layers = layers_of(model(tmp_path))
    assert [layer.size for layer in layers if layer.weights] == [1000, 24]
    assert weights_file(model(tmp_path)) == tmp_path / "blobs" / "sha256-model"
    assert manifests_of(model(tmp_path)) == (tmp_path / "manifests/registry.ollama.ai/library/mistral/7b",)


def test_names_of_other_registries_keep_their_case(tmp_path: Path) -> None:
    library(tmp_path, "hf.co/User/Repo/Q4")
    assert layers_of(model(tmp_path, "hf.co/User/Repo:Q4"))


def test_what_is_not_there_or_not_readable_is_nothing(tmp_path: Path) -> None:
    assert layers_of(model(tmp_path)) == () and weights_file(model(tmp_path)) is None
    root = library(tmp_path)
    (root / "blobs" / "sha256-model").unlink()
    assert weights_file(model(root)) is None
    manifests_of(model(root))[0].write_text("not JSON")
    assert layers_of(model(root)) == ()


def test_the_library_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = LocalModel(name="m", engine="ollama", id="mistral:7b")
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    assert all(".ollama/models" in str(path) for path in manifests_of(bare))
    monkeypatch.setenv("OLLAMA_MODELS", str(library(tmp_path)))
    assert layers_of(bare)
