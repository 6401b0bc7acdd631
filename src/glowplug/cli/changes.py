"""`glowplug changes`: the audit log."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.moments import ago
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (
    Column("WHEN"),
    Column("BY"),
    Column("THROUGH"),
    Column("ACTION"),
    Column("WHAT"),
    Column("SUBJECT"),
    Column("CHANGED"),
)
_LONGEST = 60


@click.command("changes", cls=Verb)
@click.option("--by", default="", metavar="ID", help="Only of this person, or this key that belongs to nobody.")
@click.option("--noun", default="", metavar="NOUN", help="Only of keys, users, teams, budgets … (key, user, team …).")
@click.option("--subject", default="", metavar="ID", help="Only of this key, user, team …")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=30, show_default=True, help="How many.")
@common_options
def changes(by: str, noun: str, subject: str, limit: int) -> None:
    """Show what was changed, by whom and through which key, the newest first.

    \b
    Examples:
      glowplug changes
      glowplug changes --noun key -n 5
      glowplug changes --by ann --json
    """
    session = current()
    client, output = session.client(), session.output
    filters = {"by": by, "noun": noun, "subject": subject}
    query = {"limit": str(limit), **{name: value for name, value in filters.items() if value}}
    found = client.call("GET", "/admin/changes", query=query)
    rows = found.get("data") or []
    if output.as_json:
        output.document(found)
    elif not rows:
        output.note("nothing was changed")
    else:
        now = time()
        output.table(_COLUMNS, [cells(row, now) for row in rows])


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one line of the log; `now` in unix seconds."""
    return [
        ago(row.get("at"), now),
        str(row.get("by") or ""),
        str(row.get("through") or ""),
        str(row.get("action") or ""),
        str(row.get("noun") or ""),
        str(row.get("subject") or ""),
        differences(row),
    ]


def differences(row: Row) -> str:
    """`name: a → b`, where there is a before and an after."""
    before, after = row.get("before"), row.get("after")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    text = ", ".join(f"{name}: {before.get(name)} → {value}" for name, value in after.items())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
