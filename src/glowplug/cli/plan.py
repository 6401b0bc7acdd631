"""`glowplug plan`: what loading a model would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Verb, any_model, common_options, current
from glowplug.cli.memory import by_device, rows_of, size, table
from glowplug.cli.moments import span
from glowplug.cli.output import Column
from glowplug.cli.ps import state_color

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glowplug.cli.client import Row
    from glowplug.cli.output import Output

_VERDICTS = {
    "ready": ("is loaded", "green"),
    "fits": ("fits", "green"),
    "after_evicting": ("fits once other models are unloaded", "yellow"),
    "waits": ("has to wait", "yellow"),
    "never": ("cannot be loaded", "red"),
}
_SOURCES = {
    "learned": "measured in earlier runs",
    "engine": "estimated by the engine",
    "header": "estimated from the weights",
    "policy": "as the engine is told",
    "declared": "declared in the configuration",
    "size": "guessed from the files' size",
    "nothing": "not known beforehand",
}
_EVICTIONS = (
    Column("UNLOADS"),
    Column("STATE", paint=state_color),
    Column("FREES", right=True),
    Column("LOADS AGAIN IN", right=True),
    Column("WHY"),
)


@click.command("plan", cls=Verb)
@any_model
@common_options
def plan(model: str) -> None:
    """Show what loading a model would do: whether it fits, what would be unloaded for it, and how long it takes.

    Nothing is loaded or unloaded.  For an alias its targets on this machine are planned, in order.

    \b
    Examples:
      glowplug plan chat-hermes-llamacpp
      glowplug plan chat-default
      glowplug plan chat-hermes-llamacpp --json
    """
    from glowplug.cli.client import segment

    session = current()
    answer = session.client().call("GET", f"/admin/plan/{segment(model)}")
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    if answer.get("alias"):
        _alias(output, answer)
    else:
        show(output, answer, str(answer.get("model") or model))
        devices(output, answer)


def _alias(output: Output, answer: Row) -> None:
    plans = {str(row.get("model")): row for row in rows_of(answer)}
    shown: Row = {}
    for number, target in enumerate(map(str, answer.get("targets") or ()), 1):
        if number > 1:
            output.line("")
        if target in plans:
            shown = plans[target]
            show(output, shown, f"{number}. {target}")
        else:
            output.line(f"{number}. {target} needs no memory of this machine")
    devices(output, shown)


def show(output: Output, answer: Row, title: str) -> None:
    """One plan: the verdict, the sentence, what it needs and what would be unloaded."""
    words, color = _VERDICTS.get(str(answer.get("verdict")), (str(answer.get("verdict")), ""))
    position, eta = answer.get("queue_position"), answer.get("eta_s")
    notes = [f"position {position} in the queue"] if position is not None else []
    if eta is not None and answer.get("verdict") != "never":
        notes.append(f"ready in about {span(float(eta))}")
    output.line(f"{title} {output.style(words, color)}" + (f"; {', '.join(notes)}" if notes else ""))
    if answer.get("why"):
        output.line(f"  {answer['why']}")
    if line := needs(answer):
        output.line(f"  {line}")
    if error := answer.get("estimate_error"):
        output.line(f"  estimates of it were off by {error:.0%} so far")
    for line in last_failure(answer):
        output.line(f"  {line}")
    evicted = [row for row in answer.get("evict") or () if isinstance(row, dict)]
    if evicted:
        output.table(_EVICTIONS, eviction_rows(evicted))


def last_failure(answer: Row) -> list[str]:
    """Why it does not start, whatever its memory: the failure that stands, and what to do."""
    failure: Any = answer.get("failure") or {}
    if not failure:
        return []
    lines = [f"last failure ({failure.get('kind')}): {failure.get('message')}"]
    return [*lines, f"hint: {failure['hint']}"] if failure.get("hint") else lines


def needs(answer: Row) -> str:
    """`needs 6.2 GiB of gpu0 (measured in earlier runs: 3 runs; ±5%; weights 4.6 GiB, kv 1 GiB)`; or empty."""
    what = by_device(answer.get("claim"))
    footprint: Any = answer.get("footprint") or {}
    source = str(footprint.get("source") or "")
    known = _SOURCES.get(source, source)
    if footprint.get("detail"):
        known = f"{known}: {footprint['detail']}" if known else str(footprint["detail"])
    notes = [known] if known else []
    if footprint.get("error") and source not in ("", "nothing"):
        notes.append(f"±{footprint['error']:.0%}")
    parts = [f"{name} {size(count)}" for name, count in (footprint.get("parts") or {}).items() if count]
    if parts:
        notes.append(", ".join(parts))
    if not what:
        return f"what it needs is {known}" if source == "nothing" else ""
    return f"needs {what}" + (f" ({'; '.join(notes)})" if notes else "")


def eviction_rows(evicted: Sequence[Row]) -> list[list[str]]:
    """One row a model that would be unloaded."""
    return [
        [
            str(row.get("model") or ""),
            str(row.get("state") or ""),
            by_device(row.get("frees")),
            span(float(row["reload_seconds"])) if row.get("reload_seconds") is not None else "",
            str(row.get("why") or ""),
        ]
        for row in evicted
    ]


def devices(output: Output, answer: Row) -> None:
    """The devices of a plan, below it."""
    found = [row for row in answer.get("devices") or () if isinstance(row, dict)]
    if found:
        output.line("")
        table(output, found)
