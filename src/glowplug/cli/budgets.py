"""`glowplug budgets`: how much may be spent."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import ahead
from glowplug.cli.output import Column
from glowplug.cli.scopes import scope_columns, scope_of, scope_options, whose
from glowplug.money import format_usd
from glowplug.units import format_duration

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (
    Column("ID"),
    *scope_columns(),
    Column("AMOUNT", right=True),
    Column("WINDOW"),
    Column("SPENT", right=True),
    Column("RESERVED", right=True),
    Column("LEFT", right=True, paint=lambda left: "red" if left.startswith(("-", "$0.00")) else ""),
    Column("ENDS"),
)
_SPANS = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month", "total": "in all"}


@click.group("budgets", cls=Noun)
@common_options
def budgets() -> None:
    """Say how much may be spent, and see what is left.

    \b
    Examples:
      glowplug budgets list
      glowplug budgets create 20/month --team web
      glowplug budgets reset budget_0123456789abcdef
      glowplug budgets delete budget_0123456789abcdef
    """


@budgets.command("create", cls=Verb)
@click.argument("budget", metavar="AMOUNT/WINDOW")
@scope_options
@dry_run_option
@common_options
def create(budget: str, dry_run: bool, **scope: str) -> None:
    """Make a budget: dollars in an hour, day, week or month (UTC), in the last so long, or in all.

    Without an option it is for everybody together.  What was spent in its window before counts.  Models that cost
    nothing answer also when it is used up.

    \b
    Examples:
      glowplug budgets create 100/month
      glowplug budgets create 20/month --team web
      glowplug budgets create 1.50/day --for-key laptop
      glowplug budgets create 5/5h --user ann --dry-run
      glowplug budgets create 500/total --tag experiment
    """
    session = current()
    client, output = session.client(), session.output
    asked = {"budget": budget, **scope_of(client, scope)}
    made = client.call("POST", "/admin/budgets", asked, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(made)
        return
    what = f"{format_usd(int(made['amount']))} {_window(made)} for {whose(made)}"
    output.line(f"would make a budget of {what}" if dry_run else f"made {made['id']}: {what}")


@budgets.command("list", cls=Verb)
@common_options
def list_budgets() -> None:
    """List budgets with what was spent, what requests under way hold, and what is left.

    \b
    Examples:
      glowplug budgets list
      glowplug budgets list --json
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.rows("/admin/budgets")
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no budgets; make one with: glowplug budgets create 20/month")
    else:
        now = time()
        output.table(_COLUMNS, [cells(row, now) for row in rows])


@budgets.command("reset", cls=Verb)
@click.argument("budget_id", metavar="ID")
@click.option("--to", "spent", default="0", metavar="AMOUNT", help="Dollars that are to count as spent [0].")
@dry_run_option
@common_options
def reset(budget_id: str, spent: str, dry_run: bool) -> None:
    """Let a budget begin again in its window: what was spent in it counts no more.  The ledger keeps it.

    \b
    Examples:
      glowplug budgets reset budget_0123456789abcdef
      glowplug budgets reset budget_0123456789abcdef --to 1.50 --dry-run
    """
    from glowplug.cli.client import segment

    session = current()
    client, output = session.client(), session.output
    query = {"dry_run": "1"} if dry_run else None
    now = client.call("POST", f"/admin/budgets/{segment(budget_id)}/reset", {"spent": spent}, query=query)
    if output.as_json:
        output.document(now)
        return
    what = f"{format_usd(int(now['spent']))} of {format_usd(int(now['amount']))} {_window(now)} for {whose(now)}"
    output.line(f"would count as spent: {what}" if dry_run else f"counts as spent: {what}")


@budgets.command("delete", cls=Verb)
@click.argument("budget_id", metavar="ID")
@dry_run_option
@common_options
def delete(budget_id: str, dry_run: bool) -> None:
    """Take a budget away.

    \b
    Examples:
      glowplug budgets delete budget_0123456789abcdef
      glowplug budgets delete budget_0123456789abcdef --dry-run
    """
    from glowplug.cli.client import segment

    session = current()
    client, output = session.client(), session.output
    query = {"dry_run": "1"} if dry_run else None
    gone = client.call("DELETE", f"/admin/budgets/{segment(budget_id)}", query=query)
    if output.as_json:
        output.document(gone)
        return
    what = f"the budget of {format_usd(int(gone['amount']))} {_window(gone)} for {whose(gone)}"
    output.line(f"would delete {what}" if dry_run else f"deleted {what}")


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one budget; `now` in unix seconds."""
    money = [row.get("spent"), row.get("reserved"), row.get("remaining")]
    ends = row.get("ends_at")
    return [
        str(row.get("id") or ""),
        str(row.get("scope") or ""),
        str(row.get("name") or ""),
        format_usd(int(row.get("amount") or 0)),
        _window(row),
        *("?" if nano is None else format_usd(int(nano)) for nano in money),
        "" if ends is None else ahead(float(ends), now),
    ]


def _window(row: Row) -> str:
    """`a month`, `in 5h`, `in all`."""
    if row.get("window") == "rolling":
        return f"in {format_duration(float(row.get('seconds') or 0))}"
    return _SPANS.get(str(row.get("window")), str(row.get("window")))
