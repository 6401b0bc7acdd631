"""The report of an import: one document for programs, lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from glowplug.cli.output import one_line

if TYPE_CHECKING:
    from glowplug.config.catalogue import EngineCatalogue
    from glowplug.config.readers.foreign import Foreign
    from glowplug.moving.place import Placement

SHOWN = 12
"""Lines of one kind without --verbose."""
TITLES = {
    "refused": "Not taken over",
    "changed": "Different here",
    "left": "Left behind",
    "taken": "Taken as they are",
}
_QUIET = ("left", "taken")
"""Kinds of which only the number is shown without --verbose."""
_SECRETS = {
    "conflict": "another value is stored under this name, and stays",
    "there": "a secret of this name is stored already, and stays",
}


def report(
    foreign: Foreign,
    done: Placement,
    secrets: Mapping[str, str],
    engines: EngineCatalogue,
    *,
    dry_run: bool,
    managed: bool,
) -> dict[str, Any]:
    """Everything that is to be said, as plain values."""
    from glowplug.config.merge import startable

    merged = done.merged
    sections = [
        {
            "section": section,
            "new": sum(one.section == section and one.did == "added" for one in merged.placed),
            "there": sum(one.section == section and one.did == "same" for one in merged.placed),
            "conflicts": sum(one.section == section and one.did == "conflict" for one in merged.placed),
        }
        for section in merged.sections
    ]
    notes = [
        {"outcome": str(n.outcome), "where": n.where, "what": n.what, "why": n.why, "hint": n.hint}
        for n in (*foreign.notes, *merged.notes)
    ]
    notes += [
        {
            "outcome": "left",
            "where": f"secret:{name}",
            "what": name,
            "why": _SECRETS[did],
            "hint": f"glowplug secrets set {name} stores another",
        }
        for name, did in secrets.items()
        if did in _SECRETS
    ]
    offers = [
        {"model": o.model, "engine": o.engine, "base_url": o.base_url, "why": o.why, "startable": startable(o, engines)}
        for o in foreign.offers
    ]
    return {
        "source": foreign.source,
        "into": str(done.path),
        "dry_run": dry_run,
        "changed": done.changed or any(did == "added" for did in secrets.values()),
        "copy": str(done.copy) if done.copy else "",
        "sections": sections,
        "secrets": [{"name": name, "did": did} for name, did in secrets.items()],
        "local": [] if managed else offers,
        "notes": notes,
        "warnings": [{"path": w.path, "message": w.message, "hint": w.hint} for w in done.loaded.warnings],
    }


def text(told: Mapping[str, Any], *, verbose: bool) -> Iterator[str]:
    """The same for people: numbers, then what needs somebody's attention, most urgent first."""
    yield f"{'Would import' if told['dry_run'] else 'Imported'} {told['source']} into {told['into']}"
    for count in told["sections"]:
        yield _counted(count["section"], count["new"], count["there"], count["conflicts"])
    secrets = [one["did"] for one in told["secrets"]]
    if secrets:
        yield _counted("secrets", secrets.count("added"), len(secrets) - secrets.count("added"), 0)
    keys = told.get("keys") or {}
    if keys.get("new") or keys.get("there"):
        yield _counted("keys", keys["new"], keys["there"], 0)
    if not told["changed"]:
        yield "Nothing is new: all of it is here already."
    for outcome, title in TITLES.items():
        lines = [note for note in told["notes"] if note["outcome"] == outcome]
        if not lines:
            continue
        if outcome in _QUIET and not verbose and not _ours(lines):
            yield f"{title}: {len(lines)} (--verbose lists them)"
            continue
        shown = lines if verbose else _ours(lines) if outcome in _QUIET else lines[:SHOWN]
        yield f"{title} ({len(lines)}):"
        yield from (f"  {_said(note)}" for note in shown)
        if len(shown) < len(lines):
            yield f"  … and {len(lines) - len(shown)} more (--verbose lists them)"
    if told["local"]:
        yield f"Engines on this machine or near it ({len(told['local'])}), asked as they are:"
        for offer in told["local"]:
            how = "--managed lets Glowplug start and stop it" if offer["startable"] else "its file is not known"
            yield f"  {one_line(offer['model'])} at {one_line(offer['base_url'])}: {one_line(offer['why'])}; {how}"
    for warning in told["warnings"]:
        yield f"Attention: {one_line(warning['path'])}: {one_line(warning['message'])}"
    if told["copy"]:
        yield f"The file as it was: {told['copy']}"


def _ours(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those left because something is here already: they are the person's to decide."""
    return [note for note in lines if note["why"].endswith(("stays", "used once"))]


def _counted(what: str, new: int, there: int, conflicts: int) -> str:
    parts = [f"{new} new"] if new or not (there or conflicts) else []
    parts += [f"{there} here already"] if there else []
    parts += [f"{conflicts} left, because something else is here"] if conflicts else []
    return f"  {what:<12} {', '.join(parts)}"


def _said(note: Mapping[str, str]) -> str:
    why = f" ({note['why']})" if note["why"] else ""
    hint = f"; {note['hint']}" if note["hint"] else ""
    what = "" if note["what"] in note["where"] else f": {note['what']}"
    return one_line(f"{note['where']}{what}{why}{hint}")
