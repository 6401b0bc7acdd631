"""The kinds of things that an import makes and follows: their tables, what a source decides of them, their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Table

from glowplug.store import tables

Row = Mapping[str, Any]
"""By column; lists and numbers as JSON has them."""


@dataclass(frozen=True)
class Kind:
    """One of them."""

    noun: str
    """In the report, and of what is remembered."""
    one: str
    """In the audit log."""
    table: Table
    key: tuple[str, ...]
    """Columns it is known by."""
    fields: tuple[str, ...]
    """Columns that a source decides."""
    said: Callable[[Row], str]
    """What people call it."""
    flags: tuple[str, ...] = ()
    """Columns with a moment, of which a source decides only whether there is one."""
    removes: str = ""
    """Command that takes one away, where an import does not: somebody may be using it for something else."""
    ended: str = ""
    """Column for the moment of its end; empty: what ends is deleted."""

    def id(self, row: Row) -> str:
        """What it is remembered under."""
        values = [row[name] for name in self.key]
        return str(values[0]) if len(values) == 1 else msgspec.json.encode(values).decode()

    def subject(self, row: Row) -> str:
        """What the audit log calls it."""
        return " ".join(str(row[name]) for name in self.key).strip()

    def decided(self, row: Row) -> dict[str, Any]:
        """What a source decides of it."""
        return {name: row[name] for name in self.fields} | {name: row[name] is not None for name in self.flags}

    def columns(self, fields: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Such fields as columns; `now`: Unix seconds."""
        return {name: (now if value else None) if name in self.flags else value for name, value in fields.items()}


KINDS: Final = (
    Kind(
        "users", "user", tables.users, ("id",), ("name", "email", "role"),
        lambda row: f"the user {row['name'] or row['id']!r}", removes="glowplug users delete",
    ),
    Kind(
        "teams", "team", tables.teams, ("id",), ("name", "models"),
        lambda row: f"the team {row['name'] or row['id']!r}", ("blocked_at",), removes="glowplug teams delete",
    ),
    Kind(
        "members", "member", tables.members, ("team", "user"), ("manager",),
        lambda row: f"{row['user']!r} in the team {row['team']!r}",
    ),
    Kind(
        "keys", "key", tables.api_keys, ("id",),
        ("name", "role", "models", "rpm", "tpm", "concurrency", "expires_at", "user", "team", "tags", "routes"),
        lambda row: f"the key {row['name'] or row['display']!r}", ("blocked_at", "revoked_at"), ended="revoked_at",
    ),
    Kind(
        "budgets", "budget", tables.budgets, ("id",), ("amount",),
        lambda row: f"the budget ({row['period']}) of {_whose(row)}",
    ),
    Kind(
        "limits", "limit", tables.use_limits, ("scope", "name"), ("rpm", "tpm", "concurrency"),
        lambda row: f"the limits of {_whose(row)}",
    ),
)  # fmt: skip


def _whose(row: Row) -> str:
    return f"{row['scope']} {row['name']!r}" if row["name"] else "everything"
