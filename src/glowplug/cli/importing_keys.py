"""Keys of clients that stand in another gateway's file: kept, so that the clients need not change anything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glowplug.cli.command import Session
    from glowplug.secret import Secret

_WEAK = "it is shorter than 16 characters, which somebody could guess"
_RUNS = "a server runs on this state directory, and the database is its own"


def keep_keys(session: Session, keys: Sequence[Secret], source: str, into: Path, *, dry_run: bool) -> dict[str, Any]:
    """Keep them as API keys of the role `user`, or in a dry run count them: figures, notes, and the first admin key of
    an installation that is new.  Nothing is kept while a server runs.  Raises ConfigError, StoreError."""
    from glowplug.cli.client import is_running
    from glowplug.moving.given_keys import store_given
    from glowplug.moving.run import Store
    from glowplug.offline import look, offline
    from glowplug.paths import state_paths

    told: dict[str, Any] = {"found": len(keys), "new": 0, "there": 0, "notes": []}
    if not keys:
        return told
    if not dry_run and (session.url or is_running(state_paths(session.state_dir))):
        told["notes"] = [_note(_RUNS, "stop it and import again; what is there already stays as it is")]
        return told
    ours = into if into.exists() else None
    with look(session.state_dir, ours) if dry_run else offline(session.state_dir, ours) as where:
        did = store_given(keys, source, where, time.time())
        if isinstance(where, Store) and where.admin_key is not None:
            told["admin_key"] = where.admin_key.reveal()
    told |= {"new": did.keys.new, "there": did.keys.here}
    told["notes"] = [_note(_WEAK, "give that client another: glowplug keys create NAME")] * did.weak
    return told


def _note(why: str, hint: str) -> dict[str, str]:
    return {"outcome": "refused", "where": "apiKeys", "what": "a key of a client", "why": why, "hint": hint}
