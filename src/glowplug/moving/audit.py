"""LiteLLM's audit log → lines of ours: who changed what and which fields, never what was in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

import msgspec
from sqlalchemy import Connection

from glowplug.domain.change import Change
from glowplug.moving.history import Moved
from glowplug.moving.identity import change_id, key_id, printable
from glowplug.moving.litellm.installation import read_audit
from glowplug.moving.litellm.rows.audit import AuditEntry
from glowplug.moving.litellm.source import Source
from glowplug.store import bulk, tables
from glowplug.store.database import Database

_LINES: Final = 10_000
"""In one transaction."""
_ACTIONS: Final[Mapping[str, str]] = {"created": "create", "updated": "update", "deleted": "delete"}
_KEYS: Final = "LiteLLM_VerificationToken"
_NOUNS: Final[Mapping[str, str]] = {
    _KEYS: "key",
    "LiteLLM_UserTable": "user",
    "LiteLLM_TeamTable": "team",
    "LiteLLM_ProxyModelTable": "model",
    "LiteLLM_CredentialsTable": "credential",
    "LiteLLM_BudgetTable": "budget",
}


def change(entry: AuditEntry, at: float) -> Change:
    """The line of an entry; `after`, or of what is gone `before`, has the names of the fields."""
    fields = {"fields": [printable(name) for name in entry.fields]}
    action = _ACTIONS.get(entry.action, printable(entry.action))
    by_key = key_id(entry.key) if entry.key else ""
    subject = key_id(entry.object) if entry.table == _KEYS else printable(entry.object)
    return Change(
        id=change_id(entry.id),
        at=at,
        by=(printable(entry.who) or by_key or "litellm")[:255],
        through=by_key[:64],
        action=action[:64],
        noun=_NOUNS.get(entry.table, printable(entry.table))[:32],
        subject=subject[:255],
        before=None if action == "create" else fields if action == "delete" else {},
        after=None if action == "delete" else fields,
        request="",
    )


def move_audit(source: Source, database: Database) -> Moved:
    """All entries with a time.  One that is here already stays as it is."""
    return _moved(source, lambda rows: database.call(lambda c: bulk.add_new(c, tables.changes, rows)))


def count_audit(source: Source, here: Connection | None) -> Moved:
    """What `move_audit` would find and add to what is here, or where nothing is yet; only reads."""
    return _moved(source, lambda rows: len(rows) if here is None else bulk.count_new(here, tables.changes, rows))


def _moved(source: Source, put: Callable[[list[dict[str, object]]], int]) -> Moved:
    """Some rows after the other are given to `put`, which says how many of them are new."""
    found = new = 0
    lines = _lines(source)
    while some := list(islice(lines, _LINES)):
        found += len(some)
        new += put([msgspec.structs.asdict(line) for line in some])
    return Moved(found, new)


def _lines(source: Source) -> Iterator[Change]:
    for entry in read_audit(source):
        if entry.at is not None:
            yield change(entry, entry.at)
