"""`glowplug ps`: the engines that are loaded."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.memory import devices_of, size, table
from glowplug.cli.moments import ago, ahead
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLORS = {"ready": "green", "busy": "green", "failed": "red", "unusable": "red", "stopped": "dim"}


def state_color(text: str) -> str:
    """The style of a cell that shows a state; what is on its way is yellow."""
    return _COLORS.get(text.split(" ")[0], "yellow")


COLUMNS = (
    Column("MODEL"),
    Column("ENGINE"),
    Column("STATE", paint=state_color),
    Column("MEMORY", right=True),
    Column("CLAIM", right=True),
    Column("LEASES", right=True),
    Column("WAITING", right=True),
    Column("UNTIL"),
    Column("SINCE"),
)


@click.command("ps", cls=Verb)
@click.option("-a", "--all", "everything", is_flag=True, help="Show models that are not loaded, too.")
@common_options
def ps(everything: bool) -> None:
    """Show the engines that are loaded, what they hold, and until when; below them the devices.

    MEMORY is what an engine's processes hold of the machine's own memory, CLAIM what a model was given of each device.
    LEASES counts the workers that use an engine now, WAITING the requests that wait for it.  UNTIL is when it is
    stopped if nothing happens.  A model that waits for memory shows its position in the queue.

    \b
    Examples:
      glowplug ps
      glowplug ps --all
      glowplug ps --json
    """
    session = current()
    client = session.client()
    every = client.rows("/admin/instances")
    rows = [row for row in every if everything or row.get("state") != "stopped"]
    output = session.output
    if output.as_json:
        found = devices_of(client)
        output.document({"data": rows} if found is None else {"data": rows, "devices": found})
        return
    if stale := client.call("GET", "/admin/status").get("stale"):
        output.note(f"serving an older configuration: {stale}")
    if not rows:
        output.note(
            "no model is loaded; the first request loads one, for example: glowplug run MODEL"
            if every
            else "no local model is configured; add one to the file that `glowplug config path` names"
        )
    else:
        now = time()
        output.table(COLUMNS, [cells(row, now) for row in rows])
    if devices := devices_of(client):
        if rows:
            output.line("")
        table(output, devices)
    for row in rows:
        if row.get("why"):
            output.note(f"{row.get('model')}: {row['why']}")
        failure = row.get("failure")
        if isinstance(failure, dict) and row.get("state") == "failed":
            output.note(f"{row['model']}: {failure.get('message')}; see: glowplug logs {row['model']}")


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one InstanceView; `now` in unix seconds."""
    state = str(row.get("state") or "")
    return [
        str(row.get("model") or ""),
        str(row.get("engine") or ""),
        stage(row),
        size(row.get("memory")),
        ", ".join(f"{device} {size(count)}" for device, count in (row.get("claim") or {}).items()),
        str(row.get("leases") or 0),
        str(row.get("waiting") or 0),
        _until(row, state, now),
        ago(row.get("since"), now),
    ]


def stage(row: Row) -> str:
    """A state with how far it is: `loading 40%`, `queued #2`."""
    state, position = str(row.get("state") or ""), row.get("queue_position")
    if position is not None:
        return f"{state} #{position}"
    progress = percent(row.get("loading"))
    return f"{state} {progress}" if progress else state


def percent(share: float | None) -> str:
    """`40%` from 0.4; empty when unknown."""
    return f"{share:.0%}" if share is not None else ""


def _until(row: Row, state: str, now: float) -> str:
    if row.get("idle_until") is not None:
        return ahead(float(row["idle_until"]), now)
    if state == "busy":
        return "in use"
    forever = row.get("keep_alive") is None
    return "for ever" if state == "ready" and forever else ""
