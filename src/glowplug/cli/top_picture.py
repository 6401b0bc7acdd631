"""The picture of `glowplug top`, from facts to lines.  Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glowplug import __version__
from glowplug.cli.memory import size
from glowplug.cli.moments import count, span
from glowplug.cli.output import Column, Output, cut, one_line, text_width
from glowplug.cli.ps import COLUMNS, cells
from glowplug.cli.usage import money, total

if TYPE_CHECKING:
    from glowplug.cli.client import Row
    from glowplug.cli.top_facts import Facts

_KEYS = "↑↓ choose   l load   u unload   p keep loaded   d look for faults   q quit"
_BAR = 32
_COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}
_MOST_FINDINGS = 6
_FEWEST = 4
"""Lines that the models have, however small the terminal."""
_GOING = ("SINCE", "CLAIM", "ENGINE", "LEASES", "WAITING", "MEMORY")
"""Columns that are left out where there is no room, in this order."""


@dataclass(frozen=True)
class View:
    """What the person in front of it has chosen."""

    chosen: int = 0
    """The row of the models."""
    message: str = ""
    """What became of the last key."""
    findings: list[Row] | None = None
    looking: bool = False
    """The doctor is at work."""


def picture(facts: Facts, view: View, width: int, *, height: int | None = None, color: bool = False) -> list[str]:
    """The lines, none wider than `width`; with `height` as many, the last of them the keys."""
    paint = Output(as_json=False, stdout=io.StringIO(), stderr=io.StringIO(), color=color, width=width)
    lines = [paint.style(cut(line, width), style) for line, style in (*_head(facts, view), ("", ""))]
    lines += _devices(facts, paint, width)
    found = _findings(view.findings or [], paint, width)
    if height is None:
        return [*lines, *_models(facts, paint), *found]
    foot = [paint.style(cut(one_line(view.message), width), "yellow"), paint.style(cut(_KEYS, width), "dim")]
    room = max(0, height - len(foot))
    models = _models(facts, paint, view.chosen, max(_FEWEST, room - len(lines) - len(found)))
    lines = [*lines, *models, *found][:room]
    return [*lines, *[""] * (room - len(lines)), *foot][:height]


def _head(facts: Facts, view: View) -> list[tuple[str, str]]:
    status = facts.status
    workers = status.get("workers") or ()
    here = sum(bool(worker.get("connected")) for worker in workers)
    version = str(status.get("version") or __version__)
    parts = [
        f"Glowplug {version}",
        facts.url,
        f"up {span(float(status.get('uptime') or 0.0))}",
        f"workers {here}/{len(workers)}",
    ]
    rows = list(facts.today)
    cost = money(rows)
    spent = f"today {'without a price' if cost == '?' else cost}, {count(total(rows, 'attempts'))} attempts"
    tokens = f"{count(total(rows, 'prompt_tokens') + total(rows, 'completion_tokens'))} tokens"
    busy = [
        f"{word} {number}"
        for word, number in (("in flight", facts.in_flight), ("waiting", facts.waiting))
        if number is not None
    ]
    found = [(" · ".join(parts), "bold"), (" · ".join([*busy, spent, tokens, _counted(view)]), "")]
    if stale := status.get("stale"):
        found.append((f"serving an older configuration: {one_line(str(stale))}", "red"))
    return found


def _counted(view: View) -> str:
    """How much the doctor found."""
    if view.looking:
        return "looking for faults …"
    if view.findings is None:
        return "faults unknown"
    counts = {word: sum(row.get("severity") == word for row in view.findings) for word in _COLOURS}
    said = [f"{number} {word}{'s' * (number > 1)}" for word, number in counts.items() if number]
    return ", ".join(said) or "no faults"


def _devices(facts: Facts, paint: Output, width: int) -> list[str]:
    if not facts.devices:
        return []
    lines = []
    long = min(_BAR, max(6, width // 3))
    label = max(text_width(str(device.get("id") or "")) for device in facts.devices)
    for device in facts.devices:
        whole, ours = device.get("total"), sum((device.get("ours") or {}).values())
        lent, others = sum((device.get("leases") or {}).values()), device.get("others") or 0
        name = cut(str(device.get("id") or ""), 12).ljust(min(label, 12))
        held = (("models", ours), ("leases", lent), ("others", others), ("reserve", device.get("reserve") or 0))
        words = ", ".join(f"{word} {size(number)}" for word, number in held if number)
        free = "free unknown" if device.get("free") is None else f"free {size(device['free'])} of {size(whole)}"
        rest = cut(
            "  ".join(part for part in (free, words, str(device.get("problem") or "")) if part),
            max(0, width - long - len(name) - 3),
        )
        lines.append(f"{name} {bar([number for _, number in held], whole, paint, long)}  {rest}".rstrip())
    lines += [paint.style(cut(one_line(problem), width), "red") for problem in facts.problems]
    return [*lines, ""]


def bar(parts: Sequence[int], whole: int | None, paint: Output, long: int = _BAR) -> str:
    """Who holds a device: models, leases, other programs, the reserve, and dots for what is free."""
    if not whole:
        return "?" * long
    text, used = "", 0
    for number, (char, style) in zip(
        parts, (("█", "green"), ("▓", "cyan"), ("▒", "yellow"), ("░", "dim")), strict=True
    ):
        cells_ = min(long - used, max(round(number / whole * long), int(number > 0)))
        text += paint.style(char * cells_, style if cells_ else "")
        used += cells_
    return text + paint.style("·" * (long - used), "dim")


def _models(facts: Facts, paint: Output, chosen: int | None = None, room: int | None = None) -> list[str]:
    """The table of models; with `chosen` that row is marked, and of `room` lines it is always one."""
    if not facts.instances:
        return ["no local model is configured", ""]
    width = (paint.width or 80) - (0 if chosen is None else 2)
    columns, rows = _fitting([_row(row, facts.now) for row in facts.instances], width)
    out = io.StringIO()
    Output(as_json=False, stdout=out, stderr=out, color=paint.color, width=width).table(columns, rows)
    title, *lines = out.getvalue().splitlines()
    if chosen is not None:
        lines = [("> " if at == chosen else "  ") + line for at, line in enumerate(lines)]
        title = f"  {title}"
    why = [f"{row.get('model')}: {row['why']}" for row in facts.instances if row.get("why")]
    below = [*(paint.style(cut(one_line(line), paint.width or 80), "yellow") for line in why), ""]
    if room is not None and chosen is not None:
        shown = max(1, room - 1 - len(below))
        first = max(0, min(chosen - shown // 2, len(lines) - shown))
        lines = lines[first : first + shown]
    return [title, *lines, *below]


def _fitting(rows: list[list[str]], width: int) -> tuple[list[Column], list[list[str]]]:
    """The columns that fit side by side: the least needed go first."""
    kept = list(range(len(COLUMNS)))
    for title in _GOING:
        widths = [max(text_width(COLUMNS[at].title), *(text_width(row[at]) or 1 for row in rows)) for at in kept]
        if sum(widths) + 2 * (len(widths) - 1) <= width:
            break
        kept = [at for at in kept if COLUMNS[at].title != title]
    return [COLUMNS[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _row(row: Row, now: float) -> list[str]:
    shown = cells(row, now)
    if row.get("state") == "ready" and row.get("idle_until") is None:
        shown[-2] = "kept"
    return shown


def _findings(found: list[Row], paint: Output, width: int) -> list[str]:
    lines = []
    for row in found[:_MOST_FINDINGS]:
        severity = str(row.get("severity"))
        text = one_line(f"{row.get('subject')} {row.get('summary')} ({row.get('check')})")
        lines.append(paint.style(cut(f"{severity:<8} {text}", width), _COLOURS.get(severity, "")))
    if len(found) > _MOST_FINDINGS:
        lines.append(paint.style(f"and {len(found) - _MOST_FINDINGS} more: glowplug doctor", "dim"))
    return lines
