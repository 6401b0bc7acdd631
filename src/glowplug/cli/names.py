"""`glowplug names`: models that should be called something else."""

from __future__ import annotations

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import Column


@click.command("names", cls=Verb)
@common_options
def names() -> None:
    """Propose names for models that do not follow [type]-[name]-[engine], and the line that renames each.

    Nothing is changed.

    \b
    Examples:
      glowplug names
      glowplug names --json
    """
    session = current()
    rows, output = session.client().rows("/admin/names"), session.output
    if output.as_json:
        output.document({"data": rows})
        return
    if not rows:
        output.note("every name follows [type]-[name]-[engine]")
        return
    table = [[str(row.get("name") or ""), str(row.get("proposed") or ""), str(row.get("why") or "")] for row in rows]
    output.table((Column("NAME"), Column("PROPOSED"), Column("WHY")), table)
    for row in rows:
        output.note(str(row.get("command") or ""))
