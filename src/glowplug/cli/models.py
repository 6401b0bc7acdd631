"""`glowplug models`: what can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import Column
from glowplug.cli.ps import state_color

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (Column("NAME"), Column("KIND"), Column("FROM"), Column("CAN"), Column("STATE", paint=state_color))


@click.command("models", cls=Verb)
@common_options
def models() -> None:
    """List models and aliases, where they come from, and what is wrong with them.

    \b
    Examples:
      glowplug models
      glowplug models --json
    """
    session = current()
    rows = session.client().rows("/admin/models")
    output = session.output
    if output.as_json:
        output.document({"data": rows})
        return
    if not rows:
        output.note("no model is configured; add one to the file that `glowplug config path` names")
        return
    output.table(_COLUMNS, [cells(row) for row in rows])
    for row in rows:
        for problem in row.get("problems") or ():
            output.note(f"{row.get('name')}: {problem}")


def cells(row: Row) -> list[str]:
    """One row of the table from one model or alias of the admin API."""
    kind = str(row.get("kind") or "")
    source = row.get("engine") or row.get("base_url") or ""
    if row.get("targets"):
        cold = row.get("cold")
        source = " → ".join(map(str, row["targets"])) + (f" ({cold})" if cold else "")
    state = str(row.get("state") or "")
    return [
        str(row.get("name") or ""),
        kind,
        str(source),
        ",".join(map(str, row.get("capabilities") or ())),
        state or (("degraded" if kind == "alias" else "unusable") if row.get("problems") else ""),
    ]
