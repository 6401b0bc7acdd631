"""What loads a model without being asked: how it is found in a command, what it takes, and how it is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from glowplug.doctor.actions import Action
from glowplug.doctor.llama_swap import preloaded
from glowplug.doctor.loading import Loads, loads, words
from glowplug.doctor.models import at_site
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.domain.finding import Finding, Severity
from glowplug.domain.model import LocalModel
from glowplug.engines import ollama_library
from glowplug.units import format_size
from glowplug.usecases.discover import hub_folder_root

RISK: Final = "What counts on such a model being there must ask a server that loads it when it is asked."
_SCRIPT: Final = re.compile(rb"#![^\n]*?[/ ](?:ba|da|z|k)?sh(?=\s)")
_LONGEST: Final = 64 << 10
"""Bytes of a script that starts something."""
_WEIGHTS: Final = ("*.safetensors", "*.gguf", "*.bin")
_ASK: Final = ("nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits")
_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Starter:
    """Something that loads a model without being asked."""

    subject: str
    evidence: str
    loads: Loads
    size: int | None
    """Bytes of the weights; None where they are not to be seen from here."""
    share: int | None
    """Bytes of an accelerator that it takes whatever the model; None where it does not, or nobody knows."""
    actions: tuple[Action, ...]
    advice: str = ""


@dataclass(frozen=True)
class Measure:
    """How large things are on a machine; its accelerators are asked once, when somebody wants to know."""

    site: Site
    _memory: list[int] = field(default_factory=list)

    def starter(
        self, subject: str, evidence: str, found: Loads, actions: Sequence[Action] = (), *, advice: str = "",
        mounts: Mapping[str, str] | None = None,
    ) -> Starter:  # fmt: skip
        """`mounts`: folders of a container, and where they are on the machine."""
        share = None
        if found.share is not None and (memory := self._accelerator()):
            share = int(found.share * memory)
        size = self._size(found, mounts or {})
        return Starter(subject, evidence, found, size, share, tuple(actions), advice)

    def _size(self, found: Loads, mounts: Mapping[str, str]) -> int | None:
        site, name = self.site, found.weights
        name = name.replace("~", str(site.home), 1).replace("%h", str(site.home)).replace("$HOME", str(site.home))
        for inside, outside in mounts.items():
            if name == inside or name.startswith(inside.rstrip("/") + "/"):
                name = outside + name.removeprefix(inside)
                break
        if name.startswith("/"):
            return _bytes(site.real(name))
        if found.engine == "Ollama" and name:
            layers = ollama_library.layers_of(at_site(site, LocalModel(name="", engine="ollama", id=name)))
            return sum(layer.size for layer in layers) or None
        if name.count("/") == 1:
            folder = site.real(hub_folder_root(site.env, site.home)) / f"models--{name.replace('/', '--')}"
            return _bytes(folder / "blobs")
        return None

    def _accelerator(self) -> int:
        """Bytes of the first one; 0: nobody says."""
        if not self._memory:
            self._memory.append(_nvidia(self.site) or _amd(self.site))
        return self._memory[0]


def finding(check: str, one: Starter) -> Finding:
    """How a check tells it."""
    return Finding(
        check=check,
        severity=Severity.WARNING,
        subject=one.subject,
        summary=f"loads {one.loads.weights or 'a model'} with {one.loads.engine} at every start",
        evidence=(one.evidence, *_memory(one)),
        consequence="Its memory is taken from the start on, whether somebody asks it or not.",
        advice=one.advice,
    )


def loaded_by(site: Site, command: str) -> Loads | None:
    """What a command loads, or a script of the shell that it runs, or a llama-swap that it starts."""
    found = loads(command) or preloaded(site, command)
    if found is not None:
        return found
    for word in words(command):
        path = word.replace("~", str(site.home), 1).replace("%h", str(site.home)).replace("$HOME", str(site.home))
        for line in _script(site, path) if path.startswith("/") else ():
            if (found := loads(line) or preloaded(site, line)) is not None:
                return found
    return None


def _script(site: Site, path: str) -> Iterator[str]:
    """The lines of a script, joined where they go on; nothing of what is none or may not be read."""
    file = site.real(path)
    try:
        if not file.is_file() or file.stat().st_size > _LONGEST:
            return
        data = file.read_bytes()
    except OSError:
        return
    if _SCRIPT.match(data):
        for line in data.decode(errors="replace").replace("\\\n", " ").splitlines():
            if not line.lstrip().startswith("#"):
                yield line


def _memory(one: Starter) -> tuple[str, ...]:
    said = [] if one.size is None else [f"its weights are {format_size(one.size)}"]
    if one.loads.share is not None:
        bytes_ = f": {format_size(one.share)}" if one.share is not None else ""
        said.append(f"it takes {one.loads.share:.0%} of an accelerator's memory{bytes_}")
    return tuple(said)


def _bytes(place: Path) -> int | None:
    """Of a file, or of the weights in a folder; None where nothing can be seen."""
    try:
        if place.is_file():
            return place.stat().st_size
        if place.name == "blobs":
            return sum(file.stat().st_size for file in place.iterdir() if file.is_file()) or None
        return sum(file.stat().st_size for pattern in _WEIGHTS for file in place.glob(pattern)) or None
    except OSError:
        return None


def _nvidia(site: Site) -> int:
    try:
        ran = site.run(_ASK, _SECONDS)
    except (NoSuchProgram, TimeoutError, OSError):
        return 0
    first = ran.out.strip().splitlines()[:1]
    return int(first[0]) << 20 if ran.code == 0 and first and first[0].strip().isdigit() else 0


def _amd(site: Site) -> int:
    for path in site.glob("/sys/class/drm", "card*/device/mem_info_vram_total"):
        try:
            return int(site.text(path))
        except (OSError, ValueError):
            continue
    return 0
