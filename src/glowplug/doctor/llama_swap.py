"""What a llama-swap loads when it starts, by its configuration.

Format as of v170: `hooks.on_startup.preload` is a list of names, `models.NAME.cmd` the command of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from glowplug.config.readers.plain import read_plain, words_1_1
from glowplug.config.readers.values import as_dict
from glowplug.doctor.loading import Loads, after, loads, words
from glowplug.doctor.site import Site
from glowplug.errors import ConfigError

_PROGRAM: Final = "llama-swap"
_CONFIG: Final = ("--config", "-config")


def preloaded(site: Site, command: str) -> Loads | None:
    """The first model that it preloads; None where it preloads none, is no llama-swap, or cannot be read."""
    said = words(command)
    if not any(Path(word).name == _PROGRAM for word in said):
        return None
    path = after(said, _CONFIG).replace("%h", str(site.home)).replace("$HOME", str(site.home))
    if not path.startswith("/"):
        return None
    try:
        document = read_plain(site.text(path), path, words_1_1).values
    except (OSError, ConfigError):
        return None
    names = as_dict(as_dict(document.get("hooks")).get("on_startup")).get("preload")
    for name in names if isinstance(names, list) else []:
        if not isinstance(name, str):
            continue
        started = as_dict(as_dict(document.get("models")).get(name)).get("cmd")
        return (loads(started) if isinstance(started, str) else None) or Loads(_PROGRAM, name)
    return None
