"""`glowplug import litellm --database`: keys, people, budgets and what was used, with the configuration."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from glowplug.errors import RequestError
from glowplug.secret import Secret

if TYPE_CHECKING:
    from glowplug.cli.command import Session
    from glowplug.config.readers.foreign import Note
    from glowplug.config.readers.litellm import LiteLLM, Overlay
    from glowplug.moving.history import Progress

_LONGEST = 65_536


def address(given: str) -> Secret:
    """The database that was named: a URL, or `env:NAME`.  Raises RequestError."""
    if not given.startswith("env:"):
        return Secret(given)
    value = os.environ.get(given[4:], "")
    if not value:
        raise RequestError(f"the environment variable {given[4:]} is not set", hint="export it, or give the URL")
    return Secret(value)


def key_in(path: Path) -> Secret:
    """A key that LiteLLM sealed its values with, from a file.  Raises RequestError."""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise RequestError(f"{path} cannot be read: {why}", hint="give a file with the key and nothing else") from None
    if not text:
        raise RequestError(f"{path} is empty", hint="give a file with the key and nothing else")
    return Secret(text)


def import_database(
    session: Session,
    file: Path | None,
    database: Secret | None,
    keys: Sequence[Secret],
    into: Path,
    *,
    managed: bool,
    verbose: bool,
    dry_run: bool,
) -> None:
    """Import and report.  Raises ConfigError, StoreError, and Conflict while a server runs on the state directory."""
    import msgspec

    from glowplug.config.foreign_load import Includes, foreign_text
    from glowplug.config.readers import litellm
    from glowplug.engines.catalogue import Catalogue
    from glowplug.moving.place import Target
    from glowplug.moving.report import text
    from glowplug.moving.run import Options, Store, import_litellm
    from glowplug.offline import look, offline
    from glowplug.providers.catalogue import PROVIDERS

    output, now = session.output, time.time()
    theirs = foreign_text(file) if file is not None else ""
    include = Includes(file) if file is not None else None
    target = Target(into, Catalogue(), PROVIDERS, os.environ)

    def read(overlay: Overlay) -> LiteLLM:
        return litellm.read(theirs, env=os.environ, providers=PROVIDERS, include=include, overlay=overlay)

    def place(foreign: LiteLLM, dry: bool) -> Sequence[Note]:
        return target.place(foreign, now=now, managed=managed, dry_run=dry).merged.notes

    options = Options(database=database, keys=keys, dry_run=dry_run)
    ours = into if into.exists() else None
    with look(session.state_dir, ours) if dry_run else offline(session.state_dir, ours) as store:
        done = import_litellm(options, store, read=read, place=place, progress=lambda at: output.progress(said(at)))
        first = store.admin_key if isinstance(store, Store) else None
    output.clear()
    if output.as_json:
        output.document(msgspec.to_builtins(done))
        return
    for line in text(done):
        output.line(line)
    if verbose:
        for one in done.lines:
            output.line(f"  {one.outcome}: {one.where}: {one.what}{f' ({one.why})' if one.why else ''}")
    if first is not None:
        output.line(f"Your admin key, shown once: {first.reveal()}")


def said(at: Progress) -> str:
    """How far it is, as a line."""
    if not at.rows:
        return at.step
    share = f" of about {at.of:,} ({min(100, at.rows * 100 // at.of)} %)" if at.of else ""
    return f"{at.step}: {at.rows:,}{share}, {at.rate:,.0f} a second"
