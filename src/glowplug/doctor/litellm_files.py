"""The files of a LiteLLM installation: its configuration, and those that set its environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.source import Overlay, read_source
from glowplug.config.readers.notes import Notes
from glowplug.doctor.site import Site

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_EXAMPLES: Final = (".example", ".sample", ".template", ".dist", ".glowplug")
_BESIDE: Final = (".env", ".env.*", "*.env")
_FOLDERS: Final = (("~/.config/litellm", "*"), ("~/.litellm", "*"), ("/etc/litellm", "*"), ("/etc/default", "litellm*"))
"""Files of LiteLLM wherever its configuration is; in those of its folders, only those that set variables."""
_USERS: Final = (
    ("~/.config/environment.d", "*.conf"), ("~", ".env"), ("~", ".profile"), ("~", ".bashrc"), ("~", ".bash_profile"),
    ("~", ".zshrc"), ("~", ".zshenv"), ("~", ".zprofile"), ("/etc", "environment"),
)  # fmt: skip
_MOST_BYTES: Final = 1 << 20
"""Of a file that sets variables; what is longer is something else."""


@dataclass(frozen=True)
class Variable:
    """A line that sets a variable."""

    file: str
    line: int
    """From 1."""
    name: str
    value: str = field(repr=False)

    @property
    def where(self) -> str:
        return f"{self.name} in {self.file}"


def settings(site: Site) -> dict[str, Value]:
    """LiteLLM's configuration with what it includes; empty where none was named.

    Raises ConfigError when it is no YAML, OSError when it cannot be read.
    """
    if site.litellm is None or site.litellm.config is None:
        return {}
    config = site.litellm.config
    tree = read_source(site.text(config), str(config), lambda path: site.text(config.parent / path), Overlay(), Notes())
    return dict(tree.sections)


def environment_files(site: Site, *, users: bool = False) -> list[str]:
    """Files that set LiteLLM's environment: beside its configuration, in its folders, and with `users` those of the
    account.  Each is there and can be read as text; paths as the machine has them.  Raises OSError."""
    folders: list[tuple[Path, str]] = []
    if site.litellm is not None and site.litellm.config is not None:
        folders += [(site.litellm.config.parent, pattern) for pattern in _BESIDE]
    for folder, pattern in (*_FOLDERS, *(_USERS if users else ())):
        folders.append((site.home / folder[2:] if folder.startswith("~") else Path(folder), pattern))
    found: dict[str, None] = {}
    for where, pattern in folders:
        for path in site.glob(where, pattern):
            if path.suffix not in _EXAMPLES and path.suffix not in (".yaml", ".yml", ".json") and _short(site, path):
                found[str(path)] = None
    return list(found)


def _short(site: Site, path: Path) -> bool:
    file = site.real(path)
    return file.is_file() and file.stat().st_size <= _MOST_BYTES


def variables(site: Site, file: str) -> Iterator[Variable]:
    """What a file sets, line by line.  Raises OSError."""
    for number, line in enumerate(site.text(file).split("\n"), 1):
        if (match := _LINE.fullmatch(line)) is not None:
            yield Variable(file, number, match[1], _unquoted(match[2].strip()))


def _unquoted(value: str) -> str:
    """Without quotes, or without the comment behind it."""
    if value[:1] in ("'", '"') and value[0] in value[1:]:
        return value[1 : value.index(value[0], 1)]
    return re.split(r"\s+#", value)[0].strip()
