"""Keys that LiteLLM made for logins at its page, and did not take away when they ended."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.rows import Change, RowChange, Rows, Texts
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.eras import HEART
from glowplug.moving.litellm.source import Source

_TEAM: Final = "litellm-dashboard"
_DELETED: Final = "LiteLLM_DeletedVerificationToken"
"""Where LiteLLM itself puts keys that are deleted, since about 1.82."""
_MAPPED: Final = "LiteLLM_JWTKeyMapping"
"""Names keys, and its rows go with theirs, where they could not be put back."""
_NORMAL: Final = 10
"""Some are always there: a login lasts a day, and newer versions take them away now and then."""
_MANY: Final = 100
_AT_ONCE: Final = 5_000
"""Rows that are moved at a time: all of them are in one record."""
_NAMESPACE: Final = uuid.UUID("5c1b0d7e-8f57-4a2e-9d0b-6b1b8f0a7f11")
_BY: Final = "glowplug doctor"
_COUNT: Final = """
SELECT count(*), min(expires)::text FROM {} WHERE team_id = %s AND expires < to_timestamp(%s) AT TIME ZONE 'UTC'
"""
_OLDEST: Final = """
SELECT {} FROM {} WHERE team_id = %s AND expires < to_timestamp(%s) AT TIME ZONE 'UTC' AND {}
ORDER BY expires, token LIMIT {}
"""


@dataclass(frozen=True)
class SessionKeys:
    """Keys of logins that are over."""

    schema: str
    count: int
    oldest: str
    at: float
    """When this was seen, in Unix seconds."""
    rows: tuple[Texts, ...]
    """The oldest of them, whole; empty where there is no table to move them to."""
    shared: frozenset[str]
    """Columns that table has too."""


class StaleSessionKeys(Check[SessionKeys]):
    """Every request's key is looked up among keys that nobody can use any more."""

    name = "litellm-session-keys"
    title = "Logins at LiteLLM's page leave no keys behind"
    group = Group.LITELLM

    def gather(self, site: Site) -> SessionKeys:
        if site.litellm is None or site.litellm.database is None:
            raise NothingToLookAt("no LiteLLM database was named")
        at = site.clock.unix()
        with site.foreign() as source:
            if not all(source.layout.has(HEART, name) for name in ("team_id", "expires")):
                raise NothingToLookAt(f"{source.name} has no keys of logins")
            count, oldest = _counted(source, at)
            columns = source.layout.tables.get(_DELETED, frozenset())
            move = (
                count > _NORMAL and {"id", "token", "deleted_at"} <= columns and _MAPPED not in source.layout.forbidden
            )
            rows = tuple(_rows(source, at)) if move else ()
            return SessionKeys(source.layout.schema, count, oldest, at, rows, columns)

    def inspect(self, facts: SessionKeys) -> Sequence[Finding]:
        if facts.count <= _NORMAL:
            return ()
        statement = f"DELETE FROM \"{HEART}\" WHERE team_id = '{_TEAM}' AND expires < now()"  # noqa: S608 - for a person
        return (
            Finding(
                check=self.name,
                severity=Severity.WARNING if facts.count > _MANY else Severity.NOTE,
                subject=HEART,
                summary=f"has {facts.count} keys of logins at its page that have expired",
                evidence=(f"the oldest expired at {facts.oldest}",),
                consequence="Lists of keys are full of them, and LiteLLM goes through all of them when it starts.",
                advice="" if facts.rows else f"Delete them: {statement};",
            ),
        )

    def remedy(self, facts: SessionKeys) -> Remedy | None:
        if not facts.rows:
            return None
        changes: list[Change] = []
        for row in facts.rows:
            moved = {name: value for name, value in row.items() if name in facts.shared}
            id = str(uuid.uuid5(_NAMESPACE, str(row["token"])))
            moved |= {"id": id, "deleted_at": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(facts.at))}
            if "deleted_by" in facts.shared:
                moved["deleted_by"] = _BY
            changes += [
                RowChange(table=_DELETED, key={"id": id}, before=None, after=moved, masked=("token",)),
                RowChange(table=HEART, key={"token": row["token"]}, before=row, after=None, masked=("token",)),
            ]
        why = f"move {len(facts.rows)} keys of logins that are over from {HEART} to {_DELETED}"
        rows = Rows(schema=facts.schema, changes=tuple(changes), why=why)
        return Remedy(actions=[rows], goes_on=len(facts.rows) < facts.count)


def _counted(source: Source, at: float) -> tuple[int, str]:
    from psycopg import sql

    query = sql.SQL(_COUNT).format(source.table(HEART))
    for rows in source.stream(query, (_TEAM, at)):
        for count, oldest in rows:
            return count, oldest or ""
    return 0, ""


def _rows(source: Source, at: float) -> list[Texts]:
    """The oldest, every column as text; times as the repair reads them."""
    from psycopg import sql

    names = sorted(source.layout.tables[HEART])
    free: sql.Composable = sql.SQL("true")
    if source.layout.has(_MAPPED, "token"):
        free = sql.SQL("token NOT IN (SELECT token FROM {})").format(source.table(_MAPPED))
    query = sql.SQL(_OLDEST).format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names),
        source.table(HEART),
        free,
        sql.Literal(_AT_ONCE),
    )
    return [dict(zip(names, row, strict=True)) for rows in source.stream(query, (_TEAM, at)) for row in rows]
