"""The same weights more than once on this machine: in Ollama's library, LM Studio's folder, Hugging Face's cache."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.models import at_site, some, weights_at
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.model import LocalModel
from glowplug.units import format_size
from glowplug.usecases.discover import hub_folder_root

LEAST: Final = 16 << 20
"""Bytes of a file that is worth a word."""
_FOLDERS: Final = (".lmstudio/models", ".cache/lm-studio/models", "models", ".local/share/models")
"""Below the home directory: where LM Studio keeps weights, and people do."""
_NAMED: Final = re.compile(r"(?:sha256[-:])?([0-9a-f]{64})")
"""A blob of Ollama's or of Hugging Face's cache is called by its hash."""
_CHUNK: Final = 4 << 20


@dataclass(frozen=True)
class Twins:
    """Files with the same bytes."""

    paths: tuple[str, ...]
    size: int


class Duplicates(Check[tuple[Twins, ...]]):
    """Every program that runs models downloads its own copy."""

    name = "models-duplicates"
    title = "Weights are on the disk once"
    group = Group.MODELS
    slow = True

    def gather(self, site: Site) -> tuple[Twins, ...]:
        by_size: dict[int, dict[tuple[int, int], Path]] = {}
        for path in _files(site):
            try:
                real = path.resolve()
                info = real.stat()
            except OSError:
                continue
            if info.st_size >= LEAST and real.is_file():
                # Hard links are one file already, and a link of the cache is what it points to.
                by_size.setdefault(info.st_size, {}).setdefault((info.st_dev, info.st_ino), real)
        some(list(by_size), "are no weights in the usual places")
        return tuple(_twins(site, by_size))

    def inspect(self, facts: tuple[Twins, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.NOTE,
                subject=one.paths[0],
                summary=f"is on the disk {len(one.paths)} times, {format_size(one.size)} each",
                evidence=one.paths[1:],
                consequence=f"{format_size(one.size * (len(one.paths) - 1))} of the disk, and of the page cache when "
                "both are read.",
                advice="Let both name one file; where they are on one disk a hard link does it (`ln -f`).",
            )
            for one in facts
        ]


def _files(site: Site) -> Iterator[Path]:
    for model in site.loaded.local_models:
        if model.path:
            there = weights_at(site, model.path)
            yield from there.glob("*.safetensors") if there.is_dir() else [there]
    library = at_site(site, LocalModel(name="", engine="ollama")).env["OLLAMA_MODELS"]
    yield from sorted(Path(library).glob("blobs/sha256-*"))
    hub = site.real(hub_folder_root(site.env, site.home))
    yield from sorted(hub.glob("models--*/blobs/*"))
    for folder in _FOLDERS:
        yield from sorted(site.real(site.home / folder).rglob("*.gguf"))


def _twins(site: Site, by_size: dict[int, dict[tuple[int, int], Path]]) -> Iterator[Twins]:
    for size, files in sorted(by_size.items(), reverse=True):
        if len(files) < 2:
            continue
        same: dict[str, list[str]] = {}
        for path in files.values():
            try:
                same.setdefault(_digest(path), []).append(_shown(site, path))
            except OSError:
                continue
        yield from (Twins(tuple(sorted(paths)), size) for paths in same.values() if len(paths) > 1)


def _shown(site: Site, path: Path) -> str:
    root = site.root.resolve()
    return "/" + str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _digest(path: Path) -> str:
    """The SHA-256 of a file; of one that is called by it, its name.  Raises OSError."""
    if named := _NAMED.fullmatch(path.name):
        return named[1]
    found = sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
