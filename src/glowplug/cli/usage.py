"""`glowplug usage`: what was used, from the ledger."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.moments import count
from glowplug.cli.output import Column
from glowplug.cli.start import duration
from glowplug.errors import GlowplugError
from glowplug.money import format_usd
from glowplug.units import format_energy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from glowplug.cli.client import Client, Row

_GROUPS = ("day", "model", "key", "user", "team", "provider", "tag")
_SUMS = (
    ("ATTEMPTS", "attempts"),
    ("FAILED", "failed"),
    ("PROMPT", "prompt_tokens"),
    ("CACHED", "cached_tokens"),
    ("COMPLETION", "completion_tokens"),
    ("ESTIMATED", "estimated"),
)


@click.command("usage", cls=Verb)
@click.option(
    "--by",
    default="model",
    show_default=True,
    metavar="A,B",
    help="Group by any of model, key, user, team, provider, day; or by tag and day.",
)
@click.option(
    "--since", default="7d", show_default=True, metavar="WHEN", help="From this day: 7d, 24h, 2026-01-31, or all."
)
@click.option("--until", metavar="DAY", help="Up to this day, inclusive.")
@click.option("--model", metavar="MODEL", help="Only of this model.")
@click.option("--for-key", "key", metavar="ID", help="Only of this API key.")
@click.option("--user", metavar="NAME", help="Only of this user.")
@click.option("--team", metavar="NAME", help="Only of this team.")
@common_options
def usage(
    by: str, since: str, until: str | None, model: str | None, key: str | None, user: str | None, team: str | None
) -> None:
    """Show tokens, attempts and cost by model, key, user, team, provider, tag and day (UTC).

    ESTIMATED counts the attempts whose tokens were counted here because the upstream reported none. A cost with + lacks
    that of attempts whose model has no known price. ENERGY is there when devices reported what local models used.

    \b
    Examples:
      glowplug usage
      glowplug usage --by day,model --since 30d
      glowplug usage --by team,user
      glowplug usage --by model --for-key key_0123
      glowplug usage --by key --since all --json
    """
    narrowed = {"model": model, "key": key, "user": user, "team": team}
    report("/admin/usage", by, since, until, {name: value for name, value in narrowed.items() if value})


def report(path: str, by: str, since: str, until: str | None, narrowed: Mapping[str, str] | None = None) -> None:
    """Show the sums at this place of the admin API, `narrowed` to what these members say.  Raises a usage error."""
    session = current()
    groups = parse_groups(by)
    query = {"by": ",".join(groups), **(narrowed or {})}
    if first := first_day(since, time()):
        query["since"] = first
    if until:
        query["until"] = _day(until, "--until")
    client, output = session.client(), session.output
    rows = client.rows(path, query)
    if output.as_json:
        output.document({"data": rows})
        return
    if not rows:
        output.note(f"nothing was used since {first or 'the beginning'}; ask something with: glowplug run MODEL")
        return
    if "key" in groups:
        rows = with_key_names(client, rows)
    columns = [Column(group.upper()) for group in groups] + [Column(title, right=True) for title, _ in _SUMS]
    columns.append(Column("COST", right=True))
    body = [[str(row.get(group) or "") for group in groups] + _sums([row]) for row in rows]
    total = ["total"] + [""] * (len(groups) - 1) + _sums(rows)
    if any(row.get("energy_mj") is not None for row in rows):
        columns.append(Column("ENERGY", right=True))
        body = [[*cells, energy([row])] for cells, row in zip(body, rows, strict=True)]
        total.append(energy(rows))
    output.table(columns, [*body, total], totals=True)


def parse_groups(text: str) -> list[str]:
    """The groups of `--by`, in the order of the table.  Raises a usage error."""
    asked = {part.strip() for part in text.split(",") if part.strip()}
    unknown = sorted(asked - set(_GROUPS))
    if unknown or not asked:
        raise click.BadParameter(
            f"{text!r} is not made of model, key, user, team, provider, tag, day", param_hint="--by"
        )
    return [group for group in _GROUPS if group in asked]


def first_day(text: str, now: float) -> str:
    """The day (`YYYY-MM-DD`, UTC) that `--since` means at unix second `now`; empty for everything."""
    if text == "all":
        return ""
    if "-" in text.lstrip("-"):
        return _day(text, "--since")
    from datetime import UTC, datetime

    moment = now - duration(text, "--since")
    if moment <= 0:
        return ""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _day(text: str, option: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a day; write for example 2026-01-31", param_hint=option) from None


def _sums(rows: list[Row]) -> list[str]:
    return [*(count(total(rows, field)) for _, field in _SUMS), money(rows)]


def total(rows: list[Row], field: str) -> int:
    """The sum of one figure over all rows."""
    return sum(int(row.get(field) or 0) for row in rows)


def money(rows: list[Row]) -> str:
    """What these rows cost; with + when some of it has no price, `?` when nothing has one."""
    cost, unpriced = total(rows, "cost"), total(rows, "unpriced")
    if unpriced and not cost:
        return "?"
    return format_usd(cost) + ("+" if unpriced else "")


def energy(rows: list[Row]) -> str:
    """Watt-hours that devices reported for these rows; empty where none did."""
    known = [int(row["energy_mj"]) for row in rows if row.get("energy_mj") is not None]
    return format_energy(sum(known)) if known else ""


def with_key_names(client: Client, rows: list[Row]) -> list[Row]:
    """Rows with the names of the keys where the ledger has their ids."""
    try:
        names = {row.get("id"): row.get("name") for row in client.rows("/admin/keys")}
    except GlowplugError:
        return rows  # the ids are good enough
    return [row | {"key": names.get(row.get("key")) or row.get("key")} for row in rows]
