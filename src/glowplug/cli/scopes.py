"""For whom a budget or a limit is: the options, and the words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from glowplug.cli.output import Column
from glowplug.errors import Conflict, NotFound

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row

_F = TypeVar("_F", bound=Callable[..., Any])
_OPTIONS = (
    ("user", "user", "For this user."),
    ("team", "team", "For this team."),
    ("tag", "tag", "For requests with this tag."),
    ("model", "model", "For this model."),
    ("for-key", "key", "For this API key (its id or name)."),
)


def scope_options(function: _F) -> _F:
    """Add --user, --team, --tag, --model and --for-key."""
    for option, scope, words in reversed(_OPTIONS):
        function = click.option(f"--{option}", f"scope_{scope}", default="", metavar="NAME", help=words)(function)
    return function


def scope_of(client: Client, given: Mapping[str, str]) -> dict[str, str]:
    """`{"scope", "name"}` from the options; all when none was given.  Raises UsageError, NotFound, Conflict."""
    named = [(name.removeprefix("scope_"), text) for name, text in given.items() if text]
    if not named:
        return {"scope": "all", "name": ""}
    if len(named) > 1:
        options = ", ".join(f"--{option}" for option, _, _ in _OPTIONS)
        raise click.UsageError(f"give one of {options}", click.get_current_context())
    scope, name = named[0]
    return {"scope": scope, "name": _key_id(client, name) if scope == "key" else name}


def _key_id(client: Client, wanted: str) -> str:
    rows = [row for row in client.rows("/admin/keys") if row.get("revoked_at") is None]
    found = [row for row in rows if row.get("id") == wanted] or [row for row in rows if row.get("name") == wanted]
    if not found:
        raise NotFound(f"there is no key {wanted!r}", hint="see: glowplug keys list")
    if len(found) > 1:
        ids = ", ".join(str(row["id"]) for row in found)
        raise Conflict(f"{len(found)} keys are named {wanted!r}", hint=f"name one by its id: {ids}")
    return str(found[0]["id"])


def whose(row: Row) -> str:
    """`team web`, or `everybody`."""
    return f"{row.get('scope')} {row.get('name')}" if row.get("name") else "everybody"


def scope_columns() -> tuple[Column, ...]:
    """The first columns of a table of budgets or limits."""
    return Column("SCOPE"), Column("NAME")
