"""`glowplug users`: the people who have keys here."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Verb, common_options, dry_run_option
from glowplug.cli.moments import ago
from glowplug.cli.output import Column
from glowplug.cli.owners import change, delete_owner, list_of, listed, make

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (
    Column("ID"),
    Column("NAME"),
    Column("EMAIL"),
    Column("ROLE", paint=lambda role: "yellow" if role == "admin" else ""),
    Column("MODELS"),
    Column("KEYS", right=True),
    Column("CREATED"),
    Column("STATE", paint=lambda state: "red" if state == "blocked" else ""),
)
_ROLES = click.Choice(["member", "viewer", "admin"])


@click.group("users", cls=Noun)
@common_options
def users() -> None:
    """Keep a list of people, say which models they may use, block them.

    \b
    Examples:
      glowplug users create ann --email ann@example.org
      glowplug users block ann
      glowplug users list
    """


@users.command("create", cls=Verb)
@click.argument("user_id", metavar="ID")
@click.option("--name", default="", metavar="NAME", help="As people read it.")
@click.option("--email", default="", metavar="ADDRESS", help="Where they are reached, and what they log in with.")
@click.option("--role", type=_ROLES, default="member", show_default=True, help="What they may do here themselves.")
@click.option("--models", default="", metavar="A,B", help="Models and aliases their keys may use at most [all].")
@dry_run_option
@common_options
def create(user_id: str, name: str, email: str, role: str, models: str, dry_run: bool) -> None:
    """Add a person.  Keys that were made with --user ID before are theirs.

    \b
    Examples:
      glowplug users create ann --email ann@example.org
      glowplug users create bob --models chat-default,embeddings-default --dry-run
    """
    asked = {"id": user_id, "name": name, "email": email, "role": role, "models": listed(models)}
    make("user", asked, dry_run)


@users.command("list", cls=Verb)
@common_options
def list_users() -> None:
    """List people.

    \b
    Examples:
      glowplug users list
      glowplug users list --json
    """
    list_of("user", _COLUMNS, cells)


@users.command("update", cls=Verb)
@click.argument("user_id", metavar="ID")
@click.option("--name", metavar="NAME", help="As people read it.")
@click.option("--email", metavar="ADDRESS", help='Where they are reached; "" for none.')
@click.option("--role", type=_ROLES, help="What they may do here themselves.")
@click.option("--models", metavar="A,B", help='Models and aliases their keys may use at most; "" for all.')
@dry_run_option
@common_options
def update(
    user_id: str, name: str | None, email: str | None, role: str | None, models: str | None, dry_run: bool
) -> None:
    """Change what is known of a person.  What is not given stays.

    \b
    Examples:
      glowplug users update ann --role viewer
      glowplug users update ann --models ""
    """
    asked: dict[str, Any] = {"name": name, "email": email, "role": role}
    asked["models"] = None if models is None else listed(models)
    change("user", user_id, {key: value for key, value in asked.items() if value is not None}, "change", dry_run)


@users.command("block", cls=Verb)
@click.argument("user_id", metavar="ID")
@dry_run_option
@common_options
def block(user_id: str, dry_run: bool) -> None:
    """Refuse all keys of a person, at once, until they are let in again.

    \b
    Examples:
      glowplug users block ann
      glowplug users block ann --dry-run
    """
    change("user", user_id, {"blocked": True}, "block", dry_run)


@users.command("unblock", cls=Verb)
@click.argument("user_id", metavar="ID")
@dry_run_option
@common_options
def unblock(user_id: str, dry_run: bool) -> None:
    """Let a person in again.

    \b
    Examples:
      glowplug users unblock ann
      glowplug users unblock ann --dry-run
    """
    change("user", user_id, {"blocked": False}, "unblock", dry_run)


@users.command("delete", cls=Verb)
@click.argument("user_id", metavar="ID")
@click.option("--with-keys", is_flag=True, help="Revoke their keys, too; without it, keys are in the way.")
@dry_run_option
@common_options
def delete(user_id: str, with_keys: bool, dry_run: bool) -> None:
    """Forget a person.  What was used stays in the ledger.

    \b
    Examples:
      glowplug users delete ann
      glowplug users delete ann --with-keys --dry-run
    """
    delete_owner("user", user_id, with_keys, dry_run)


def cells(row: Row) -> list[str]:
    """One row of the table from one user."""
    return [
        str(row.get("id") or ""),
        str(row.get("name") or ""),
        str(row.get("email") or ""),
        str(row.get("role") or ""),
        ",".join(map(str, row.get("models") or ())) or "all",
        str(row.get("keys") or 0),
        ago(row.get("created_at"), time()),
        "blocked" if row.get("blocked_at") is not None else "",
    ]
