"""An import from beginning to end: read, plan, carry out, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glowplug.config.readers.foreign import Note
from glowplug.config.readers.litellm import LiteLLM, Overlay
from glowplug.moving.report import Report
from glowplug.paths import Paths
from glowplug.secret import Secret
from glowplug.store.database import Database


@dataclass(frozen=True)
class Options:
    """What the operator asked for."""

    database: Secret | None = None
    """`postgresql://…` of LiteLLM; None: the one its configuration names, and without that none."""
    keys: Sequence[Secret] = ()
    """To open its values with, in this order: the salt key, earlier ones.  Its master key is tried behind them."""
    random_secrets: bool = False
    """Long random text within what opens is a secret (`Opener`)."""
    dry_run: bool = False
    """Read and plan, write nothing."""
    history: bool = True
    """Take over what was used, too."""


@dataclass(frozen=True)
class Store:
    """An installation of ours that nobody runs on."""

    database: Database
    """Open."""
    paths: Paths
    pepper: bytes
    admin_key: Secret | None = None
    """The first admin key, to be shown once; None when there were keys already."""


class Progress(NamedTuple):
    """How far a step is."""

    step: str
    """What is being done, for people: `reading`, `keys and people`, `requests`."""
    rows: int = 0
    of: int = 0
    """About how many rows there are; 0 when nobody knows."""
    rate: float = 0.0
    """Rows a second."""


def import_litellm(
    options: Options,
    store: Store | None,
    *,
    read: Callable[[Overlay], LiteLLM],
    place: Callable[[LiteLLM, bool], Sequence[Note]],
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Bring a LiteLLM installation over.

    `store`: where to; None is for a dry run where nothing is yet.  `glowplug.runtime.offline` gives it.
    `read` reads the operator's files with what the database lays over them (`config.readers.litellm.read`; empty text
    where there is no file); called twice.  `place` puts the document's providers, models and aliases where the server
    finds them and says what it did, or with True would do; called once, after the secrets it names are stored, and
    doing it again must change nothing.

    Every step may be done again: an import that was killed goes on when it is run again, and a second run changes
    nothing.  Raises ConfigError, StoreError.
    """
    raise NotImplementedError
