"""`glowplug route`: where a request would go."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Verb, any_model, common_options, current
from glowplug.cli.moments import count, span
from glowplug.cli.output import Column
from glowplug.errors import RequestError
from glowplug.money import format_usd

if TYPE_CHECKING:
    from glowplug.cli.client import Row
    from glowplug.cli.output import Output

_COLORS = {"ready": "green", "trying": "yellow", "cold": "yellow", "loading": "yellow", "full": "yellow"}
_TARGETS = (
    Column("PLACE", right=True), Column("TARGET"), Column("SERVED BY"),
    Column("STATE", paint=lambda state: _COLORS.get(state, "red")), Column("TURN"), Column("COST", right=True),
    Column("ROAD"),
)  # fmt: skip
_LIMITS = (Column("LIMIT OF"), Column("ALLOWS", right=True), Column("LEFT", right=True), Column("ALL OF IT BACK IN"))
_DOES = {"ask": "asked", "load": "loaded, then asked", "queue": "waits for a slot"}


@click.group("route", cls=Noun)
@common_options
def route() -> None:
    """See where requests go, and why.

    \b
    Examples:
      glowplug route explain chat-default
      glowplug route explain chat-default --kind /v1/messages --tokens 50000
    """


@route.command("explain", cls=Verb)
@any_model
@click.option("--for-key", default="", metavar="NAME", help="As this API key (its id or name) [the one that asks].")
@click.option(
    "--kind", default="/v1/chat/completions", show_default=True, metavar="PATH", help="The endpoint that is asked."
)
@click.option("--file", "file", type=click.File("rb"), help="A whole request body, JSON; - reads stdin.")
@click.option("--tokens", type=click.IntRange(0), metavar="N", help="The length of the prompt, without --file.")
@click.option("--tags", default="", metavar="A,B", help="Tags of the request, separated by commas.")
@click.option("--session", default="", metavar="NAME", help="The name of its conversation.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A header that says how the request is served.",
)
@common_options
def explain(
    model: str,
    for_key: str,
    kind: str,
    file: IO[bytes] | None,
    tokens: int | None,
    tags: str,
    session: str,
    headers: tuple[str, ...],
) -> None:
    """Say which target a request would go to now, why that one, and what becomes of the others.

    Nothing is sent, started or counted.  A worker is asked, because it has the truth about breakers, limits and
    conversations.

    \b
    Examples:
      glowplug route explain chat-default
      glowplug route explain chat-default --file request.json --for-key laptop
      glowplug route explain chat-default --tokens 50000 --tags eu
      glowplug route explain chat-default --header x-glowplug-cold:reject --json
    """
    if file is not None and tokens is not None:
        raise click.UsageError("give --file or --tokens", click.get_current_context())
    asked: dict[str, Any] = {"model": model, "kind": kind, "key": for_key, "session": session}
    asked["tags"] = [tag for part in tags.split(",") if (tag := part.strip())]
    asked["headers"] = dict(_header(text) for text in headers)
    if tokens is not None:
        asked["input_tokens"] = tokens
    if file is not None:
        asked["request"] = _request(file)
    here = current()
    plan = here.client().call("POST", "/admin/route", asked)
    if here.output.as_json:
        here.output.document(plan)
    else:
        show(here.output, plan)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"{text!r} is not NAME:VALUE", click.get_current_context())
    return name.strip().lower(), value.strip()


def _request(file: IO[bytes]) -> dict[str, Any]:
    try:
        found = json.loads(file.read())
    except ValueError as error:
        raise RequestError(f"{file.name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise RequestError(f"{file.name} is not a JSON object", hint="give the body of a request")
    return found


def show(output: Output, plan: Row) -> None:
    """A plan for people; the last line says it in one sentence."""
    output.line(str(plan["match"]))
    for line in _about(plan):
        output.line(f"  {line}")
    output.line("")
    targets = plan["targets"]
    if targets:
        output.table(_TARGETS, [target_cells(row) for row in targets])
        for line in reasons(targets):
            output.line(f"  {line}")
        output.line("")
    for row in plan["after"]:
        output.line(f"Then: {row['text']}")
    for note in plan["notes"]:
        output.line(f"Note: {note}")
    if plan["after"] or plan["notes"]:
        output.line("")
    if plan["limits"]:
        output.table(_LIMITS, [limit_cells(row) for row in plan["limits"]])
        output.line("")
    output.line(output.style(str(plan["because"]), "bold"))
    hint = str((plan["refusal"] or {}).get("hint") or "")
    if hint and "route explain" not in hint:  # who reads this has done so
        output.note(f"  hint: {hint}")


def _about(plan: Row) -> list[str]:
    """What is asked, and by which rules."""
    tokens = plan["prompt_tokens"]
    size = "" if tokens is None else f", about {count(tokens)} tokens of prompt"
    tags = f", tags {', '.join(plan['tags'])}" if plan["tags"] else ""
    return [
        f"{plan['kind']}, by key {plan['key_name'] or plan['key']}{size}{tags}",
        f"order: {plan['arranged']}; while cold: {plan['cold']}; first content within {span(plan['timeout'])}",
    ]


def target_cells(row: Row) -> list[str]:
    """One row of the table from one target."""
    turn = _DOES.get(row["does"], "not asked") + ("; loads meanwhile" if row["warmed"] else "")
    name = row["name"] if row["role"] == "target" else f"{row['name']} ({row['role']})"
    cost = "?" if row["cost"] is None else format_usd(row["cost"])
    return [str(row["place"] or ""), name, row["served_by"], row["state"], turn, cost, row["road"]]


def reasons(targets: list[Row]) -> list[str]:
    """Why those that are not simply asked are not, and what would change that."""
    return [
        f"{row['name']}: {row['why']}" + (f"; {row['change']}" if row["change"] else "")
        for row in targets
        if row["does"] != "ask" or row["change"] or row["state"] != "ready"
    ]


def limit_cells(row: Row) -> list[str]:
    """One row of the table from one limit or budget."""
    money = row["unit"] == "nano-dollars"
    left = "unknown" if row["left"] is None else _amount(row["left"], money=money)
    allows = _amount(row["limit"], money=money) + ("" if money else f" {row['unit']}")
    return [row["whose"], allows, left, "" if row["resets"] is None else span(row["resets"])]


def _amount(number: int, *, money: bool) -> str:
    return format_usd(number) if money else count(number)
