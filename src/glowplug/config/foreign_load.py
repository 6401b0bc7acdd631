"""A foreign configuration file, read and run as it is: LiteLLM's or llama-swap's, unimported.

The same checks as for our own file; secrets that stand in it stay in memory.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.lines import MAX_BYTES
from glowplug.config.load import Loaded, load_bytes
from glowplug.config.managed import ManagedFile
from glowplug.config.readers import litellm, llama_swap
from glowplug.config.readers.foreign import Foreign, Outcome
from glowplug.config.rewrite import read_text
from glowplug.config.secrets import SecretSource
from glowplug.config.writers.yaml_text import yaml_text
from glowplug.errors import ConfigError, Problem
from glowplug.secret import Secret

_SHORTEST_KEY = 16
_KINDS_OF_CHARACTERS = 8
_MASTER_KEY = "LITELLM_MASTER_KEY"


class Kind(StrEnum):
    """Whose file it is."""

    LITELLM = "litellm"
    LLAMA_SWAP = "llama-swap"


@dataclass(frozen=True)
class Includes:
    """The text of the files that LiteLLM's file includes, by the path that stands there."""

    path: Path
    seen: list[Path] = field(default_factory=list)
    """Every file that was asked for."""

    def __call__(self, name: str) -> str:
        file = Path(os.path.normpath(self.path.absolute().parent / name))
        self.seen.append(file)
        return foreign_text(file)


def foreign_text(path: Path) -> str:
    """The text of somebody's file.  Raises ConfigError, also when there is none."""
    if not os.path.lexists(path):
        raise ConfigError(f"there is no file {path}", hint="check the path")
    return read_text(path, longest=MAX_BYTES)


@dataclass(frozen=True)
class ForeignFile:
    """Reads a file of this kind as `glowplug.config.load.load` reads ours."""

    kind: Kind

    def __call__(
        self,
        path: Path | None,
        *,
        env: Mapping[str, str],
        engines: EngineCatalogue,
        providers: ProviderCatalogue = NO_PROVIDERS,
        secrets: SecretSource | None = None,
        managed: ManagedFile | None = None,
    ) -> Loaded:
        """Raises ConfigError and nothing else.  `secrets` is not asked: the file brings its own; nor is there a layer
        beneath it, so that what runs is what the file says."""
        if path is None:
            raise ConfigError("there is no file to read", hint="say which")
        includes = Includes(path)
        text = foreign_text(path)
        foreign = read_foreign(self.kind, text, path, env, providers, includes)
        held = foreign.secrets
        try:
            loaded = load_bytes(
                yaml_text(dict(foreign.document)).encode() if foreign.document else b"",
                path=path,
                env=env,
                engines=engines,
                providers=providers,
                secrets=lambda name: held.get(name) or f"{path} has no such secret",
            )
        except ConfigError as error:
            problems = tuple(_unplaced(problem) for problem in error.problems)
            said = f": {problems[0]}" if problems else f": {error.message}"
            raise ConfigError(f"{path}, read as a file of {self.kind}, cannot be used{said}", problems) from None
        key, why = _master_key(foreign, env)
        warnings = [*_told(foreign, path), *([why] if why else [])]
        return replace(
            loaded,
            files=(path, *includes.seen, *(file for file in loaded.files if file != path)),
            digest=sha256(text.encode()).hexdigest(),
            warnings=(*warnings, *(_unplaced(problem) for problem in loaded.warnings)),
            own_secrets=frozenset(held),
            admin_key=key,
        )


def read_foreign(
    kind: Kind,
    text: str,
    path: Path,
    env: Mapping[str, str],
    providers: ProviderCatalogue,
    include: litellm.Include | None = None,
) -> Foreign:
    """What the file says, as our document.  Raises ConfigError."""
    if kind is Kind.LITELLM:
        return litellm.read(text, env=env, providers=providers, include=include, name=f"LiteLLM's {path}")
    return llama_swap.read(text, name=f"llama-swap's {path}")


def _unplaced(problem: Problem) -> Problem:
    """Without its line, which is one of our document and not of the file."""
    return Problem(problem.path, problem.message, hint=problem.hint)


def _told(foreign: Foreign, path: Path) -> list[Problem]:
    """What somebody should know who starts with this file: what is refused and changed; the rest as a number."""
    told = [
        Problem(
            note.where, f"{note.outcome.value}: {note.what}" + (f" ({note.why})" if note.why else ""), hint=note.hint
        )
        for note in foreign.notes
        if note.outcome is Outcome.REFUSED or (note.outcome is Outcome.CHANGED and note.hint)
    ]
    rest = Counter(
        note.outcome
        for note in foreign.notes
        if note.outcome is not Outcome.TAKEN and note.outcome is not Outcome.REFUSED
    )
    rest[Outcome.CHANGED] -= sum(note.outcome is Outcome.CHANGED and bool(note.hint) for note in foreign.notes)
    if rest[Outcome.CHANGED] or rest[Outcome.LEFT]:
        counted = f"{rest[Outcome.CHANGED]} more settings mean something else here, {rest[Outcome.LEFT]} mean nothing"
        told.append(Problem("", counted, hint="`glowplug import … --dry-run --verbose` lists them"))
    if isinstance(foreign, litellm.LiteLLM) and foreign.database_url:
        what = "the database of this file is not used: keys, people and what was spent are not known here"
        told.append(Problem("general_settings.database_url", what, hint="docs/moving-in.md says how they move"))
    return told


def _master_key(foreign: Foreign, env: Mapping[str, str]) -> tuple[Secret | None, Problem | None]:
    """The key that is an admin key while this file is run, or why it is not."""
    if not isinstance(foreign, litellm.LiteLLM):
        return None, None
    key = foreign.master_key.reveal() if foreign.master_key else env.get(_MASTER_KEY, "")
    place = "general_settings.master_key"
    if not key:
        return None, None
    if key.startswith("os.environ/"):
        return None, Problem(place, f"{key.removeprefix('os.environ/')} is not set, so it is no admin key here")
    if len(key) < _SHORTEST_KEY or len(set(key)) < _KINDS_OF_CHARACTERS or not (key.isascii() and key.isprintable()):
        why = "the master key is too easy to guess to be accepted here"
        hint = "use the admin key that the first start shows, or set one of at least 16 different characters"
        return None, Problem(place, why, hint=hint)
    return Secret(key), None
