"""Files with secrets that others on the machine can read."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.actions import SetMode
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.litellm_files import environment_files
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_OTHERS: Final = 0o077
_ELSEWHERE: Final = (
    (".config/glowplug", "*.yaml"), (".config/glowplug", "*.env"), (".config/litellm", "*"), (".litellm", "*"),
    (".config/environment.d", "*.conf"), (".config/systemd/user", "*.service"),
    (".config/systemd/user", "*.service.d/*.conf"),
)  # fmt: skip
"""Below the home directory: configuration and environment files that may have keys in them."""
_TOKENS: Final = (".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".huggingface/token")
"""Below the home directory: nothing but a token, which says so nowhere."""
_KEYS: Final = ("API_KEY", "api_key", "MASTER_KEY", "SALT_KEY", "master_key", "DATABASE_URL", "database_url", "TOKEN")
"""What a file with secrets says somewhere."""


@dataclass(frozen=True)
class OpenFile:
    """A file with secrets, and its mode."""

    path: str
    mode: int
    why: str


class SecretFiles(Check[tuple[OpenFile, ...]]):
    """Keys lie around in files that every account of the machine can read."""

    name = "machine-secret-files"
    title = "Files with secrets are for their owner only"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[OpenFile, ...]:
        found = {}
        own = site.paths
        for path in (own.pepper, own.keyring, own.cli_key, own.managed, own.database):
            if (file := site.real(path)).exists():
                found[str(path)] = OpenFile(str(path), stat.S_IMODE(file.stat().st_mode), "secrets of this server")
        named = [path for path in (site.config, site.litellm and site.litellm.config) if path]
        for path in (*map(str, named), *(environment_files(site) if site.litellm is not None else ())):
            self._look(site, path, found)
        for token in (str(site.home / name) for name in _TOKENS):
            if (file := site.real(token)).is_file():
                found[token] = OpenFile(token, stat.S_IMODE(file.stat().st_mode), "a token of Hugging Face's")
        for folder, pattern in _ELSEWHERE:
            for file in site.glob(site.home / folder, pattern):
                self._look(site, str(file), found)
        if not found:
            raise NothingToLookAt("there is no file with secrets")
        return tuple(found.values())

    def _look(self, site: Site, path: str, found: dict[str, OpenFile]) -> None:
        file = site.real(path)
        if not file.is_file():
            return
        word = next((word for word in _KEYS if word in site.text(path)), None)
        if word is not None:
            found[path] = OpenFile(path, stat.S_IMODE(file.stat().st_mode), f"it says {word}")

    def inspect(self, facts: tuple[OpenFile, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR if file.mode & 0o007 else Severity.WARNING,
                subject=file.path,
                summary=f"can be {'changed' if file.mode & 0o022 else 'read'} by other accounts (mode {file.mode:04o})",
                evidence=(file.why,),
                consequence="Whoever has an account on this machine has these keys.",
            )
            for file in facts
            if file.mode & _OTHERS
        ]

    def remedy(self, facts: tuple[OpenFile, ...]) -> Remedy | None:
        actions = [SetMode(path=f.path, before=f.mode, after=f.mode & ~_OTHERS) for f in facts if f.mode & _OTHERS]
        return Remedy(actions=actions, risk="A program of another account that reads such a file stops to.")
