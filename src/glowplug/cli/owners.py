"""What `users` and `teams` do alike: those who keys belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from glowplug.cli.command import current
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_PAST = {
    "change": "changed",
    "block": "blocked",
    "unblock": "unblocked",
    "delete": "deleted",
    "remove": "removed",
    "add": "added",
    "revoke": "revoked",
}


def listed(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def say(row: Row, done: str, what: str) -> None:
    """What was done, or would be, to whom."""
    output = current().output
    if output.as_json:
        output.document(row)
    else:
        output.line(f"would {done} {what}" if row.get("dry_run") else f"{_PAST[done]} {what}")


def make(noun: str, asked: dict[str, Any], dry_run: bool) -> None:
    """Add a user or a team."""
    made = current().client().call("POST", f"/admin/{noun}s", asked, query=_query(dry_run))
    say(made, "add", f"the {noun} {made.get('id', '?')}")


def change(noun: str, owner: str, asked: dict[str, Any], done: str, dry_run: bool) -> None:
    """Change a user or a team."""
    from glowplug.cli.client import segment

    changed = current().client().call("PATCH", f"/admin/{noun}s/{segment(owner)}", asked, query=_query(dry_run))
    say(changed, done, f"the {noun} {owner}")


def delete_owner(noun: str, owner: str, with_keys: bool, dry_run: bool) -> None:
    """Forget a user or a team, and revoke their keys where that is meant."""
    from glowplug.cli.client import segment

    query = {**(_query(dry_run) or {}), **({"with_keys": "1"} if with_keys else {})}
    gone = current().client().call("DELETE", f"/admin/{noun}s/{segment(owner)}", query=query or None)
    keys = int(gone.get("keys") or 0)
    say(gone, "delete", f"the {noun} {owner}" + (f" and revoke {keys} keys" if keys and dry_run else ""))


def list_of(noun: str, columns: Sequence[Column], cells: Callable[[Row], list[str]]) -> None:
    """List users or teams."""
    session = current()
    rows, output = session.client().rows(f"/admin/{noun}s"), session.output
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note(f"there are no {noun}s; add one with: glowplug {noun}s create ID")
    else:
        output.table(columns, [cells(row) for row in rows])


def _query(dry_run: bool) -> dict[str, str] | None:
    return {"dry_run": "1"} if dry_run else None
