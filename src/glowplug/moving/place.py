"""A foreign configuration into the configuration file of an installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from glowplug.config.catalogue import EngineCatalogue, ProviderCatalogue
from glowplug.config.lines import MAX_BYTES
from glowplug.config.load import Loaded, load_bytes
from glowplug.config.merge import Merged, merge
from glowplug.config.readers.foreign import Foreign
from glowplug.config.rewrite import read_text, rewrite


@dataclass(frozen=True)
class Placement:
    """What putting it there did, or in a dry run would do."""

    path: Path
    merged: Merged
    loaded: Loaded
    """The result, as a server would read it."""
    changed: bool
    copy: Path | None = None
    """Of the file as it was; None when there was none, or nothing was written."""


@dataclass(frozen=True)
class Target:
    """The configuration file that things are put into, and what is needed to check it."""

    path: Path
    engines: EngineCatalogue
    providers: ProviderCatalogue
    env: Mapping[str, str]

    def place(self, foreign: Foreign, *, now: float, managed: bool = False, dry_run: bool = False) -> Placement:
        """Put a foreign document into the file; blocking.  `now` is unix time.

        Doing it again changes nothing.  Raises ConfigError, with nothing written, when the result would not load, and
        Conflict when somebody saves the file at the same moment.
        """
        before = read_text(self.path, longest=MAX_BYTES)
        merged = merge(before, foreign, providers=self.providers, engines=self.engines, managed=managed)
        loaded = self._check(merged.text.encode())
        changed = merged.text != before
        copy = None
        if changed and not dry_run:
            copy = rewrite(self.path, before, merged.text, "import", now, self._check)
        return Placement(self.path, merged, loaded, changed, copy)

    def _check(self, data: bytes) -> Loaded:
        return load_bytes(data, path=self.path, env=self.env, engines=self.engines, providers=self.providers)
