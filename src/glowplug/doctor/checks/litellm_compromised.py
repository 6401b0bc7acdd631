"""Installed releases of LiteLLM that were published by a thief, what they leave behind, and ones with known holes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.actions import MoveAside
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.litellm_releases import STOLEN, holes_of, is_version, least_without
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_STARTER: Final = "litellm_init.pth"
"""What 1.82.8 puts beside itself: every Python that starts there runs it, and it stays when the package goes."""
_ASIDE: Final = ".glowplug-aside"
_PYTHON: Final = ("lib/python3*/site-packages", "lib64/python3*/site-packages")
_DEBIAN: Final = ("lib/python3*/dist-packages", "local/lib/python3*/dist-packages", "local/lib/python3*/site-packages")
_UNDER_HOME: Final = (
    ".local", ".local/share/uv/tools/*", ".local/share/uv/python/*", ".local/share/pipx/venvs/*", ".local/pipx/venvs/*",
    ".pyenv/versions/*", ".pyenv/versions/*/envs/*", "*/envs/*", "*", "*/*", "*/*/*",
)  # fmt: skip
"""Where a Python or a virtual environment may be; no deeper, for a home directory can be very large."""
_ELSEWHERE: Final = ("/usr", "/opt", "/opt/*", "/opt/*/*", "/opt/*/*/*", "/app", "/app/*", "/srv/*", "/srv/*/*")
_CACHE: Final = ".cache/uv/archive-v0/*"
_VERSION = re.compile(r"^Version:\s*(\S+)", re.MULTILINE)
_ROTATE: Final = (
    "Take everything for stolen that this account could read: change SSH and cloud keys, tokens, the keys of all "
    "providers, and LiteLLM's master and database passwords."
)


@dataclass(frozen=True)
class Installed:
    """LiteLLM in one place."""

    folder: str
    version: str


@dataclass(frozen=True)
class Installations:
    installed: tuple[Installed, ...]
    starters: tuple[str, ...]
    """Paths of `litellm_init.pth`."""


class Compromised(Check[Installations]):
    """A release that steals what the account can read, or one with a hole that everybody knows."""

    name = "litellm-compromised"
    title = "No installed LiteLLM is a stolen release or has known holes"
    group = Group.LITELLM

    def gather(self, site: Site) -> Installations:
        installed: list[Installed] = []
        starters: list[str] = []
        for folder in _places(site):
            installed += [
                Installed(str(folder), version)
                for info in site.glob(folder, "litellm-*.dist-info")
                if (version := _version(site, info))
            ]
            starters += [str(folder / _STARTER)] if site.real(folder / _STARTER).is_file() else []
        if not installed and not starters:
            raise NothingToLookAt("no Python that was looked at has LiteLLM")
        return Installations(tuple(installed), tuple(starters))

    def inspect(self, facts: Installations) -> Sequence[Finding]:
        return [*self._starters(facts), *(one for here in facts.installed for one in self._of(here))]

    def _starters(self, facts: Installations) -> Iterator[Finding]:
        for path in facts.starters:
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=path,
                summary="is run by every Python that starts there: LiteLLM 1.82.8, a stolen release, leaves it behind",
                consequence="It sends the keys and tokens of this account to whoever stole the release.",
                advice=_ROTATE,
            )

    def _of(self, here: Installed) -> Iterator[Finding]:
        if here.version in STOLEN:
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=f"LiteLLM {here.version} in {here.folder}",
                summary="is a release that was published by a thief on 24 March 2026",
                evidence=("MAL-2026-2144",),
                consequence="It sends the keys and tokens of this account to whoever stole the release.",
                advice="Remove it, and what package managers keep of it (`uv cache clean litellm`, `pip cache purge`). "
                + _ROTATE,
            )
        holes = holes_of(here.version)
        if holes and here.version not in STOLEN:
            yield Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=f"LiteLLM {here.version} in {here.folder}",
                summary="has holes that everybody knows",
                evidence=tuple(map(str, holes)),
                consequence="Whoever reaches its port can use them.",
                advice=f"Update it to {least_without(holes)} or later.",
            )

    def remedy(self, facts: Installations) -> Remedy | None:
        actions = [MoveAside(path=path, to=f"{path}{_ASIDE}") for path in facts.starters]
        return Remedy(actions=actions, risk="What it has stolen stays stolen.") if actions else None


def _places(site: Site) -> Iterator[Path]:
    """Folders with packages, each once; a folder that may not be read is not there."""
    bases = [(site.home, base) for base in _UNDER_HOME] + [(Path("/"), base.lstrip("/")) for base in _ELSEWHERE]
    if site.litellm is not None and site.litellm.config is not None:
        bases += [(site.litellm.config.parent, base) for base in ("*", "*/*")]
    found: dict[Path, Path] = {}
    for top, base in bases:
        for below in (*_PYTHON, *(_DEBIAN if top == Path("/") else ())):
            for path in _seen(site, top, f"{base}/{below}"):
                found.setdefault(site.real(path).resolve(), path)
    yield from found.values()
    yield from _seen(site, site.home, _CACHE)


def _seen(site: Site, top: Path, pattern: str) -> list[Path]:
    try:
        return site.glob(top, pattern)
    except PermissionError:
        return []


def _version(site: Site, info: Path) -> str:
    """As the package says it, else as its folder is called; empty where it is another package."""
    try:
        match = _VERSION.search(site.text(info / "METADATA"))
    except OSError:
        match = None
    version = match[1] if match is not None else info.name.removeprefix("litellm-").removesuffix(".dist-info")
    return version if is_version(version) else ""
