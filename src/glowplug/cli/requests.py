"""`glowplug requests`: what was asked, and every try to answer it."""

from __future__ import annotations

from time import localtime, strftime
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.moments import count
from glowplug.cli.output import Column, Output
from glowplug.cli.usage import energy, with_key_names
from glowplug.money import format_usd

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (
    Column("AT"), Column("REQUEST"), Column("KEY"), Column("ASKED"), Column("MODEL"), Column("TRIES", right=True),
    Column("PROMPT", right=True), Column("COMPLETION", right=True), Column("COST", right=True), Column("OUTCOME"),
)  # fmt: skip
_TRIES = (
    Column("TRY", right=True), Column("MODEL"), Column("STATUS", right=True), Column("OUTCOME"),
    Column("SECONDS", right=True), Column("FIRST", right=True), Column("PROMPT", right=True),
    Column("CACHED", right=True), Column("COMPLETION", right=True), Column("COST", right=True), Column("WHY"),
)  # fmt: skip


@click.command("requests", cls=Verb)
@click.argument("request", required=False, metavar="[ID]")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many are listed.")
@click.option("--user", metavar="NAME", help="Only those of this user.")
@click.option("--team", metavar="NAME", help="Only those of this team.")
@click.option("--asked", metavar="MODEL", help="Only those that named this model or alias.")
@click.option("--for-key", "key", metavar="ID", help="Only those of this API key.")
@click.option("--model", metavar="MODEL", help="Only those of which an attempt went to this model.")
@click.option("--tag", metavar="NAME", help="Only those with this tag.")
@click.option("--status", type=click.IntRange(0, 599), help="Only those whose last attempt had this HTTP status.")
@click.option("--outcome", metavar="WORD", help="Only those that ended so: ok, failed, timeout, …; open: in flight.")
@click.option("--id", "begins", metavar="TEXT", help="Only those whose id begins so.")
@click.option("--since", metavar="WHEN", help="Only those that began then or later: 2026-01-31, or Unix seconds.")
@click.option("--until", metavar="WHEN", help="Only those that began before.")
@click.option("--bodies", is_flag=True, help="With an ID: also what was sent and answered, where its key keeps that.")
@click.option("--cancel", is_flag=True, help="With an ID: end it now; its client is told.")
@common_options
def requests(
    request: str | None,
    limit: int,
    user: str | None,
    team: str | None,
    asked: str | None,
    key: str | None,
    model: str | None,
    tag: str | None,
    status: int | None,
    outcome: str | None,
    begins: str | None,
    since: str | None,
    until: str | None,
    bodies: bool,
    cancel: bool,
) -> None:
    """Show the last requests, or one with every attempt (its id is in the header x-request-id of the answer).

    \b
    Examples:
      glowplug requests
      glowplug requests --team web --limit 100
      glowplug requests --outcome failed --since 2026-01-31
      glowplug requests req_0123456789abcdef
      glowplug requests req_0123456789abcdef --bodies
      glowplug requests req_0123456789abcdef --cancel
    """
    if cancel and (bodies or not request):
        raise click.UsageError("--cancel needs the ID of a request, and nothing else", click.get_current_context())
    if bodies and not request:
        raise click.UsageError("--bodies needs the ID of a request", click.get_current_context())
    if request:
        _end(request) if cancel else _one(request, bodies)
        return
    narrowed = {
        "user": user, "team": team, "asked": asked, "key": key, "model": model, "tag": tag, "outcome": outcome,
        "id": begins, "since": since, "until": until, "status": None if status is None else str(status),
    }  # fmt: skip
    _newest(limit, {name: value for name, value in narrowed.items() if value})


def _end(request: str) -> None:
    from glowplug.cli.client import segment

    session = current()
    done = session.client().call("POST", f"/admin/requests/{segment(request)}/cancel")
    if session.output.as_json:
        session.output.document(done)
    else:
        session.output.note(f"{request} is ended")


def _one(request: str, bodies: bool) -> None:
    from glowplug.cli.client import segment

    session = current()
    client, output = session.client(), session.output
    path = f"/admin/requests/{segment(request)}"
    found = client.call("GET", path)
    kept = client.call("GET", f"{path}/bodies") if bodies else None
    if output.as_json:
        output.document(found if kept is None else {**found, "bodies": kept})
        return
    _show(output, with_key_names(client, [found])[0])
    if kept is not None:
        _show_bodies(output, kept)


def _newest(limit: int, narrowed: dict[str, str]) -> None:
    session = current()
    client, output = session.client(), session.output
    page = client.call("GET", "/admin/requests", query={"limit": str(limit), **narrowed})
    rows: list[Row] = page["data"]
    if output.as_json:
        output.document({"data": rows})
        return
    if rows:
        output.table(_COLUMNS, [_cells(row) for row in with_key_names(client, rows)])
    if len(rows) < limit and page.get("seen") is not None:
        seen = strftime("%Y-%m-%d %H:%M:%S", localtime(page["seen"]))
        output.note(f"looked back to {seen}; look further with --until {int(page['seen']) + 1}")
    elif not rows:
        output.note(
            "no request is like this" if narrowed else "nothing was asked; ask something with: glowplug run MODEL"
        )


def _cells(row: Row) -> list[str]:
    tries = row["attempts"]
    return [
        strftime("%Y-%m-%d %H:%M:%S", localtime(row["started"])), row["request"], str(row["key"]), row["asked"],
        tries[-1]["model"], str(len(tries)), count(row["prompt_tokens"]), count(row["completion_tokens"]),
        _cost(row["cost"], tries), row["outcome"] or "open",
    ]  # fmt: skip


def _cost(nano: int, tries: list[Row]) -> str:
    """`?` where tokens were used and nobody knows their price."""
    unknown = any(not one["price"] and one["prompt_tokens"] + one["completion_tokens"] for one in tries)
    return "?" if unknown and not nano else format_usd(nano) + ("+" if unknown else "")


def _show(output: Output, row: Row) -> None:
    whose = " ".join(f"{name} {row[name]}" for name in ("key", "user", "team") if row[name])
    tags = f" tags {', '.join(row['tags'])}" if row["tags"] else ""
    output.line(f"{row['request']}: {row['asked']} at {row['path']}, {whose}{tags}")
    columns = list(_TRIES)
    cells = [
        [
            str(one["attempt"]), one["model"], str(one["status"] or "-"), one["outcome"] or "open",
            f"{one['duration']:.2f}", f"{one['first_byte']:.2f}", count(one["prompt_tokens"]),
            count(one["cached_tokens"]), count(one["completion_tokens"]), _cost(one["cost"], [one]), one["reason"],
        ]
        for one in row["attempts"]
    ]  # fmt: skip
    if any(one.get("energy_mj") is not None for one in row["attempts"]):
        columns.append(Column("ENERGY", right=True))
        cells = [[*line, energy([one])] for line, one in zip(cells, row["attempts"], strict=True)]
    output.table(columns, cells)


def _show_bodies(output: Output, kept: Row) -> None:
    cut = ", cut where keeping.longest ends" if kept["truncated"] else ""
    for title, text in ((f"sent ({kept['kind']})", kept["sent"]), (f"answered ({kept['status']})", kept["answered"])):
        output.line("")
        output.line(f"{title}{cut}:")
        output.write(_laid_out(text).rstrip("\n") + "\n")


def _laid_out(text: str) -> str:
    """JSON with a member a line; everything else, such as the events of a stream, as it came."""
    import msgspec

    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text
