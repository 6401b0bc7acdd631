"""Weights in the layout of the Hugging Face hub: where a repository is cached, and how much memory they will need.

Reads the file system, and of the weights their headers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines import safetensors
from glowplug.engines.safetensors import Config
from glowplug.engines.weights import WeightsError

GIB = 1 << 30

WEIGHT_FILES = ("*.safetensors", "*.bin", "*.pt", "*.gguf")
"""Kinds of weight files, in the order in which engines prefer them: a folder may hold the same weights twice."""


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What can be told of a model before it is loaded.  Bytes and tokens."""

    size: int
    """Of the weight files that will be read."""
    per_token: int | None = None
    """Elements (not bytes) of keys and values for one token of context, or None when the configuration does not say."""
    context: int | None = None
    """The longest context it was made for."""


def hub_folder(repository: str, env: Mapping[str, str], home: Path) -> Path | None:
    """Where the hub's cache holds the newest snapshot of a repository, or None.  `env`: that of the engine, since its
    HF_HUB_CACHE, HF_HOME or XDG_CACHE_HOME says where the cache is."""
    cache = env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE")
    if not cache:
        root = env.get("HF_HOME") or str(Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "huggingface")
        cache = str(Path(root) / "hub")
    folder = Path(cache).expanduser() / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = folder / "snapshots" / revision
    return snapshot if revision and snapshot.is_dir() else None


def measure(path: Path) -> Weights | None:
    """Sizes of the weights at `path`, a folder or a single file; None when there are none to be seen.

    By the headers of safetensors; where those cannot be read, and for other kinds of files, by the sizes of the files.
    """
    config: Config | None = None
    try:
        folder = safetensors.read(path)
    except WeightsError:
        size = _weight_bytes(path)
        with suppress(WeightsError):
            config = safetensors.read_config(path / "config.json")
    else:
        size, config = folder.size, folder.config
    if not size:
        return None
    if config is None:
        return Weights(size=size)
    return Weights(size=size, per_token=config.cache_per_token(1) or None, context=config.context or None)


def _weight_bytes(path: Path) -> int:
    try:
        if path.is_file():
            return path.stat().st_size
        for kind in WEIGHT_FILES:
            if size := sum(file.stat().st_size for file in path.glob(kind) if file.is_file()):
                return size
    except OSError:
        pass
    return 0


def kv_bytes(weights: Weights, *, context: int | None, sequences: int, element: int, most: int) -> int:
    """Bytes of a key-value cache for `sequences` of `context` tokens, but not above `most` unless one sequence alone
    needs more: engines refuse to start when that does not fit."""
    tokens = context or weights.context
    if not weights.per_token or not tokens:
        return min(most, 2 * GIB)
    one = weights.per_token * element * tokens
    return max(one, min(one * sequences, most))


def cache_environment(own: Mapping[str, str]) -> dict[str, str]:
    """The variables that say where the hub's cache is, as the engine will see them."""
    inherited = {name: os.environ[name] for name in ("XDG_CACHE_HOME",) if name in os.environ}
    return {**inherited, **own}


def locate(model: LocalModel) -> Path | None:
    """The folder or file of a model's weights: its path, or where the cache has its repository."""
    if model.path:
        return Path(model.path)
    return hub_folder(model.id, cache_environment(model.env), Path.home()) if model.id else None


def missing(model: LocalModel, *, offline: bool) -> Failure | None:
    """The failure of weights that are not there.  `offline`: the engine may not download them."""
    if not model.path and not model.id:
        return Failure(
            kind=FailureKind.MISSING_FILE,
            message="the model names no weights",
            hint="give it a path, or the id of a repository of the hub",
        )
    if not model.path:
        if not offline or locate(model) is not None:
            return None
        return Failure(
            kind=FailureKind.MISSING_FILE,
            message=f"{model.id} is not in the hub's cache",
            hint=f"fetch it with `hf download {model.id}`, or set HF_HUB_OFFLINE: 0 in the model's env",
        )
    path = Path(model.path)
    if not os.access(path, os.R_OK):
        why = "cannot be read" if os.path.lexists(path) else "do not exist"
        return Failure(
            kind=FailureKind.MISSING_FILE,
            message=f"the weights {path} {why}",
            hint="correct the path in the configuration or put the files there",
        )
    if path.is_dir() and not any((path / name).is_file() for name in ("config.json", "params.json")):
        return Failure(
            kind=FailureKind.BAD_MODEL,
            message=f"{path} has no config.json",
            hint="name the folder that has the model's config.json and its safetensors files",
        )
    return None
