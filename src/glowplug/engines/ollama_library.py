"""Ollama's library on this machine: which files a model consists of.

Layout as of version 0.33 (server/manifest, server/modelpath.go): `manifests/HOST/NAMESPACE/MODEL/TAG` is JSON in the
form of the OCI image manifest, `blobs/sha256-HEX` are the files.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from glowplug.domain.model import LocalModel
from glowplug.wire import ollama


class Layer(msgspec.Struct):
    """One file of a model in Ollama's library."""

    mediaType: str = ""
    digest: str = ""
    size: int = 0

    @property
    def weights(self) -> bool:
        """It is loaded: the model itself, a projector or an adapter."""
        return self.mediaType.rpartition(".")[2] in ("model", "projector", "adapter")


class _Manifest(msgspec.Struct):
    layers: list[Layer] = []


def layers_of(model: LocalModel) -> tuple[Layer, ...]:
    """The files of a model by its manifest (`manifests/HOST/NAMESPACE/MODEL/TAG` below the library); empty when there
    is no such model or the library belongs to another user or machine."""
    for manifest in manifests_of(model):
        try:
            return tuple(msgspec.json.decode(manifest.read_bytes(), type=_Manifest).layers)
        except (OSError, ValueError):
            continue
    return ()


def weights_file(model: LocalModel) -> Path | None:
    """The GGUF file of a model in Ollama's library, for whoever reads headers; None when it cannot be found."""
    main = next((layer for layer in layers_of(model) if layer.mediaType.endswith(".image.model")), None)
    if main is None:
        return None
    paths = (folder / "blobs" / main.digest.replace(":", "-") for folder in _libraries(model))
    return next((path for path in paths if path.is_file()), None)


def manifests_of(model: LocalModel) -> tuple[Path, ...]:
    """The files one of which appears when the model is pulled and changes when it is pulled again."""
    return tuple(folder.joinpath("manifests", *ollama.split_name(model.id)) for folder in _libraries(model))


def _libraries(model: LocalModel) -> tuple[Path, ...]:
    """Where the library may be: as configured, this user's, that of the service the installer makes."""
    given = model.env.get("OLLAMA_MODELS") or os.environ.get("OLLAMA_MODELS")
    if given:
        return (Path(given).expanduser(),)
    return Path("~/.ollama/models").expanduser(), Path("/usr/share/ollama/.ollama/models")
