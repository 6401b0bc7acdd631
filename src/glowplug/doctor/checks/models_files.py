"""Weights that are not there, or not all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.models import at_site, some, weights_at
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.model import LocalModel
from glowplug.engines import gguf, ollama_library, safetensors
from glowplug.engines.hf_folder import hub_folder
from glowplug.engines.weights import Trouble, WeightsError
from glowplug.units import format_size
from glowplug.usecases.discover import hub_folder_root

_BESIDE: Final = ("mmproj", "draft_model", "lora")
"""Options of llama.cpp that name more weights."""
_HALF: Final = ".incomplete"
"""How the hub's cache calls what it has not got all of."""
_GOES_ON: Final = 600.0
"""Seconds within which a download that goes on has written something."""
_AGAIN: Final = "Download it again, or correct the path."


@dataclass(frozen=True)
class Wrong:
    """Weights that cannot be loaded."""

    model: str
    what: str
    """Without the path of this machine's copy in front."""
    hint: str


class Files(Check[tuple[Wrong, ...]]):
    """A file that is missing, or whose download stopped, is found out by the first request."""

    name = "models-files"
    title = "Weights are there, and whole"
    group = Group.MODELS

    def gather(self, site: Site) -> tuple[Wrong, ...]:
        models = site.loaded.local_models
        some(models, "are no local models")
        return tuple(wrong for model in models for wrong in _wrong(site, model))

    def inspect(self, facts: tuple[Wrong, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=f"model {one.model}",
                summary=f"cannot be loaded: {one.what}",
                consequence="Every request for it fails, or goes to another target.",
                advice=one.hint,
            )
            for one in facts
        ]


def _wrong(site: Site, model: LocalModel) -> Iterator[Wrong]:
    root = "" if site.root == Path("/") else str(site.root)
    try:
        if model.path and model.engine == "llamacpp":
            gguf.read(weights_at(site, model.path))
            for name in _BESIDE:
                if isinstance(value := model.options.get(name), str) and value.startswith("/"):
                    gguf.read(weights_at(site, value))
        elif model.path and model.engine in ("vllm", "sglang"):
            _folder(weights_at(site, model.path))
        elif model.id and model.engine in ("vllm", "sglang"):
            yield from _cached(site, model)
        elif model.path and not os.access(weights_at(site, model.path), os.R_OK):
            yield Wrong(model.name, f"{model.path} cannot be read", _AGAIN)
    except WeightsError as error:
        if error.trouble is not Trouble.UNSUPPORTED:  # an engine may know more formats than we do
            yield Wrong(model.name, error.message.replace(root, ""), f"{error.hint[:1].upper()}{error.hint[1:]}.")
    if model.engine == "ollama":
        yield from _library(site, model)


def _folder(path: Path) -> None:
    """Raises WeightsError for a folder that cannot be loaded; of weights in an older format nothing is said."""
    if path.suffix == ".gguf":
        gguf.read(path)
    elif not any(path.glob("*.bin")) and not any(path.glob("*.pt")):
        safetensors.read(path)


def _cached(site: Site, model: LocalModel) -> Iterator[Wrong]:
    """A repository in the hub's cache; one that is not there is downloaded by the first load.  Raises WeightsError."""
    root = site.real(hub_folder_root({**site.env, **model.env}, site.home))
    folder = root / f"models--{model.id.replace('/', '--')}"
    half = [file.stat() for file in folder.glob(f"blobs/*{_HALF}")]
    if half and site.clock.unix() - max(info.st_mtime for info in half) > _GOES_ON:
        size = format_size(sum(info.st_blocks * 512 for info in half))
        what = f"a download stopped half way: {len(half)} files in {site.shown(folder / 'blobs')}, {size} of them there"
        yield Wrong(model.name, what, f"Run `hf download {model.id}`, which goes on where it stopped.")
        return
    snapshot = hub_folder(model.id, {"HF_HUB_CACHE": str(root)}, site.home)
    if not half and snapshot is not None and (snapshot / "config.json").exists():
        _folder(snapshot)


def _library(site: Site, model: LocalModel) -> Iterator[Wrong]:
    """Of a library that belongs to somebody else nothing is known."""
    here = at_site(site, model)
    library = Path(here.env["OLLAMA_MODELS"])
    pull = f"Run `ollama pull {model.id}`."
    if not os.access(library / "manifests", os.R_OK | os.X_OK):
        return
    layers = ollama_library.layers_of(here)
    if not layers:
        yield Wrong(model.name, f"Ollama has no model {model.id}", pull)
    for layer in layers:
        blob = library / "blobs" / layer.digest.replace(":", "-")
        size = blob.stat().st_size if blob.exists() else -1
        if size != layer.size:
            shown = f"{site.shown(blob)} " + (f"has {size} of {layer.size} bytes" if size >= 0 else "does not exist")
            yield Wrong(model.name, shown, pull)
