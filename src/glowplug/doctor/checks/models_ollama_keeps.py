"""An Ollama that was told to keep every model for ever, and the models that it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.actions import Action, Command, WriteFile
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.ollama_ps import Resident, resident
from glowplug.doctor.running import runs
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import ConfigError

_INSTEAD: Final = b"30m"
_PLACES: Final = (
    ("/etc/systemd/system", "*.service"), ("/etc/systemd/system", "*.service.d/*.conf"),
    ("~/.config/systemd/user", "*.service"), ("~/.config/systemd/user", "*.service.d/*.conf"),
    ("~/.config/environment.d", "*.conf"), ("/etc/default", "ollama*"), ("/etc/sysconfig", "ollama*"),
)  # fmt: skip
"""Where a daemon gets its environment from."""
_SAYS: Final = re.compile(rb"^(?![ \t]*[#;])(.*\bOLLAMA_KEEP_ALIVE=[\"']?)(-\d[\w.]*)", re.MULTILINE)
"""A negative time is for ever."""
_RELOADS: Final = (("systemctl", "daemon-reload"), ("systemctl", "--user", "daemon-reload"))


@dataclass(frozen=True)
class Told:
    """A file that says so."""

    path: str
    data: bytes
    says: str
    link: bool
    """Somebody makes it elsewhere, and would make it again."""


@dataclass(frozen=True)
class Facts:
    """Files that say so, and the models that are kept now."""

    told: tuple[Told, ...]
    kept: tuple[Resident, ...]


class OllamaKeeps(Check[Facts]):
    """The daemon's own setting holds for every model that is not asked with another one, whoever asks."""

    name = "models-ollama-keeps"
    title = "Ollama gives the memory of idle models back"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        told, loaded = tuple(_told(site)), resident(site)
        if loaded is None and not told:
            raise NothingToLookAt("Ollama does not run here, and nothing tells it what to keep")
        ours = _ours(site)
        return Facts(told, tuple(one for one in loaded or () if one.forever and one.name not in ours))

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        files = [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.path,
                summary="tells Ollama to keep every model in memory for ever",
                evidence=(one.says,),
                consequence="What was asked once holds its memory until the daemon ends, and others find none.",
                advice="The file is a link: change it where it is made." if one.link
                else "A daemon that runs hears of it when it is started anew.",
            )
            for one in facts.told
        ]  # fmt: skip
        return [
            *files,
            *(
                Finding(
                    check=self.name,
                    severity=Severity.WARNING,
                    subject=f"Ollama's {one.name}",
                    summary="is in memory, and will be for ever",
                    evidence=(f"{one.size}, {one.processor}", "`ollama ps`"),
                    consequence="Its memory is missing to every other model, also while nobody uses it.",
                    advice=f"`ollama stop {one.name}`; and find out who asks for it with a negative keep_alive.",
                )
                for one in facts.kept
            ),
        ]

    def remedy(self, facts: Facts) -> Remedy | None:
        actions: list[Action] = [
            WriteFile(
                path=one.path, before=one.data, after=_SAYS.sub(rb"\g<1>" + _INSTEAD, one.data), secret=True,
                why=f"let Ollama keep models for {_INSTEAD.decode()} in {one.path}",
            )
            for one in facts.told
            if not one.link
        ]  # fmt: skip
        if not actions:
            return None
        actions += [
            Command(argv=argv, back=argv, why=f"tell systemd: `{' '.join(argv)}`", may_fail=True) for argv in _RELOADS
        ]
        return Remedy(actions=actions, risk="The first request after half an hour of silence waits until it is loaded.")


def _told(site: Site) -> Iterator[Told]:
    for folder, pattern in _PLACES:
        for path in site.glob(site.home / folder[2:] if folder.startswith("~") else folder, pattern):
            file = site.real(path)
            data = file.read_bytes() if file.is_file() else b""
            if (found := _SAYS.search(data)) is not None:
                yield Told(str(path), data, f"OLLAMA_KEEP_ALIVE={found[2].decode()}", file.is_symlink())


def _ours(site: Site) -> set[str]:
    """Models that a server of this installation keeps itself, and unloads."""
    try:
        models = site.loaded.local_models if runs(site) else ()
    except ConfigError:
        return set()
    named = [model.id or model.name for model in models if model.engine == "ollama"]
    return {*named, *(f"{name}:latest" for name in named)}
