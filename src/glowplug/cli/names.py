"""`glowplug names`: models that should be called something else, and old names that are still used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.moments import ago, count
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row
    from glowplug.cli.output import Output

_USES = (
    Column("NAME"), Column("NOW"), Column("SINCE"), Column("KEY"), Column("USER"), Column("REQUESTS", right=True),
    Column("FIRST USED"), Column("LAST USED"),
)  # fmt: skip


@click.command("names", cls=Verb)
@click.option("--deprecated", is_flag=True, help="Show who still uses names that are deprecated.")
@common_options
def names(deprecated: bool) -> None:
    """Propose names for models that do not follow [type]-[name]-[engine], and the line that renames each.

    With --deprecated: the old names that go on working after a rename, and for each the keys whose requests named it
    since.  Answers from the cache are not counted.  Nothing is changed.

    \b
    Examples:
      glowplug names
      glowplug names --json
      glowplug names --deprecated
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.rows("/admin/names", {"deprecated": "1"} if deprecated else None)
    if output.as_json:
        output.document({"data": rows})
    elif deprecated:
        _used(client, output, rows)
    else:
        _proposed(output, rows)


def _proposed(output: Output, rows: list[Row]) -> None:
    if not rows:
        output.note("every name follows [type]-[name]-[engine]")
        return
    table = [[str(row.get("name") or ""), str(row.get("proposed") or ""), str(row.get("why") or "")] for row in rows]
    output.table((Column("NAME"), Column("PROPOSED"), Column("WHY")), table)
    for row in rows:
        output.note(str(row.get("command") or ""))


def _used(client: Client, output: Output, rows: list[Row]) -> None:
    from glowplug.cli.usage import with_key_names

    if not rows:
        output.note("no name is deprecated; `glowplug rename` makes the old one that")
        return
    table: list[list[str]] = []
    now = time.time()
    for row in rows:
        named = [str(row["name"]), ", ".join(row["targets"]), time.strftime("%Y-%m-%d", time.gmtime(row["since"]))]
        if not row["uses"]:
            table.append([*named, "nobody", "", "0", "", ""])
        for use in with_key_names(client, row["uses"]) if row["uses"] else ():
            whose = [str(use["key"]), str(use["user"]), count(use["requests"])]
            table.append([*named, *whose, ago(use["first"], now), ago(use["last"], now)])
    output.table(_USES, table)
    for row in rows:
        if not row["uses"]:
            output.note(f"nobody named {row['name']} since; take it away when no client is left that may")
