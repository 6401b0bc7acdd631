"""Entries that are added while the server runs: what the verbs `models`, `aliases` and `providers` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import current

if TYPE_CHECKING:
    from glowplug.cli.client import Row

set_option = click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any other setting, as the configuration has it; VALUE is JSON or a text, KEY may be options.NAME.",
)
"""The option for settings that have none of their own."""


def settings_of(pairs: tuple[str, ...], **named: Any) -> dict[str, Any]:
    """The settings of an entry: options that were given, and what `--set` says.  Raises a usage error."""
    import json

    settings: dict[str, Any] = {name: value for name, value in named.items() if value not in (None, "", ())}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        *outer, last = key.split(".")
        place = settings
        for part in outer:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise click.BadParameter(f"{pair!r}: {part} has a value already", param_hint="--set")
            place = inner
        if not sign or not all((*outer, last)) or last in place:
            why = "is given twice" if sign and last in place else "is not KEY=VALUE"
            raise click.BadParameter(f"{pair!r} {why}", param_hint="--set")
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = text
    return settings


def added(section: str, name: str, settings: dict[str, Any], dry_run: bool) -> None:
    """Add an entry, and say so."""
    written = current().client().call("POST", f"/admin/{section}", {**settings, "name": name}, query=_query(dry_run))
    told(written, "would be added" if dry_run else "added")


def put(section: str, name: str, settings: dict[str, Any], dry_run: bool) -> None:
    """Change an entry that was added, or add it where there is none, and say so."""
    from glowplug.errors import NotFound

    client = current().client()
    try:
        written = client.call("PATCH", _path(section, name), settings, query=_query(dry_run))
    except NotFound:
        added(section, name, settings, dry_run)
        return
    told(written, "would be changed" if dry_run else "changed")


def changed(section: str, name: str, settings: dict[str, Any], dry_run: bool) -> None:
    """Change an entry that was added, and say so."""
    written = current().client().call("PATCH", _path(section, name), settings, query=_query(dry_run))
    told(written, "would be changed" if dry_run else "changed")


def removed(section: str, name: str, dry_run: bool) -> None:
    """Take an entry out, and say so."""
    written = current().client().call("DELETE", _path(section, name), query=_query(dry_run))
    told(written, "would be removed" if dry_run else "removed")


def told(written: Row, done: str) -> None:
    """What became of a change."""
    output = current().output
    if output.as_json:
        output.document(written)
        return
    output.line(f"{written['name']}: {done}")
    for problem in written.get("warnings") or ():
        output.note(": ".join(part for part in (problem.get("path"), problem.get("message")) if part))


def _path(section: str, name: str) -> str:
    from glowplug.cli.client import segment

    return f"/admin/{section}/{segment(name)}"


def _query(dry_run: bool) -> dict[str, str] | None:
    return {"dry_run": "1"} if dry_run else None
