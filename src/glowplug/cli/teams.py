"""`glowplug teams`: people who share budgets and limits."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import ago
from glowplug.cli.output import Column
from glowplug.cli.owners import change, delete_owner, list_of, listed, make, say

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (
    Column("ID"),
    Column("NAME"),
    Column("MODELS"),
    Column("KEYS", right=True),
    Column("MEMBERS", right=True),
    Column("CREATED"),
    Column("STATE", paint=lambda state: "red" if state == "blocked" else ""),
)


@click.group("teams", cls=Noun)
@common_options
def teams() -> None:
    """Keep teams: who is in them, which models its keys may use.

    \b
    Examples:
      glowplug teams create web
      glowplug teams block web
      glowplug teams list
    """


@teams.command("create", cls=Verb)
@click.argument("team_id", metavar="ID")
@click.option("--name", default="", metavar="NAME", help="As people read it.")
@click.option("--models", default="", metavar="A,B", help="Models and aliases its keys may use at most [all].")
@dry_run_option
@common_options
def create(team_id: str, name: str, models: str, dry_run: bool) -> None:
    """Make a team.  Keys that were made with --team ID before are its.

    \b
    Examples:
      glowplug teams create web
      glowplug teams create ops --models chat-default,embeddings-default --dry-run
    """
    asked = {"id": team_id, "name": name, "models": listed(models)}
    make("team", asked, dry_run)


@teams.command("list", cls=Verb)
@common_options
def list_teams() -> None:
    """List teams.

    \b
    Examples:
      glowplug teams list
      glowplug teams list --json
    """
    list_of("team", _COLUMNS, cells)


@teams.command("update", cls=Verb)
@click.argument("team_id", metavar="ID")
@click.option("--name", metavar="NAME", help="As people read it.")
@click.option("--models", metavar="A,B", help='Models and aliases its keys may use at most; "" for all.')
@dry_run_option
@common_options
def update(team_id: str, name: str | None, models: str | None, dry_run: bool) -> None:
    """Change a team.  What is not given stays.

    \b
    Examples:
      glowplug teams update web --name Web
      glowplug teams update web --models ""
    """
    asked: dict[str, Any] = {"name": name}
    asked["models"] = None if models is None else listed(models)
    change("team", team_id, {key: value for key, value in asked.items() if value is not None}, "change", dry_run)


@teams.command("block", cls=Verb)
@click.argument("team_id", metavar="ID")
@dry_run_option
@common_options
def block(team_id: str, dry_run: bool) -> None:
    """Refuse all keys of a team, at once, until it is let in again.

    \b
    Examples:
      glowplug teams block web
      glowplug teams block web --dry-run
    """
    change("team", team_id, {"blocked": True}, "block", dry_run)


@teams.command("unblock", cls=Verb)
@click.argument("team_id", metavar="ID")
@dry_run_option
@common_options
def unblock(team_id: str, dry_run: bool) -> None:
    """Let a team in again.

    \b
    Examples:
      glowplug teams unblock web
      glowplug teams unblock web --dry-run
    """
    change("team", team_id, {"blocked": False}, "unblock", dry_run)


@teams.command("delete", cls=Verb)
@click.argument("team_id", metavar="ID")
@click.option("--with-keys", is_flag=True, help="Revoke its keys, too; without it, keys are in the way.")
@dry_run_option
@common_options
def delete(team_id: str, with_keys: bool, dry_run: bool) -> None:
    """Forget a team and who was in it.  What was used stays in the ledger.

    \b
    Examples:
      glowplug teams delete web
      glowplug teams delete web --with-keys --dry-run
    """
    delete_owner("team", team_id, with_keys, dry_run)


@teams.command("members", cls=Verb)
@click.argument("team_id", metavar="ID")
@common_options
def members(team_id: str) -> None:
    """List who is in a team.

    \b
    Examples:
      glowplug teams members web
      glowplug teams members web --json
    """
    from glowplug.cli.client import segment

    session = current()
    rows, output = session.client().rows(f"/admin/teams/{segment(team_id)}/members"), session.output
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note(f"nobody is in the team {team_id}; put somebody into it with: glowplug teams add {team_id} USER")
    else:
        table = [[str(row["user"]), str(row["name"]), "manager" if row["manager"] else ""] for row in rows]
        output.table((Column("USER"), Column("NAME"), Column("MANAGES")), table)


@teams.command("add", cls=Verb)
@click.argument("team_id", metavar="ID")
@click.argument("user_id", metavar="USER")
@click.option("--manager", is_flag=True, help="They look after the team.")
@dry_run_option
@common_options
def add(team_id: str, user_id: str, manager: bool, dry_run: bool) -> None:
    """Put somebody into a team.

    \b
    Examples:
      glowplug teams add web ann
      glowplug teams add web ann --manager
    """
    from glowplug.cli.client import segment

    path, query = f"/admin/teams/{segment(team_id)}/members", {"dry_run": "1"} if dry_run else None
    put = current().client().call("PUT", path, {"user": user_id, "manager": manager}, query=query)
    say(put, "add", f"{user_id} to the team {team_id}")


@teams.command("remove", cls=Verb)
@click.argument("team_id", metavar="ID")
@click.argument("user_id", metavar="USER")
@dry_run_option
@common_options
def remove(team_id: str, user_id: str, dry_run: bool) -> None:
    """Take somebody out of a team.  Keys of theirs that are the team's stay so.

    \b
    Examples:
      glowplug teams remove web ann
      glowplug teams remove web ann --dry-run
    """
    from glowplug.cli.client import segment

    query = {"user": user_id, **({"dry_run": "1"} if dry_run else {})}
    gone = current().client().call("DELETE", f"/admin/teams/{segment(team_id)}/members", query=query)
    say(gone, "remove", f"{user_id} from the team {team_id}")


def cells(row: Row) -> list[str]:
    """One row of the table from one team."""
    return [
        str(row.get("id") or ""),
        str(row.get("name") or ""),
        ",".join(map(str, row.get("models") or ())) or "all",
        str(row.get("keys") or 0),
        str(row.get("members") or 0),
        ago(row.get("created_at"), time()),
        "blocked" if row.get("blocked_at") is not None else "",
    ]
