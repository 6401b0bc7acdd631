"""`glowplug limits`: how much may be used at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import count
from glowplug.cli.output import Column
from glowplug.cli.scopes import scope_columns, scope_of, scope_options, whose

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_UNITS = (("rpm", "requests a minute"), ("tpm", "tokens a minute"), ("concurrency", "requests at the same time"))
_COLUMNS = (*scope_columns(), *(Column(unit.upper(), right=True) for unit, _ in _UNITS))


@click.group("limits", cls=Noun)
@common_options
def limits() -> None:
    """Limit users, teams, tags, models, or everybody together; a key's own limits are given when it is made.

    \b
    Examples:
      glowplug limits list
      glowplug limits set --team web --rpm 600 --tpm 200000
      glowplug limits delete --team web
    """


@limits.command("set", cls=Verb)
@scope_options
@click.option("--rpm", type=click.IntRange(1), metavar="N", help="Requests a minute [no limit].")
@click.option("--tpm", type=click.IntRange(1), metavar="N", help="Tokens a minute, prompts and answers [no limit].")
@click.option("--concurrency", type=click.IntRange(0), metavar="N", help="Requests at the same time [no limit].")
@dry_run_option
@common_options
def set_limit(rpm: int | None, tpm: int | None, concurrency: int | None, dry_run: bool, **scope: str) -> None:
    """Limit somebody, in place of the limit they had.  All workers count together.

    Without --user, --team, --tag or --model it is for everybody together.

    \b
    Examples:
      glowplug limits set --concurrency 64
      glowplug limits set --team web --rpm 600 --tpm 200000
      glowplug limits set --user ann --concurrency 4 --dry-run
    """
    session = current()
    client, output = session.client(), session.output
    asked = {"rpm": rpm, "tpm": tpm, "concurrency": concurrency, **scope_of(client, scope)}
    put = client.call("POST", "/admin/limits", asked, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(put)
        return
    output.line(f"{whose(put)}: {'would be limited' if dry_run else 'limited'} to {_words(put)}")


@limits.command("list", cls=Verb)
@common_options
def list_limits() -> None:
    """List limits.  Those of keys are in `glowplug keys list`, those of models in the configuration.

    \b
    Examples:
      glowplug limits list
      glowplug limits list --json
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.rows("/admin/limits")
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no limits; set one with: glowplug limits set --team NAME --rpm 600")
    else:
        output.table(_COLUMNS, [cells(row) for row in rows])


@limits.command("delete", cls=Verb)
@scope_options
@dry_run_option
@common_options
def delete(dry_run: bool, **scope: str) -> None:
    """Take a limit away.

    \b
    Examples:
      glowplug limits delete --team web
      glowplug limits delete
    """
    session = current()
    client, output = session.client(), session.output
    query = scope_of(client, scope)
    gone = client.call("DELETE", "/admin/limits", query=query | {"dry_run": "1"} if dry_run else query)
    if output.as_json:
        output.document(gone)
        return
    output.line(f"{whose(gone)}: {'would not be' if dry_run else 'not'} limited to {_words(gone)} any more")


def cells(row: Row) -> list[str]:
    """One row of the table from one limit."""
    amounts = [row.get(unit) for unit, _ in _UNITS]
    return [
        str(row.get("scope") or ""),
        str(row.get("name") or ""),
        *("" if amount is None else count(amount) for amount in amounts),
    ]


def _words(row: Row) -> str:
    return ", ".join(f"{count(row[unit])} {words}" for unit, words in _UNITS if row.get(unit) is not None)
