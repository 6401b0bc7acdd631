"""`glowplug manage`: what the managers of a team may do there."""

from __future__ import annotations

from math import inf
from time import time
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.keys import KEY_COLUMNS, cells, chosen
from glowplug.cli.output import Column
from glowplug.cli.owners import listed, say
from glowplug.cli.start import duration
from glowplug.cli.usage import report

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_SHOWN = ("ID", "NAME", "KEY", "MODELS", "USER", "LAST USED", "EXPIRES")


@click.group("manage", cls=Noun)
@common_options
def manage() -> None:
    """Look after a team that you manage: who is in it, its keys, what it used.

    It needs a key of yours that has no limits of its own.  Admins use `teams` and `keys`.

    \b
    Examples:
      glowplug manage show web
      glowplug manage add web bob
      glowplug manage create web ci
    """


@manage.command("show", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@common_options
def show(team_id: str) -> None:
    """Show a team: who is in it, and its keys.

    \b
    Examples:
      glowplug manage show web
      glowplug manage show web --json
    """
    found, output = current().client().call("GET", _path(team_id)), current().output
    if output.as_json:
        output.document(found)
        return
    team, members, rows = found["team"], found.get("members") or [], found.get("keys") or []
    state = ", blocked" if team.get("blocked_at") is not None else ""
    output.line(f"{team['id']}: models {', '.join(team.get('models') or ()) or 'all'}{state}\n")
    table = [[str(row["user"]), str(row["name"]), "manager" if row["manager"] else ""] for row in members]
    output.table((Column("USER"), Column("NAME"), Column("MANAGES")), table)
    if not rows:
        output.note(f"it has no keys; make one with: glowplug manage create {team_id} NAME")
        return
    output.line("")
    now = time()
    places = [[column.title for column in KEY_COLUMNS].index(name) for name in _SHOWN]
    every = [cells(row, now) for row in rows]
    output.table([Column(name) for name in _SHOWN], [[row[place] for place in places] for row in every])


@manage.command("usage", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.option("--by", default="user", show_default=True, metavar="A,B", help="Group by any of model, key, user, day.")
@click.option(
    "--since", default="7d", show_default=True, metavar="WHEN", help="From this day: 7d, 24h, 2026-01-31, or all."
)
@click.option("--until", metavar="DAY", help="Up to this day, inclusive.")
@common_options
def usage(team_id: str, by: str, since: str, until: str | None) -> None:
    """Show what a team used.

    \b
    Examples:
      glowplug manage usage web
      glowplug manage usage web --by key,model --since 30d
    """
    report(_path(team_id, "usage"), by, since, until)


@manage.command("add", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("user_id", metavar="USER")
@click.option("--manager", is_flag=True, help="They look after the team, too.")
@dry_run_option
@common_options
def add(team_id: str, user_id: str, manager: bool, dry_run: bool) -> None:
    """Put somebody into a team.

    \b
    Examples:
      glowplug manage add web bob
      glowplug manage add web bob --manager
    """
    asked = {"user": user_id, "manager": manager}
    put = current().client().call("PUT", _path(team_id, "members"), asked, query=_query(dry_run))
    say(put, "add", f"{user_id} to the team {team_id}")


@manage.command("remove", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("user_id", metavar="USER")
@dry_run_option
@common_options
def remove(team_id: str, user_id: str, dry_run: bool) -> None:
    """Take somebody out of a team.  Keys of theirs that are the team's stay so.

    \b
    Examples:
      glowplug manage remove web bob
      glowplug manage remove web bob --dry-run
    """
    query = {"user": user_id, **(_query(dry_run) or {})}
    gone = current().client().call("DELETE", _path(team_id, "members"), query=query)
    say(gone, "remove", f"{user_id} from the team {team_id}")


@manage.command("create", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("name")
@click.option("--mine", is_flag=True, help="It belongs to you, too; without it, to the team alone.")
@click.option("--user", default="", metavar="USER", help="It belongs to this member, too, and is for models only.")
@click.option("--models", default="", metavar="A,B", help="Models and aliases it may use [all of the team's].")
@click.option("--rpm", type=click.IntRange(1), metavar="N", help="Requests a minute [no limit].")
@click.option("--tpm", type=click.IntRange(1), metavar="N", help="Tokens a minute, prompts and answers [no limit].")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Requests at the same time [no limit].")
@click.option("--budget", default="", metavar="AMOUNT/WINDOW", help="What it may spend, within what the team may.")
@click.option("--expires", metavar="TIME", help="How long it is valid, for example 30d [for ever].")
@dry_run_option
@common_options
def create(team_id: str, name: str, models: str, expires: str | None, dry_run: bool, **given: Any) -> None:
    """Make a key of a team and show it once.

    The key alone goes to stdout, so that a script can keep it.

    \b
    Examples:
      glowplug manage create web ci --models chat-default --expires 30d
      KEY=$(glowplug manage create web laptop --mine)
      glowplug manage create web bobs-ci --user bob
    """
    asked = {"name": name, **{option: value for option, value in given.items() if value}}
    if allowed := listed(models):
        asked["models"] = allowed
    if expires is not None and (valid := duration(expires, "--expires")) < inf:
        asked["expires_in"] = valid
    made = current().client().call("POST", _path(team_id, "keys"), asked, query=_query(dry_run))
    _show_key(made, f"would create a key named {name} of the team {team_id}", f"key for {name}")


@manage.command("rotate", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("key_id", metavar="ID|NAME")
@click.option("--overlap", default="24h", show_default=True, metavar="TIME", help="How long the old one is good yet.")
@dry_run_option
@common_options
def rotate(team_id: str, key_id: str, overlap: str, dry_run: bool) -> None:
    """Make a new key in the place of one, and show it once.

    \b
    Examples:
      glowplug manage rotate web ci
      KEY=$(glowplug manage rotate web ci --overlap 10m)
    """
    name, path = _key(team_id, key_id)
    asked = {"overlap": duration(overlap, "--overlap")}
    made = current().client().call("POST", f"{path}/rotate", asked, query=_query(dry_run))
    _show_key(made, f"would replace {name}, which would be good for {overlap} yet", f"key in the place of {name}")


@manage.command("block", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def block(team_id: str, key_id: str, dry_run: bool) -> None:
    """Refuse a key of a team, at once, until it is let in again.

    \b
    Examples:
      glowplug manage block web ci
      glowplug manage block web ci --dry-run
    """
    _block(team_id, key_id, True, dry_run)


@manage.command("unblock", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def unblock(team_id: str, key_id: str, dry_run: bool) -> None:
    """Let a key of a team in again.

    \b
    Examples:
      glowplug manage unblock web ci
      glowplug manage unblock web ci --dry-run
    """
    _block(team_id, key_id, False, dry_run)


@manage.command("revoke", cls=Verb)
@click.argument("team_id", metavar="TEAM")
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def revoke(team_id: str, key_id: str, dry_run: bool) -> None:
    """Revoke a key of a team, at once and for good.

    \b
    Examples:
      glowplug manage revoke web ci
      glowplug manage revoke web ci --dry-run
    """
    name, path = _key(team_id, key_id)
    say(current().client().call("POST", f"{path}/revoke", query=_query(dry_run)), "revoke", name)


def _block(team_id: str, key_id: str, blocked: bool, dry_run: bool) -> None:
    name, path = _key(team_id, key_id)
    changed = current().client().call("PATCH", path, {"blocked": blocked}, query=_query(dry_run))
    say(changed, "block" if blocked else "unblock", name)


def _show_key(made: Row, would: str, done: str) -> None:
    output = current().output
    if output.as_json:
        output.document(made)
    elif made.get("dry_run"):
        output.line(would)
    else:
        output.note(f"{done}, id {made.get('id', '?')}; it is shown only now:")
        output.line(str(made.get("key") or ""))


def _key(team_id: str, wanted: str) -> tuple[str, str]:
    """What a key of the team is called, and its place."""
    from glowplug.cli.client import segment

    rows = current().client().call("GET", _path(team_id)).get("keys") or []
    found = chosen(rows, wanted, f"glowplug manage show {team_id}")
    name = f"{found.get('name') or found['id']} ({found['id']})"
    return name, _path(team_id, f"keys/{segment(str(found['id']))}")


def _path(team_id: str, rest: str = "") -> str:
    from glowplug.cli.client import segment

    return f"/admin/me/teams/{segment(team_id)}" + (f"/{rest}" if rest else "")


def _query(dry_run: bool) -> dict[str, str] | None:
    return {"dry_run": "1"} if dry_run else None
